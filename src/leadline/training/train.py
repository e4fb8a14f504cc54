"""`leadline.train` and `leadline.resume`: a recipe and data become a run with a model."""

import time
from dataclasses import dataclass
from pathlib import Path

from leadline.training.checkpoint import load_checkpoint, remove_leftovers
from leadline.training.distributed import start_processes
from leadline.training.loggers import check_installed
from leadline.training.precision import resolve_precision
from leadline.training.progress import NoProgress, Progress
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.run_folder import (
    CHECKPOINTS,
    MODEL,
    RECIPE_FILE,
    RunInfo,
    check_is_new,
    check_run,
    create_run_folder,
)
from leadline.training.state import TrainState
from leadline.training.trainer import StopReason, Trainer


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended: the run's folder, why it stopped.

    `is_rank_zero` is true in the one process that goes on to tell the user about it.
    """

    run: Path
    reason: StopReason
    is_rank_zero: bool = True

    @property
    def model(self) -> Path:
        """The folder of the best model."""
        return self.run / MODEL


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    units_per_metre: float | None = None,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train `recipe` on `data` into the run folder `out`.

    Errors: LeadlineError where the folder already holds a run, or the data is wrong.
    """
    started = time.monotonic()
    recipe = resolve_precision(recipe)
    processes = start_processes(recipe.trainer)
    with processes.raise_on_all_ranks():
        check_is_new(out)
        check_installed(recipe.trainer.loggers)
    state = TrainState.create(processes, recipe, out, data, units_per_metre)
    with processes.raise_on_all_ranks():
        if processes.is_rank_zero:
            create_run_folder(out, recipe, state.info)
    return _run(state, progress, started)


def resume(run: Path, *, progress: Progress | None = None) -> TrainingResult:
    """Continue the run in the folder `run` from its newest checkpoint, to the same bits."""
    started = time.monotonic()
    check_run(run)
    recipe, info = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run)
    processes = start_processes(recipe.trainer)
    with processes.raise_on_all_ranks():
        check_installed(recipe.trainer.loggers)
        checkpoint, warning = load_checkpoint(run / CHECKPOINTS)
    state = TrainState.restore(processes, recipe, run, info, checkpoint)
    with processes.raise_on_all_ranks():
        if processes.is_rank_zero:
            remove_leftovers(run / CHECKPOINTS)
            _say_where(state, warning, progress or NoProgress())
    return _run(state, progress, started)


def _say_where(state: TrainState, warning: str | None, progress: Progress) -> None:
    if warning:
        progress.say(warning)
    position = f"at step {state.step} of {state.total_steps}"
    is_done = state.step >= state.total_steps
    progress.say(f"already finished, {position}" if is_done else f"resuming {position}")


def _run(state: TrainState, progress: Progress | None, started: float) -> TrainingResult:
    reason = Trainer(state, progress or NoProgress(), started).train()
    state.processes.close()
    return TrainingResult(state.folder, reason, state.processes.is_rank_zero)
