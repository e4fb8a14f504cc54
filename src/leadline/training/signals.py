"""What a signal does to a run: it is remembered until the step is done."""

import signal
import threading
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The run ended because a signal asked it to, at a step that a checkpoint holds."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


class StopRequest:
    """Ctrl-C and SIGTERM, remembered until the step is done: a half-made step cannot be resumed.

    A second Ctrl-C stops at once, without a checkpoint: `forced` says so. The death of a data
    worker is kept out of the step as well: torch would raise from its SIGCHLD handler, maybe
    between two weights; without that handler the loader notices when it is next asked for a batch.
    """

    def __init__(self) -> None:
        self.requested = self.forced = False
        self.number = signal.SIGINT
        self._before: dict[int, object] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            self.forced = True
            raise KeyboardInterrupt
        self.requested, self.number = True, signal.Signals(number)

    def silence_workers(self) -> None:
        """Take torch's SIGCHLD handler away; call it once the worker processes are started.

        It stays away: while torch still counts a dead worker, the end of any child would raise.
        """
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def restore(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
