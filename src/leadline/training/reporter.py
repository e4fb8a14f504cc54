"""Who is told how a run goes, and what is said first."""

from typing import Protocol

from torch import nn

from leadline.training.run import Run


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


def announce(run: Run, reporter: Reporter) -> None:
    """Say what is trained on what, and what its numbers will depend on."""
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
    norms = [module for module in run.model.modules() if isinstance(module, nn.BatchNorm2d)]
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
