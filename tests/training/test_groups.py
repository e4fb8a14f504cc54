"""Globs decide which weights learn, how fast, and which stay to the bit."""

import pytest
import torch

from leadline.errors import LeadlineError
from leadline.models.build import create_model
from leadline.models.config import ModelConfig
from leadline.training.checkpoint import load_checkpoint
from leadline.training.optim import MovingAverage, frozen_batch_norms, parameter_groups
from leadline.training.recipe import load_recipe
from leadline.training.train import train
from tests.conftest import QUICK, SilentReporter

pytestmark = pytest.mark.usefixtures("no_curves")


@pytest.fixture
def model():
    return create_model(ModelConfig("compact", stride=16))


def recipe(groups, *more):
    return load_recipe(
        "compact",
        [f"optimizer.groups={groups}", "optimizer.encoder_lr=null", "optimizer.lr=0.01", *more],
    )


def test_the_first_matching_glob_takes_a_parameter_and_all_are_taken(model):
    groups = parameter_groups(
        model,
        recipe(
            "[{match: '*.bias', weight_decay: 0}, {match: 'encoder.*', lr_factor: 0.1}, "
            "{match: '*'}]",
            "optimizer.weight_decay=0.05",
        ),
    )
    names = {id(p): name for name, p in model.named_parameters()}
    taken = [[names[id(p)] for p in group["params"]] for group in groups]
    assert all(name.endswith(".bias") for name in taken[0])
    assert all(name.startswith("encoder.") for name in taken[1])
    assert sorted(name for group in taken for name in group) == sorted(names.values())
    assert [group["base_lr"] for group in groups] == pytest.approx([0.01, 0.001, 0.01])
    assert [group["weight_decay"] for group in groups] == [0, 0.05, 0.05]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            "[{match: 'encoder.*', frozen: true}]",
            r"no glob matches .*\{match: '\*'\}",
        ),
        (
            "[{match: 'backbone.*'}, {match: '*'}]",
            r"'backbone\.\*' matches no .*encoder\.",
        ),
        ("[{match: '*', frozen: true}]", r"freezes every parameter"),
    ],
)
def test_a_list_of_globs_that_cannot_be_meant_is_one_clear_line(model, groups, message):
    with pytest.raises(LeadlineError, match=message):
        parameter_groups(model, recipe(groups))


def test_two_ways_to_set_the_encoders_rate_are_one_too_many():
    with pytest.raises(LeadlineError, match=r"optimizer\.encoder_lr=null"):
        load_recipe("compact", ["optimizer.groups=[{match: '*'}]", "optimizer.encoder_lr=1e-4"])


def test_a_frozen_encoder_keeps_weights_and_statistics_while_the_rest_learns(pairs, tmp_path):
    frozen = "optimizer.groups=[{match: 'encoder.*', frozen: true}, {match: '*'}]"
    settings = [*QUICK, "data.area=1536", "trainer.max_steps=3", "optimizer.encoder_lr=null"]
    train(
        load_recipe("compact", [*settings, frozen]),
        pairs,
        tmp_path / "run",
        progress=SilentReporter(),
        score=False,
    )
    before, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    begin = torch.load(tmp_path / "run" / "checkpoints" / "before_last.ckpt", weights_only=True)
    assert (begin["step"], before["step"]) == (0, 3)
    for name, value in before["model"].items():
        same = torch.equal(value, begin["model"][name])
        assert same == name.startswith("encoder."), name


def test_norms_rest_where_frozen_or_where_all_are_told_to(model):
    assert not frozen_batch_norms(model, everywhere=False)
    everywhere = frozen_batch_norms(model, everywhere=True)
    parameter_groups(model, recipe("[{match: 'encoder.*', frozen: true}, {match: '*'}]"))
    assert 0 < len(frozen_batch_norms(model, everywhere=False)) < len(everywhere)


def test_a_moving_average_follows_its_closed_form(model):
    average = MovingAverage(model, decay=0.5)
    name, weight = next(iter(model.named_parameters()))
    expected = weight.detach().double().clone()
    for step in range(1, 6):
        with torch.no_grad():
            weight.add_(1.0)
        average.update(model)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight.detach().double()
    torch.testing.assert_close(
        average.model.get_parameter(name).double(), expected, rtol=1e-6, atol=1e-6
    )


def test_the_average_is_what_is_saved_and_the_weights_go_on_beside_it(pairs, tmp_path):
    from leadline.models.build import load_model

    settings = [*QUICK, "data.area=1536", "trainer.max_steps=4", "trainer.ema=0.9"]
    recipe = load_recipe("compact", settings)
    train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    state, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    saved = load_model(tmp_path / "run" / "model").state_dict()
    assert all(torch.equal(saved[name], value) for name, value in state["ema"]["model"].items())
    assert not all(torch.equal(saved[name], value) for name, value in state["model"].items())


def test_fp16_scales_the_loss_and_a_checkpoint_keeps_the_scale(pairs, tmp_path, monkeypatch):
    settings = [*QUICK, "data.area=1024", "data.batch_size=2", "data.val_fraction=0"]
    recipe = load_recipe("compact", [*settings, "trainer.precision=fp16", "trainer.max_steps=2"])
    with pytest.raises(LeadlineError, match=r"fp16: .*use bf16"):
        train(recipe, pairs, tmp_path / "refused", progress=SilentReporter(), score=False)
    # A CPU can, however slowly, do what a GPU does: the first scale is too large for float16.
    monkeypatch.setattr("leadline.training.state.check_precision", lambda *_: None)
    train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    state, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert state["scaler"]["scale"] <= 2**16
    assert all(bool(value.isfinite().all()) for value in state["model"].values())
