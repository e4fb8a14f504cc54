"""What the scripts that train have in common: a run is begun, continued, stopped in time."""

import json
import signal
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leadline.cli.train import TrainingProgress
from leadline.errors import LeadlineError
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.run_folder import MODEL, RECIPE_FILE, RunInfo, Status
from leadline.training.train import resume, train

PROTOCOL = "nyu-eigen"
SHIPPED = ("model.encoder=mobilenet_v2", "model.encoder_weights=shipped")
INDOORS = ("model.max_depth=10", "data.max_depth=10")
NYU_40 = ("model.options.classes=41", "loss.1.options.ignore=[0]")


class ProgressUntil(TrainingProgress):
    """The usual progress, which ends a run with a checkpoint once `deadline` is over.

    `deadline` is a moment of `time.monotonic()`; None never comes.
    """

    def __init__(self, deadline: float | None = None) -> None:
        super().__init__()
        self.deadline = deadline

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Count a step; the signal reaches the run as anybody's would, between two steps."""
        super().step(step, loss, images, waited)
        if is_over(self.deadline):
            signal.raise_signal(signal.SIGTERM)


def is_over(deadline: float | None) -> bool:
    """Tell whether a moment of `time.monotonic()` has passed."""
    return deadline is not None and time.monotonic() >= deadline


def is_finished(run: Path) -> bool:
    """Tell whether nothing is left to train."""
    status = Status.read(run)
    return status is not None and status.state == "finished" and (run / MODEL).is_dir()


def train_to_the_end(recipe: Recipe, data: Path, run: Path, deadline: float | None = None) -> bool:
    """Begin or continue a run; tell whether it is finished.

    Errors: LeadlineError where `run` was begun with another recipe or on other data.
    """
    has_begun = (run / "checkpoints" / "last.ckpt").is_file()
    if has_begun:
        check_same(run, recipe, data)
    if is_finished(run):
        return True
    if is_over(deadline):
        return False
    with ProgressUntil(deadline) as progress:
        if has_begun:
            result = resume(run, progress=progress, score=False)
        else:  # also one that was stopped before its first checkpoint
            result = train(recipe, data, run, progress=progress, score=False)
    return result.reason.is_final


def check_same(run: Path, recipe: Recipe, data: Path) -> None:
    """Raise LeadlineError where a run was begun with another recipe or on other data."""
    before, after = load_recipe(str(run / RECIPE_FILE)).model_dump(), recipe.model_dump()
    other = [name for name in before if before[name] != after[name]]
    trained_on = RunInfo.read(run).data
    if trained_on is not None and Path(trained_on) != data.resolve():
        other.append(f"data ({trained_on})")
    if other:
        raise LeadlineError(
            f"{run}: was begun with another {', '.join(other)}; choose another folder, or remove it"
        )


def training_images(run: Path) -> int:
    """Return how many images a run was trained on."""
    content: list[Any] = json.loads((run / "training_images.json").read_text(encoding="utf-8"))
    return len(content)


def leadline(*arguments: object) -> None:
    """Run `leadline ARGUMENTS` in this process; a user's error stays a LeadlineError."""
    from leadline.cli import app

    app([*map(str, arguments)], standalone_mode=False)


def spread(values: Sequence[float]) -> str:
    """Return the mean, and the standard deviation (n - 1) of several seeds behind it."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
