"""`leadline.train` and `leadline.resume`: one call each from a recipe to a score."""

import shutil
from pathlib import Path

import pytest

from leadline.errors import LeadlineError
from leadline.training.recipe import change_recipe, load_recipe
from leadline.training.run_folder import Run
from leadline.training.train import resume, train
from leadline.training.training_result import StopReason
from tests.conftest import QUICK

SETTINGS = [*QUICK, "data.area=1536", "trainer.max_steps=2", "data.val_fraction=0.25"]


def test_the_example_of_the_docs_trains_scores_and_resumes(pairs, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    example = page[page.index("## In Python") :].split("```python")[1].split("```")[0]
    example = example.replace("DATA", str(pairs)).replace(
        '["trainer.max_steps=500"]', str(SETTINGS)
    )
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    assert names["result"].reason is StopReason.FINISHED
    assert names["result"].model == Path("runs/mine/model")


def test_one_call_trains_and_scores_and_another_continues(pairs, tmp_path):
    result = train("compact", str(pairs), str(tmp_path / "run"), overrides=SETTINGS)
    assert result.reason is StopReason.FINISHED
    assert result.evaluation is not None
    assert set(result.evaluation.baselines) == {"mean training depth map", "median training depth"}
    # The score of the best model is the one of the validation after which it was kept.
    best = Run.open(tmp_path / "run").kept
    assert result.evaluation.metrics["abs_rel"] == pytest.approx(best["abs_rel"], rel=1e-3)
    copy = shutil.copytree(tmp_path / "run", tmp_path / "copy")
    again = resume(copy)
    assert again.run == copy
    assert again.evaluation is not None
    assert again.evaluation.metrics == result.evaluation.metrics


def test_without_validation_images_there_is_no_score(pairs, tmp_path):
    settings = [*SETTINGS, "data.val_fraction=0", "trainer.max_steps=1"]
    result = train("compact", pairs, tmp_path / "run", overrides=settings)
    assert result.evaluation is None
    assert (result.model / "model.safetensors").is_file()


def test_changes_of_a_recipe_object_count_as_those_of_a_name(pairs, tmp_path):
    assert change_recipe(load_recipe("compact"), SETTINGS) == load_recipe("compact", SETTINGS)
    with pytest.raises(LeadlineError, match=r"recipe compact: unknown key 'optimizer\.lrr'"):
        train(load_recipe("compact"), pairs, tmp_path / "run", overrides=["optimizer.lrr=1"])
