"""The score of a finished run: its best model, and baselines that ignore the photograph."""

from pathlib import Path

from leadline.evaluation import ModelPredictions, Result, evaluate
from leadline.evaluation.evaluate import VOID
from leadline.inference import Predictor
from leadline.progress import Track, untracked
from leadline.training.data import open_recipe_data
from leadline.training.held_out import check_same_images
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import MODEL, RECIPE_FILE, RunInfo


def score_run(run: Path, *, track: Track = untracked) -> Result | None:
    """Score the best model of the run in `run` on its validation images, and the baselines.

    Returns None if the run has no validation images. Class ids ignored by all losses of the recipe
    are left out of class scores.
    Errors: LeadlineError if the data has changed since the run began.
    """
    recipe, info = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run)
    train_data, val_data = open_recipe_data(recipe, info.data_path, info.units_per_metre)
    if val_data is None:
        return None
    check_same_images(run, recipe, train_data)
    return evaluate(
        ModelPredictions(Predictor.load(run / MODEL, precision="f32")),
        val_data,
        protocol=recipe.trainer.protocol,
        void=(*VOID, *sorted(recipe.ignored_classes)),
        baselines=train_data,
        name=f"{recipe.name} (this run)",
        data_name=f"validation images of {info.data or val_data.root}",
        track=track,
    )
