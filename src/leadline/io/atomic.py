"""Writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, one_line

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

DEEPEST = 500
"""Folders in each other: Python makes them by calling itself, which it bears a thousand times."""

FILE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".mp4", ".webm"}
    | {".npy", ".npz", ".exr", ".pfm", ".ply", ".glb", ".obj", ".onnx", ".xml", ".pt2"}
    | {".html", ".json", ".csv", ".md", ".txt", ".pdf", ".svg", ".zip", ".tar"}
)
"""Suffixes, lower case, of what no folder is called that somebody means."""


class DiskError(LeadlineError):
    """A disk that is full, read-only or broken: the next file would meet it too."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what is written there becomes `path` on success.

    The temporary file has the suffix of `path` (writers choose a format by it) and is removed if
    the block raises. Missing parent folders are created, a symbolic link is written through, and
    an existing file is replaced in one step (`os.replace`).

    Raises LeadlineError, naming `path`, if it is a folder or a device, or if the disk (DiskError)
    or the permissions do not allow the write. Other exceptions of the block pass through unchanged.
    """
    path = Path(path)
    target = writable_target(path)
    # A short name of its own: adding to a name near the system's limit would exceed it.
    temporary = target.parent / f".leadline-{secrets.token_hex(6)}{target.suffix}"
    try:
        make_folders(target.parent)
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.errno is None or error.filename not in _own_names(path, temporary):
            raise
        raise cannot_write(path, error) from error
    finally:
        _remove_quietly(temporary)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, in one step. Errors: as `atomic_path`.

    The bytes of a file name that are no UTF-8 are written out as escapes.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON that people can read, in one step. Errors: as `atomic_path`."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def writable_target(path: Path) -> Path:
    """Return the file that `path` stands for, or raise if it can never be written."""
    if "\0" in str(path):
        raise LeadlineError(f"{str(path)!r}: a path cannot contain a NUL byte; rename the output")
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    except OSError as error:  # a name too long, a file where a folder should be, ...
        raise cannot_write(path, error) from error
    if stat.S_ISDIR(mode):
        raise LeadlineError(f"{path}: is a folder; give the name of a file to write")
    if not stat.S_ISREG(mode):  # os.replace would delete the device node itself
        raise LeadlineError(f"{path}: is a device or a pipe; give the name of an ordinary file")
    return target


def make_folders(folder: Path) -> None:
    """Create a folder and those that it lies in, where they are missing.

    Errors: OSError, also for more folders in each other than can be meant.
    """
    _check_depth(folder)
    folder.mkdir(parents=True, exist_ok=True)


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove the folders, the innermost first, that hold nothing; leave the others."""
    for folder in sorted(folders, key=lambda each: -len(each.parts)):
        with suppress(OSError):
            folder.rmdir()


def missing_folders(folder: Path) -> list[Path]:
    """Return `folder` and those that it lies in, as far as they are not there."""
    return [each for each in (folder, *folder.parents) if not os.path.lexists(each)]


def _check_depth(folder: Path) -> None:
    if len(folder.parts) > DEEPEST:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(folder))


def cannot_write(path: Path, error: OSError) -> LeadlineError:
    """Return the error for an output that the system refuses."""
    kind = DiskError if error.errno in DISK_ERRORS else LeadlineError
    return kind(
        f"{path}: cannot write here ({one_line(error)}); "
        "choose another output path, or free space and permissions"
    )


def check_writable(folder: Path) -> None:
    """Raise LeadlineError unless files can be written into `folder`, there already or to be made.

    One to be made may not have the name of a picture, a point cloud or the like: a file was meant.
    Leaves nothing behind, as somebody may still refuse to work; who writes makes the folder.
    """
    try:
        _check_depth(folder)
        missing = missing_folders(folder)
        existing = missing[-1].parent if missing else folder
        if not existing.is_dir():
            raise LeadlineError(f"{existing}: is a file; give a folder for the results")
        if folder in missing and folder.suffix.lower() in FILE_SUFFIXES:
            raise LeadlineError(
                f"{folder}: is the name of a file ({folder.suffix}), and the results go into a "
                "folder; give a folder"
            )
        for each in missing:
            with suppress(FileNotFoundError):  # any other error is a name that cannot be made
                (existing / each.name).lstat()
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from None


def _own_names(path: Path, temporary: Path) -> set[str | bytes | None]:
    """Names an OSError about *this* write carries; a full disk (ENOSPC) carries none."""
    parents = {str(parent) for parent in temporary.parents}
    return {None, str(temporary), str(path), *parents}


def _remove_quietly(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:  # the folder vanished or was never there: nothing of ours is left
        return
