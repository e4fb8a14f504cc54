"""`leadline.train`, `continue_run` and `resume`: a recipe and data become a run with a model."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from leadline.datasets.trained_on import TrainingData, write_training_images
from leadline.errors import LeadlineError
from leadline.evaluation import Result
from leadline.evaluation.scoring import Tracker, no_tracker
from leadline.io.atomic import check_writable
from leadline.io.locks import locked
from leadline.training.checkpoint import load_checkpoint, remove_leftovers
from leadline.training.continuation import Continuation, plan_continuation
from leadline.training.data import render_recipe_worlds
from leadline.training.distributed import start_processes
from leadline.training.final_score import score_run
from leadline.training.held_out import find_overlap, start_of
from leadline.training.loggers import check_installed
from leadline.training.ranges import check_range
from leadline.training.recipe import Recipe, change_recipe, load_recipe
from leadline.training.run_folder import (
    CHECKPOINTS,
    MODEL,
    RECIPE_FILE,
    RunInfo,
    check_is_new,
    check_run,
    create_run_folder,
)
from leadline.training.state import TrainState, resolve_precision
from leadline.training.trainer import NoProgress, Progress, StopReason, Trainer


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended: the folder of the run, why it stopped, the score of its best model.

    `evaluation` is None where the run is not finished, has no validation images, or no score was
    asked for. `is_rank_zero` is true in the one process that goes on to tell the user about it.
    """

    run: Path
    reason: StopReason
    evaluation: Result | None = None
    is_rank_zero: bool = True

    @property
    def model(self) -> Path:
        """The folder of the best model, which `leadline.load` and `leadline predict` take."""
        return self.run / MODEL


def train(
    recipe: Recipe | str,
    data: Path | str | None,
    out: Path | str,
    *,
    init: Path | str | None = None,
    overrides: Sequence[str] = (),
    units_per_metre: float | None = None,
    progress: Progress | None = None,
    score: bool = True,
    tracker: Tracker = no_tracker,
) -> TrainingResult:
    """Train a recipe on the data set `data` into the new run folder `out`, then score it.

    `recipe` is a name of `leadline recipes`, a YAML file or a `Recipe`; `overrides` are changes of
    its keys as of `--set`. `data` None: the recipe names its own; generated worlds are rendered
    into the cache first. `init` is a trained model that the network starts from, in place of the
    recipe's `model.init`: a shipped model, a run or `model/` folder, a weights file; every tensor
    that fits is taken, and the run says which do not. `units_per_metre` is the scale of depth files
    that do not say it. `progress` receives every step; `tracker` makes the progress bars of the
    final scoring, which `score=False` leaves out. Ctrl-C and SIGTERM do not raise: the run writes a
    checkpoint and ends with that `reason`.

        result = leadline.train("compact", "DATA", "runs/mine", overrides=["optimizer.lr=3e-4"])
        result.evaluation.metrics["abs_rel"]

    Errors: LeadlineError where the folder already holds a run, where recipe and data do not fit,
    for a loss that is not finite, a file that cannot be read or written.
    """
    if isinstance(recipe, Recipe):
        recipe = change_recipe(recipe, overrides)
    else:
        recipe = load_recipe(recipe, overrides)
    if init is not None:
        model = recipe.model.model_copy(update={"init": str(init)})
        recipe = recipe.model_copy(update={"model": model})
    path = None if data is None else Path(data)
    with ExitStack() as held:
        trainer = _start_trainer(
            recipe, path, Path(out), units_per_metre, progress or NoProgress(), held
        )
        return _run(trainer, score, tracker)


def continue_run(
    parent: Path | str,
    out: Path | str,
    *,
    data: Path | str | None = None,
    overrides: Sequence[str] = (),
    units_per_metre: float | None = None,
    progress: Progress | None = None,
    score: bool = True,
    tracker: Tracker = no_tracker,
) -> TrainingResult:
    """Train the best model of the finished run `parent` further, as a new run in `out`.

    The new run has the parent's recipe with `overrides`, and the parent's data unless `data` names
    other; optimizer and schedule start afresh. Network, normalisation and, on the same data, depth
    scale and validation samples stay those of the parent. The new run names its parent in
    `run.json` and in its model card. The other parameters are those of `train`.

        result = leadline.continue_run("runs/mine", "runs/longer", overrides=["optimizer.lr=1e-4"])

    Errors: LeadlineError where the parent is not finished, or for a change of what stays.
    """
    plan = plan_continuation(
        Path(parent), overrides, None if data is None else Path(data), units_per_metre
    )
    with ExitStack() as held:
        trainer = _start_trainer(
            plan.recipe,
            plan.data,
            Path(out),
            plan.units_per_metre,
            progress or NoProgress(),
            held,
            plan,
        )
        return _run(trainer, score, tracker)


def _start_trainer(
    recipe: Recipe,
    data: Path | None,
    out: Path,
    units_per_metre: float | None,
    progress: Progress,
    held: ExitStack,
    plan: Continuation | None = None,
) -> Trainer:
    """Create the run folder `out`, whose lock is `held`; return what trains in it."""
    started = time.monotonic()
    recipe = resolve_precision(recipe)
    processes = start_processes(recipe.trainer)
    with processes.raise_on_all_ranks():
        check_is_new(out)
        check_range(recipe)
        check_installed(recipe.trainer.loggers)
        if processes.local_rank == 0:
            render_recipe_worlds(recipe, data, progress.say)
    parent = None if plan is None else plan.parent
    state = TrainState.create(processes, recipe, out, data, units_per_metre, parent)
    with processes.raise_on_all_ranks():
        if processes.is_rank_zero:
            trained = start_of(recipe)
            state.warnings += _warnings(state, trained, data, plan)
            images = frozenset() if trained is None else trained.images()
            held.enter_context(_new_folder(out))
            write_training_images(out, images.union(state.train_data.locations()))
            create_run_folder(out, recipe, state.info)
    return Trainer(state, progress, started)


@contextmanager
def _new_folder(out: Path) -> Iterator[None]:
    """Hold the folder of a new run; nothing is written into one that another process trains in."""
    check_writable(out)
    with locked(out, "trained"):
        check_is_new(out)  # another process may have finished in it meanwhile
        yield


def _warnings(
    state: TrainState, trained: TrainingData | None, data: Path | None, plan: Continuation | None
) -> tuple[str, ...]:
    """Return what to say of validation images that were trained on, and of changes of a plan.

    Errors: LeadlineError for such images in a second phase, whose scores stand beside the first's.
    """
    overlap = find_overlap(trained, state.recipe, data, state.val_data)
    if plan is not None and overlap.images:
        raise LeadlineError(
            f"{overlap.finding} (the data has changed since, or --data names some of it again); "
            "give new images alone with --data, or data with a val split of its own, or start with "
            f"--recipe and --init {plan.parent}, which warns only"
        )
    notes = () if plan is None else plan.notes
    return notes if overlap.warning is None else (*notes, overlap.warning)


def resume(
    run: Path | str,
    *,
    progress: Progress | None = None,
    score: bool = True,
    tracker: Tracker = no_tracker,
) -> TrainingResult:
    """Continue the run in the folder `run` from its newest checkpoint, to the same bits.

    The parameters are those of `train`.
    Errors: LeadlineError where the folder holds no run or no readable checkpoint, or another
    process trains there.

    >>> result = resume("runs/kitchen", score=False)
    >>> result.reason.value, result.model
    ('all steps are done', PosixPath('runs/kitchen/model'))
    """
    started = time.monotonic()
    run, progress = Path(run), progress or NoProgress()
    check_run(run)
    recipe, info = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run)
    processes = start_processes(recipe.trainer)
    with ExitStack() as held:
        with processes.raise_on_all_ranks():
            check_installed(recipe.trainer.loggers)
            if processes.is_rank_zero:
                held.enter_context(locked(run, "trained"))
            checkpoint, warning = load_checkpoint(run / CHECKPOINTS)
            if processes.local_rank == 0:
                render_recipe_worlds(recipe, info.data_path, progress.say)
        state = TrainState.restore(processes, recipe, run, info, checkpoint)
        with processes.raise_on_all_ranks():
            if processes.is_rank_zero:
                remove_leftovers(run)
                _announce_resume(state, warning, progress)
        return _run(Trainer(state, progress, started), score, tracker)


def _announce_resume(state: TrainState, warning: str | None, progress: Progress) -> None:
    if warning:
        progress.say(warning)
    position = f"at step {state.step} of {state.total_steps}"
    is_done = state.step >= state.total_steps
    progress.say(f"already finished, {position}" if is_done else f"resuming {position}")


def _run(trainer: Trainer, score: bool, tracker: Tracker) -> TrainingResult:
    reason, state = trainer.train(), trainer.state
    state.processes.close()
    is_rank_zero = state.processes.is_rank_zero
    evaluation = (
        score_run(state.folder, tracker) if score and is_rank_zero and reason.is_final else None
    )
    return TrainingResult(state.folder, reason, evaluation, is_rank_zero)
