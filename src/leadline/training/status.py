"""Where a run stands, in a small file beside it that can be read without torch."""

import json
import os
import socket
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from leadline.errors import LeadlineError, one_line
from leadline.io.atomic import atomic_path

STATUS = "status.json"
State = Literal["running", "stopped", "finished"]


@dataclass(frozen=True)
class Status:
    """What `status.json` holds.

    `running` means that nobody has said otherwise: see `is_alive`. `finished` runs have nothing
    left to do; fewer steps than `total_steps` were then enough (early stopping). `seconds` is the
    time spent training, over all resumptions. `started` and `updated` are ISO 8601, UTC.
    """

    state: State
    step: int
    total_steps: int
    steps_per_epoch: int
    images_per_step: int
    started: str
    updated: str
    seconds: float = 0.0
    protocol: str | None = None
    host: str = ""
    pid: int = 0

    @classmethod
    def begin(
        cls, folder: Path, step: int, total_steps: int, steps_per_epoch: int, images_per_step: int
    ) -> Self:
        """Return the status of a run that starts or goes on now, in this process."""
        fresh = cls(
            "running",
            step,
            total_steps,
            steps_per_epoch,
            images_per_step,
            started=_now(),
            updated=_now(),
            host=socket.gethostname(),
            pid=os.getpid(),
        )
        before = read_status(folder) if step > 0 else None
        if before is None:
            return fresh
        return replace(
            fresh, started=before.started, seconds=before.seconds, protocol=before.protocol
        )

    def write(self, folder: Path) -> None:
        """Write `status.json`, dated now."""
        content = asdict(replace(self, updated=_now()))
        with atomic_path(folder / STATUS) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def is_alive(self) -> bool | None:
        """Tell whether the process that trains is still there; None where this is another host."""
        if self.state != "running":
            return False
        if self.host != socket.gethostname():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # somebody else's process
            return True
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_status(folder: Path) -> Status | None:
    """Return the status of the run in `folder`; None where it has none.

    Errors: LeadlineError where the file is damaged.
    """
    path = folder / STATUS
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(Status)}
        status = Status(**{name: value for name, value in content.items() if name in known})
        numbers = (status.step, status.total_steps, status.steps_per_epoch, status.images_per_step)
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError("its steps are not whole numbers")
        return replace(status, seconds=float(status.seconds), pid=int(status.pid))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise LeadlineError(
            f"{path}: is damaged ({one_line(error)}); remove it: the rest of the run is not "
            "touched by that"
        ) from error
