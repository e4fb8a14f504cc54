"""One process at a time in a folder."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from leadline.errors import LeadlineError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = ".leadline-lock"


class InUseError(LeadlineError):
    """Another process is at work in a folder."""


@contextmanager
def locked(folder: Path, work: str) -> Iterator[None]:
    """Hold the lock of `folder` in the block; a process that dies no longer holds it.

    `work` is what is done there ("trained"). On a disk that has no locks nothing is checked.
    Errors: InUseError, naming the process, where another one holds it.
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
                    with suppress(PermissionError):  # Windows keeps a file that is open
                        path.unlink(missing_ok=True)
                return
        finally:
            os.close(file)


def lock_file(file: int) -> None:
    """Lock an open file, given by its number, until it is closed.

    Raises BlockingIOError where another process holds it, another OSError where there are no locks.
    """
    if sys.platform == "win32":
        # Windows keeps others from reading what is locked: a byte behind all that is written.
        place = os.lseek(file, 0, os.SEEK_CUR)
        os.lseek(file, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
        finally:
            os.lseek(file, place, os.SEEK_SET)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _take(file: int, path: Path, folder: Path, work: str) -> bool:
    """Take the lock; False where its file was removed meanwhile by who held it."""
    try:
        lock_file(file)
    except BlockingIOError:
        holder = os.read(file, 300).decode(errors="replace") or "another process"
        raise InUseError(
            f"{folder}: is being {work} by process {holder}; wait for it, or stop it"
        ) from None
    except OSError:  # no locks on this disk
        return True
    try:
        return os.fstat(file).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
