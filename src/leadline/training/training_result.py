"""The progress, the stop reason and the result of a training.

Without torch, so that early checks need not import it.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from leadline.evaluation import Result
from leadline.training.run_folder import MODEL


class StopReason(Enum):
    """Why a run ended. After the last three reasons, `resume` can continue it."""

    FINISHED = "all steps are done"
    EARLY_STOPPING = "trainer.early_stopping"
    TIME_LIMIT = "trainer.max_minutes"
    SIGINT = "Ctrl-C"
    SIGTERM = "SIGTERM"

    @property
    def is_final(self) -> bool:
        """Whether the run is complete."""
        return self in {StopReason.FINISHED, StopReason.EARLY_STOPPING}

    @property
    def exit_status(self) -> int:
        """The exit status of a command: 128 + signal as in a shell, 0 without a signal."""
        return {StopReason.SIGINT: 130, StopReason.SIGTERM: 143}.get(self, 0)


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training: the run folder, why it stopped, the score of its best model.

    `evaluation` is None if the run is not finished, has no validation images, or no score was
    requested. `is_rank_zero` is true only in the process that reports to the user.
    """

    run: Path
    reason: StopReason
    evaluation: Result | None = None
    is_rank_zero: bool = True

    @property
    def model(self) -> Path:
        """The folder of the best model, for `leadline.load` and `leadline predict`."""
        return self.run / MODEL


class Progress(Protocol):
    """Receives the progress of a run, only in process 0; the command line draws a bar from it."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Training is about to begin."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """A step is done: its loss, the images seen, the seconds spent waiting for data."""

    def say(self, line: str) -> None:
        """A message for the user."""


class NoProgress:
    """A `Progress` that shows nothing."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Show nothing."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""
