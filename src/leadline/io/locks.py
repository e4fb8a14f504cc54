"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadline.errors import LeadlineError

LOCK_FILE = ".leadline-lock"


@contextmanager
def locked(folder: Path, work: str) -> Iterator[None]:
    """Hold the lock of `folder` in the block; a process that dies no longer holds it.

    `work` is what is done there ("trained"). On a disk that has no locks nothing is checked.
    Errors: LeadlineError, naming the process, where another one holds it.
    """
    path = folder / LOCK_FILE
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _take(file, path, folder, work):
                os.ftruncate(file, 0)
                os.write(file, f"{os.getpid()} on {socket.gethostname()}".encode())
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
        finally:
            os.close(file)


def _take(file: int, path: Path, folder: Path, work: str) -> bool:
    """Take the lock; False where its file was removed meanwhile by who held it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 300).decode(errors="replace") or "another process"
        raise LeadlineError(
            f"{folder}: is being {work} by process {holder}; wait for it, or stop it"
        ) from None
    except OSError:  # no locks on this disk
        return True
    try:
        return os.fstat(file).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
