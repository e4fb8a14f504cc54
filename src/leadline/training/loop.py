"""The training loop, readable in one sitting. Lightning Fabric supplies devices and processes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.training.books import Books
from leadline.training.checkpoint import load_checkpoint, remove_leftovers
from leadline.training.class_ids import class_ids
from leadline.training.data import TrainingSamples, make_loader
from leadline.training.loggers import check_installed
from leadline.training.origin import Origin, read_origin
from leadline.training.processes import SaidByAnother, peers_may_vanish, start_processes
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.reporter import Reporter, Silence, announce
from leadline.training.run import Run, set_up
from leadline.training.runs import is_run
from leadline.training.schedules import lr_factor
from leadline.training.signals import Stopped, StopRequest
from leadline.training.step import train_step


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the best model's folder, and whether nothing is left to do.

    `leads` is true of the one process that goes on to tell the user about it.
    """

    model: Path
    finished: bool
    leads: bool = True


def train(
    recipe: Recipe,
    data: Path,
    folder: Path,
    reporter: Reporter,
    *,
    units_per_metre: float | None = None,
) -> Outcome:
    """Train `recipe` on `data` into the run folder `folder`.

    Errors: LeadlineError where the folder already holds a run, or the data is wrong.
    """
    began = time.monotonic()
    recipe = _settle(recipe)
    processes = start_processes(recipe.trainer)
    with processes.together():
        if (folder / "recipe.yaml").exists():
            raise LeadlineError(
                f"{folder}: already holds a run; continue it with 'leadline train --resume "
                f"{folder}' or choose another --out"
            )
        check_installed(recipe.trainer.loggers)
    run = set_up(processes, recipe, data, folder, units_per_metre)
    origin = Origin(str(data.resolve()), units_per_metre, run.initialised_from)
    with processes.together():
        if processes.leads:
            _found(folder, recipe, origin)
    return _run(run, reporter, began)


def _found(folder: Path, recipe: Recipe, origin: Origin) -> None:
    """Write what makes a folder a run folder; the recipe, which tells one, comes last."""
    origin.write(folder)
    with atomic_path(folder / "recipe.yaml") as temporary:
        temporary.write_text(recipe.to_yaml(), encoding="utf-8")


def resume(folder: Path, reporter: Reporter) -> Outcome:
    """Continue the run in `folder` from its newest checkpoint, to the same bits."""
    began = time.monotonic()
    if not is_run(folder):
        raise LeadlineError(f"{folder}: not a run folder (no recipe.yaml and run.json in it)")
    recipe = load_recipe(str(folder / "recipe.yaml"))
    origin = read_origin(folder)
    processes = start_processes(recipe.trainer)
    with processes.together():
        state, warning = load_checkpoint(folder / "checkpoints")
    # Every weight is in the checkpoint: what the run started from need not be there any more.
    section = recipe.model.model_copy(update={"encoder_weights": "none"})
    if "normalization" in state:
        section = section.model_copy(update={"normalization": state["normalization"]})
    blank = recipe.model_copy(update={"model": section})
    run = set_up(processes, blank, Path(origin.data), folder, origin.units_per_metre)
    run = replace(run, recipe=recipe, initialised_from=origin.initialised_from)
    with processes.together():
        run.restore(state)
        if processes.leads:
            remove_leftovers(folder / "checkpoints")
            for line in filter(None, (warning, _where(run))):
                reporter.say(line)
    return _run(run, reporter, began)


def _where(run: Run) -> str:
    if run.step >= run.total_steps:
        return f"already finished, at step {run.step} of {run.total_steps}"
    return f"resuming at step {run.step} of {run.total_steps}"


def _settle(recipe: Recipe) -> Recipe:
    """Fix what `auto` means on this machine, so that the saved recipe is the run's."""
    if recipe.trainer.precision != "auto":
        return recipe
    on_gpu = recipe.trainer.accelerator != "cpu" and torch.cuda.is_available()
    bf16 = torch.cuda.is_bf16_supported() if on_gpu else _cpu_has_bf16()
    trainer = recipe.trainer.model_copy(update={"precision": "bf16" if bf16 else "fp32"})
    return recipe.model_copy(update={"trainer": trainer})


def _cpu_has_bf16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def _run(run: Run, reporter: Reporter, began: float) -> Outcome:
    processes = run.processes
    reporter = reporter if processes.leads else Silence()
    stop = StopRequest()
    books: Books | None = None
    try:
        with peers_may_vanish(run.folder):
            books = Books(run, reporter)
            announce(run, reporter)
            if run.step == 0:
                # So that a run can be resumed from its first moment on, and a full disk shows now.
                run.save()
            _steps(run, books, reporter, stop, began)
    except KeyboardInterrupt:
        if stop.forced:
            raise
        run.save()
        reporter.say(
            f"stopped at step {run.step}; continue with: leadline train --resume {run.folder}"
        )
        raise (
            Stopped(stop.number) if processes.leads else SaidByAnother(128 + stop.number)
        ) from None
    finally:
        stop.restore()
        if books is not None:
            books.close()
    processes.close()
    return Outcome(run.folder / "model", books.nothing_left, processes.leads)


def _steps(run: Run, books: Books, reporter: Reporter, stop: StopRequest, began: float) -> None:
    """Take the steps that are left, or as many as signals and the clock allow."""
    books.catch_up()
    if books.ends_early():
        return
    data = run.train_data if run.recipe.reads_labels else run.train_data.without_labels()
    recipe = run.recipe
    known = class_ids(recipe, run.model)
    samples = TrainingSamples(data, run.size, recipe.augment, recipe.trainer.seed, known)
    order = run.order.starting_at(run.step)
    batches = iter(make_loader(samples, order, run.recipe.data.workers))
    stop.silence_workers()
    reporter.start(run.step, run.total_steps)
    while run.step < run.total_steps:
        started = time.perf_counter()
        batch = _next_batch(run, batches)
        waited = time.perf_counter() - started
        factor = lr_factor(
            run.recipe.schedule, run.step, run.total_steps, run.steps_per_epoch, run.memory
        )
        loss = train_step(run, batch, factor)
        _, images = run.order.share(run.step)
        run.step += 1
        run.recent_losses.append(loss)
        reporter.step(run.step, loss, images, waited)
        books.after_step()
        stopped, late = run.processes.any(stop.requested, _time_is_up(run, began))
        if stopped:
            raise KeyboardInterrupt
        if books.ends_early():
            return
        if late and run.step < run.total_steps:
            run.save()
            reporter.say(
                f"trainer.max_minutes is over at step {run.step} of {run.total_steps}; "
                f"continue with: leadline train --resume {run.folder}"
            )
            return


def _time_is_up(run: Run, began: float) -> bool:
    minutes = run.recipe.trainer.max_minutes
    return minutes is not None and time.monotonic() - began >= 60 * minutes


def _next_batch(run: Run, batches: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the next batch; where a sample is bad, what was learned so far is saved first."""
    try:
        with run.processes.together():
            try:
                return next(batches)
            except LeadlineError as error:
                raise LeadlineError(_without_worker_trace(error)) from error
            except (RuntimeError, ConnectionError, EOFError) as error:
                if not _means_dead_worker(error):
                    raise
                raise LeadlineError(
                    "a data worker process was killed, maybe for want of memory; go on with: "
                    f"leadline train --resume {run.folder} (fewer workers: data.workers in "
                    f"{run.folder / 'recipe.yaml'})"
                ) from error
    except (LeadlineError, SystemExit):
        if run.step > 0:
            run.save()
        raise


def _means_dead_worker(error: Exception) -> bool:
    """Whether the loader failed because a worker is gone: it notices, or its pipe breaks first."""
    text = str(error)
    return isinstance(error, ConnectionError | EOFError) or (
        "DataLoader worker" in text and ("exited unexpectedly" in text or "killed" in text)
    )


def _without_worker_trace(error: LeadlineError) -> str:
    """A worker process hands its error on inside a printed traceback: return the error alone."""
    last = str(error).strip().splitlines()[-1]
    return last.partition("LeadlineError: ")[2] or last
