"""Who is told how a run goes; the command line draws a progress bar from it."""

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a run, in process 0 alone."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Training is about to begin."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """One step is done: its loss, images seen, seconds spent waiting for data."""

    def say(self, line: str) -> None:
        """Something a person should read."""


class NoProgress:
    """Says nothing."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Say nothing."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""
