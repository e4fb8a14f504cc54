"""Start or resume a run that `leadline.training.train` has checked: data, network, folder, loop."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from leadline.datasets.fingerprints import pass_on_fingerprints
from leadline.datasets.trained_on import TrainingData, write_training_images
from leadline.errors import LeadlineError
from leadline.io.atomic import check_writable, make_folders
from leadline.io.locks import locked
from leadline.progress import Track
from leadline.training.checkpoint import load_checkpoint, remove_leftovers
from leadline.training.continuation import Continuation
from leadline.training.data import check_mix_weights, render_recipe_worlds
from leadline.training.distributed import start_processes
from leadline.training.early_checks import load_resumed_recipe
from leadline.training.final_score import score_run
from leadline.training.held_out import (
    check_same_images,
    find_overlap,
    known_warnings,
    start_of,
)
from leadline.training.loggers import check_installed
from leadline.training.ranges import check_range
from leadline.training.recipe import Recipe
from leadline.training.run_folder import (
    CHECKPOINTS,
    RunInfo,
    check_is_new,
    create_run_folder,
)
from leadline.training.state import TrainState, resolve_precision
from leadline.training.trainer import Trainer
from leadline.training.training_result import NoProgress, Progress, TrainingResult


def start_run(
    recipe: Recipe,
    data: Path | None,
    out: Path,
    units_per_metre: float | None,
    *,
    progress: Progress | None,
    score: bool,
    track: Track,
    plan: Continuation | None = None,
) -> TrainingResult:
    """Train a new run in the folder `out`, holding its lock, and score it.

    Errors: LeadlineError as `leadline.training.train.train`.
    """
    with ExitStack() as held:
        trainer = _start_trainer(
            recipe, data, out, units_per_metre, progress or NoProgress(), held, plan
        )
        return _run(trainer, score, track)


def _start_trainer(
    recipe: Recipe,
    data: Path | None,
    out: Path,
    units_per_metre: float | None,
    progress: Progress,
    held: ExitStack,
    plan: Continuation | None = None,
) -> Trainer:
    """Create the run folder `out`, with its lock added to `held`; return its trainer."""
    started = time.monotonic()
    recipe = resolve_precision(recipe)
    processes = start_processes(recipe.trainer)
    with processes.raise_on_all_ranks():
        check_is_new(out)
        check_range(recipe)
        check_mix_weights(recipe)
        check_installed(recipe.trainer.loggers)
        if processes.local_rank == 0:
            render_recipe_worlds(recipe, data, progress.say)
    parent = None if plan is None else plan.parent
    start = recipe.model.init if parent is None else parent
    state = TrainState.create(processes, recipe, out, data, units_per_metre, parent)
    with processes.raise_on_all_ranks():
        if processes.is_rank_zero:
            trained = start_of(recipe)
            state.warnings += _warnings(state, trained, data, plan)
            state.warnings += known_warnings(start, state.val_data)
            images = frozenset() if trained is None else trained.images()
            held.enter_context(_new_folder(out))
            write_training_images(out, images.union(state.train_data.locations()))
            if start is not None:
                pass_on_fingerprints(start, out)
            create_run_folder(out, recipe, state.info)
    return Trainer(state, progress, started)


@contextmanager
def _new_folder(out: Path) -> Iterator[None]:
    """Create and lock the folder of a new run, unless another process trains in it."""
    check_writable(out)
    make_folders(out)
    with locked(out, "trained"):
        check_is_new(out)  # another process may have finished in it meanwhile
        yield


def _warnings(
    state: TrainState, trained: TrainingData | None, data: Path | None, plan: Continuation | None
) -> tuple[str, ...]:
    """Return warnings on validation images that were trained on, and on changes of a plan.

    Errors: LeadlineError for such images in a second phase, whose scores must be comparable with
    those of the first.
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


def resume_run(
    run: Path,
    overrides: Sequence[str] = (),
    *,
    progress: Progress | None,
    score: bool,
    track: Track,
) -> TrainingResult:
    """Continue the run in the folder `run` from its newest checkpoint.

    Errors: LeadlineError as `leadline.training.train.resume`.
    """
    started = time.monotonic()
    progress = progress or NoProgress()
    recipe, info = load_resumed_recipe(run, overrides), RunInfo.read(run)
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
                check_same_images(run, recipe, state.train_data)
                remove_leftovers(run)
                _announce_resume(state, warning, progress)
        return _run(Trainer(state, progress, started), score, track)


def _announce_resume(state: TrainState, warning: str | None, progress: Progress) -> None:
    if warning:
        progress.say(warning)
    position = f"at step {state.step} of {state.total_steps}"
    is_done = state.step >= state.total_steps
    progress.say(f"already finished, {position}" if is_done else f"resuming {position}")


def _run(trainer: Trainer, score: bool, track: Track) -> TrainingResult:
    reason, state = trainer.train(), trainer.state
    state.processes.close()
    is_rank_zero = state.processes.is_rank_zero
    evaluation = (
        score_run(state.folder, track=track) if score and is_rank_zero and reason.is_final else None
    )
    return TrainingResult(state.folder, reason, evaluation, is_rank_zero)
