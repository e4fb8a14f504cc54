"""The training loop, readable in one sitting. Lightning Fabric supplies devices and processes."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from leadline.depth.atomic import atomic_path
from leadline.depth.errors import LeadlineError
from leadline.depth.files import one_line
from leadline.training.card import write_card
from leadline.training.checkpoint import load_checkpoint, remove_leftovers
from leadline.training.class_ids import class_ids
from leadline.training.data import TrainingSamples, make_loader
from leadline.training.processes import SaidByAnother, peers_may_vanish, start_processes
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.record import RunRecord
from leadline.training.run import Run, set_up
from leadline.training.schedules import after_validation, early_stop_reason, lr_factor
from leadline.training.signals import Stopped, StopRequest
from leadline.training.step import train_step
from leadline.training.validation import shown_samples, validate


class Reporter(Protocol):
    """Who is told how a run goes; the command line draws a progress bar from it."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Training is about to begin."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """One step is done: its loss, images seen, seconds spent waiting for data."""

    def say(self, line: str) -> None:
        """Something a person should read."""


class Silence:
    """The reporter of a process that does not lead."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Say nothing."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""


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
    run = set_up(processes, recipe, data, folder, units_per_metre)
    facts = {
        "data": str(data.resolve()),
        "units_per_metre": units_per_metre,
        "initialised_from": run.initialised_from,
    }
    with processes.together():
        if processes.leads:
            _found(folder, recipe, facts)
    return _run(run, reporter, began)


def _found(folder: Path, recipe: Recipe, facts: dict[str, Any]) -> None:
    """Write what makes a folder a run folder; the recipe, which tells one, comes last."""
    with atomic_path(folder / "run.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
    with atomic_path(folder / "recipe.yaml") as temporary:
        temporary.write_text(recipe.to_yaml(), encoding="utf-8")


def resume(folder: Path, reporter: Reporter) -> Outcome:
    """Continue the run in `folder` from its newest checkpoint, to the same bits."""
    began = time.monotonic()
    if not (folder / "recipe.yaml").is_file() or not (folder / "run.json").is_file():
        raise LeadlineError(f"{folder}: not a run folder (no recipe.yaml and run.json in it)")
    recipe = load_recipe(str(folder / "recipe.yaml"))
    facts = json.loads((folder / "run.json").read_text())
    processes = start_processes(recipe.trainer)
    with processes.together():
        state, warning = load_checkpoint(folder / "checkpoints")
    # Every weight is in the checkpoint: what the run started from need not be there any more.
    section = recipe.model.model_copy(update={"encoder_weights": "none"})
    if "normalization" in state:
        section = section.model_copy(update={"normalization": state["normalization"]})
    blank = recipe.model_copy(update={"model": section})
    run = set_up(processes, blank, Path(facts["data"]), folder, facts["units_per_metre"])
    run = replace(run, recipe=recipe, initialised_from=facts["initialised_from"])
    with processes.together():
        run.restore(state)
        if processes.leads:
            remove_leftovers(folder / "checkpoints")
            for line in filter(
                None, (warning, f"resuming at step {run.step} of {run.total_steps}")
            ):
                reporter.say(line)
    return _run(run, reporter, began)


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
    record: RunRecord | None = None
    try:
        with peers_may_vanish():
            with _writing(run):
                record = _start_record(run, reporter) if processes.leads else None
            _announce(run, reporter)
            if run.step == 0:
                # So that a run can be resumed from its first moment on, and a full disk shows now.
                run.save()
            _steps(run, record, reporter, stop, began)
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
        if record is not None:
            record.close(run.step, finished=_nothing_left(run))
    processes.close()
    return Outcome(run.folder / "model", _nothing_left(run), processes.leads)


def _start_record(run: Run, reporter: Reporter) -> RunRecord:
    return RunRecord(
        run.folder,
        run.recipe,
        first_step=run.step,
        total_steps=run.total_steps,
        steps_per_epoch=run.steps_per_epoch,
        images_per_step=run.order.batch_size,
        say=reporter.say,
    )


def _steps(
    run: Run, record: RunRecord | None, reporter: Reporter, stop: StopRequest, began: float
) -> None:
    """Take the steps that are left, or as many as signals and the clock allow."""
    if run.step and _validation_due(run) and run.validated_step != run.step:
        # The run was stopped between its checkpoint and the validation of the same step.
        _validate(run, record, reporter)
    if _ends_early(run, reporter):
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
        _keep_books(run, record, reporter)
        stopped, late = run.processes.any(stop.requested, _time_is_up(run, began))
        if stopped:
            raise KeyboardInterrupt
        if _ends_early(run, reporter):
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


def _announce(run: Run, reporter: Reporter) -> None:
    h, w = run.size
    val = f"{len(run.val_data)} validation images" if run.val_data else "no validation images"
    count = run.processes.count
    reporter.say(
        f"{run.recipe.name}: {run.model.parameter_count():,} parameters, "
        f"from {run.initialised_from}; {len(run.train_data)} training and {val}; "
        f"{h}x{w} (HxW), batch {run.order.batch_size}, {run.total_steps} steps, "
        f"{run.recipe.trainer.precision} on {run.processes.device}"
        f"{f', {count} processes' if count > 1 else ''}"
    )
    if note := _batch_norm_note(run):
        reporter.say(note)


def _batch_norm_note(run: Run) -> str | None:
    """Say on how many images BatchNorm's statistics rest where that is not the whole batch."""
    norms = [m for m in run.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    resting = {id(norm) for norm in run.norms_at_rest}
    accumulate, count = run.recipe.trainer.accumulate, run.processes.count
    if accumulate * count == 1 or all(id(norm) in resting for norm in norms):
        return None
    seen = max(1, run.order.batch_size // (accumulate * count))
    return (
        f"BatchNorm normalises over {seen} images at a time, not over the batch of "
        f"{run.order.batch_size}; trainer.freeze_batch_norm=true, or SyncBatchNorm on GPUs without "
        "accumulation, avoids the difference"
    )


@contextmanager
def _writing(run: Run) -> Iterator[None]:
    """Writing into the run folder: one line where that fails, which says what is safe."""
    with run.processes.together():
        try:
            yield
        except OSError as error:
            safe = f"step {run.saved_step} is safe" if run.saved_step > 0 else "nothing was lost"
            raise LeadlineError(
                f"{run.folder}: cannot be written ({one_line(error)}); {safe}: free space or "
                f"permissions, then go on with: leadline train --resume {run.folder}"
            ) from error


def _keep_books(run: Run, record: RunRecord | None, reporter: Reporter) -> None:
    """Log, checkpoint, validate: whatever is due at this step."""
    trainer, done = run.recipe.trainer, run.step == run.total_steps
    if run.step % trainer.log_every_steps == 0 or done:
        rate = float(run.optimizer.param_groups[-1]["lr"])
        loss = sum(run.recent_losses) / len(run.recent_losses)
        run.recent_losses.clear()
        with _writing(run):
            if record:
                record.add(run.step, run.epoch, {"loss": loss, "lr": rate})
    due = _validation_due(run)
    if run.step % trainer.checkpoint_every_steps == 0 or due:
        # Before the validation, so that whatever goes wrong in it loses no training.
        run.save()
    if due:
        _validate(run, record, reporter)
    if _nothing_left(run):
        run.save()


def _nothing_left(run: Run) -> bool:
    return run.step == run.total_steps or early_stop_reason(run.recipe, run.memory) is not None


def _ends_early(run: Run, reporter: Reporter) -> bool:
    reason = early_stop_reason(run.recipe, run.memory)
    if reason is None or run.step == run.total_steps:
        return False
    reporter.say(f"ended early at step {run.step} of {run.total_steps}: {reason}")
    return True


def _validation_due(run: Run) -> bool:
    every = run.recipe.trainer.validate_every_epochs * run.steps_per_epoch
    return run.step % every == 0 or run.step == run.total_steps


def _validate(run: Run, record: RunRecord | None, reporter: Reporter) -> None:
    if run.val_data is None:
        _keep_best(run, {})
        run.validated_step = run.step
        return
    done = validate(run.result, run.val_data, run.recipe.trainer.protocol, run.processes)
    scores = done.scores
    run.memory = after_validation(run.recipe, run.memory, scores)
    with _writing(run):
        if record:
            numbers = {f"val_{name}": value for name, value in scores.items()}
            record.add(run.step, run.epoch, numbers)
            run.val_samples = run.val_samples or shown_samples(run.val_data)
            record.draw_samples(run.step, run.val_samples, done.shown)
            record.draw_curves(finished=_nothing_left(run))
    is_best = not run.best or scores["abs_rel"] < run.best["abs_rel"]
    if is_best:
        _keep_best(run, scores)
    run.validated_step = run.step
    reporter.say(
        f"epoch {run.epoch}, step {run.step}: val delta1 {scores['delta1']:.4f}, "
        f"abs_rel {scores['abs_rel']:.4f}, rmse {scores['rmse']:.4f}{' (best)' if is_best else ''}"
    )


def _keep_best(run: Run, scores: dict[str, float]) -> None:
    run.best = {**scores, "step": float(run.step)}
    with _writing(run):
        if run.processes.leads:
            run.result.save(run.folder / "model")
            write_card(run.folder / "model", run.recipe, facts=_facts(run), scores=scores)


def _facts(run: Run) -> dict[str, Any]:
    trainer = run.recipe.trainer
    return {
        "training images": len(run.train_data),
        "initialised from": run.initialised_from,
        "steps": f"{run.step} of {run.total_steps}, batch {run.recipe.data.batch_size}",
        "size": f"{run.size[0]}x{run.size[1]} (HxW)",
        "precision": trainer.precision,
        "weights": f"moving average, decay {trainer.ema:g}" if trainer.ema else "of the last step",
        "protocol": trainer.protocol,
        "validation images": len(run.val_data) if run.val_data else 0,
    }
