"""In which precision a training computes."""

import pytest

from leadline.training.recipe import load_recipe
from leadline.training.state import resolve_precision


@pytest.mark.parametrize(("has_bf16", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_becomes_what_the_processor_has(monkeypatch, has_bf16, precision):
    monkeypatch.setattr("leadline.training.state.computes_bf16", lambda _device: has_bf16)
    recipe = load_recipe("compact", ["trainer.accelerator=cpu"])
    assert resolve_precision(recipe).trainer.precision == precision
    chosen = load_recipe("compact", ["trainer.precision=fp32"])
    assert resolve_precision(chosen) == chosen
