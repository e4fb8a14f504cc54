"""The files in the tree of a folder: links are followed, what systems put there is left out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "$recycle.bin", "__macosx", "lost+found", "system volume information"}
)
"""What network disks, Windows, macOS and Linux keep beside the user's files; lower case."""


def walk(folder: Path, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """Yield the files in a tree, each folder once, whatever links lead to it.

    Hidden files and folders are left out, those of `leave_out` below `folder`, and what is no
    file, such as a pipe, which nobody could read to its end. A link to nothing, or to itself, is a
    file that cannot be read.
    """
    yield from _walk(str(folder), {os.path.realpath(each) for each in (folder, *leave_out)})


def is_passed_over(path: PurePath) -> bool:
    """Return whether `walk` leaves out a file at this path below its folder."""
    is_hidden = any(part.startswith(".") for part in path.parts)
    return is_hidden or any(part.lower() in SYSTEM_FOLDERS for part in path.parts[:-1])


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _walk(place: str, seen: set[str]) -> Iterator[Path]:
    """Yield the files of a folder, then those below it; `seen` are the folders that are done."""
    try:
        with os.scandir(place) as found:
            entries = [each for each in found if not each.name.startswith(".")]
    except OSError:  # without permission to look
        return
    folders = []
    for entry in entries:
        if is_folder(entry):
            folders.append(entry.name)
        elif entry.is_symlink() or entry.is_file():
            yield Path(place, entry.name)
    for name in sorted(folders):
        real = os.path.realpath(f"{place}/{name}")
        if name.lower() not in SYSTEM_FOLDERS and real not in seen:
            seen.add(real)
            yield from _walk(f"{place}/{name}", seen)
