"""The score of a finished run: its best model beside what ignores the photograph."""

from collections.abc import Callable, Iterable
from pathlib import Path

from leadline.datasets.sample import DepthDataset
from leadline.evaluation import (
    ConstantPredictions,
    Evaluation,
    ModelPredictions,
    evaluate,
    training_baselines,
)
from leadline.evaluation.evaluate import VOID
from leadline.inference import Predictor
from leadline.metrics import Protocol
from leadline.training.data import open_recipe_data
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import MODEL, RECIPE_FILE, RunInfo

MAX_BASELINE_IMAGES = 1000
"""More would take longer to read than the score itself, and change no digit of a mean map."""

Tracker = Callable[[str], Callable[[Iterable[int]], Iterable[int]]]
"""Of a title: a wrapper of the indices that are gone through, for a progress bar."""


def no_tracker(_title: str) -> Callable[[Iterable[int]], Iterable[int]]:
    """Return a wrapper that shows nothing."""
    return iter


def score_run(run: Path, tracker: Tracker = no_tracker) -> Evaluation | None:
    """Score the best model of the run in `run` on its validation images, and the baselines.

    Returns None where the run has no validation images. Class ids that no loss of the recipe looks
    at count in no class score.
    """
    recipe, info = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run)
    train_data, val_data = open_recipe_data(recipe, info.data_path, info.units_per_metre)
    if val_data is None:
        return None
    result = evaluate(
        ModelPredictions(Predictor.load(run / MODEL).runtime),
        val_data,
        protocol=recipe.trainer.protocol,
        void=(*VOID, *sorted(recipe.ignored_classes)),
        track=tracker("evaluate"),
    )
    result.model = f"{recipe.name} (this run)"
    result.data = f"validation images of {info.data or val_data.root}"
    result.baselines = _score_baselines(train_data, val_data, result.protocol, tracker)
    return result


def _score_baselines(
    train_data: DepthDataset, val_data: DepthDataset, protocol: Protocol, tracker: Tracker
) -> dict[str, dict[str, float]]:
    """Score the mean depth map and the median of evenly spaced training images."""
    count = min(len(train_data), MAX_BASELINE_IMAGES)
    spread = train_data.subset([number * len(train_data) // count for number in range(count)])
    title = f"baselines from {count} of {len(train_data)} training images"
    maps = training_baselines(spread, tracker(title))
    return {
        name: evaluate(ConstantPredictions(depth), val_data, protocol=protocol).metrics
        for name, depth in maps.items()
    }
