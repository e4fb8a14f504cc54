"""How a training goes and how it ended: its progress, its reason to stop, its score.

Without torch, so that what cannot be trained is said before that is imported.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from leadline.evaluation import Result
from leadline.training.run_folder import MODEL


class StopReason(Enum):
    """Why a run ended. After the last three, `resume` goes on with it."""

    FINISHED = "all steps are done"
    EARLY_STOPPING = "trainer.early_stopping"
    TIME_LIMIT = "trainer.max_minutes"
    SIGINT = "Ctrl-C"
    SIGTERM = "SIGTERM"

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to do."""
        return self in {StopReason.FINISHED, StopReason.EARLY_STOPPING}

    @property
    def exit_status(self) -> int:
        """The exit status of a command: as a shell reports a signal, 0 where there was none."""
        return {StopReason.SIGINT: 130, StopReason.SIGTERM: 143}.get(self, 0)


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


class Progress(Protocol):
    """Receives the progress of a run, in process 0 alone; the command line draws a bar from it."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Training is about to begin."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """One step is done: its loss, images seen, seconds spent waiting for data."""

    def say(self, line: str) -> None:
        """Something a person should read."""


class NoProgress:
    """A `Progress` that shows nothing."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Show nothing."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""
