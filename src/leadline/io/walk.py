"""The files in the tree of a folder: links are followed, what systems put there is left out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "$recycle.bin", "__macosx", "lost+found", "system volume information"}
)
"""What network disks, Windows, macOS and Linux keep beside the user's files; lower case."""


def walk(folder: Path, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """Yield the files in a tree, each folder once, whatever links lead to it.

    Hidden files and folders are left out, and those of `leave_out` below `folder`.
    """
    top = os.path.realpath(folder)
    seen = {top, *map(os.path.realpath, leave_out)}
    for place, folders, names in os.walk(folder, followlinks=True):
        followed = []
        for name in sorted(folders):
            real = os.path.realpath(f"{place}/{name}")
            hidden = name.startswith(".") or name.lower() in SYSTEM_FOLDERS
            if not hidden and real not in seen:
                seen.add(real)
                followed.append(name)
        folders[:] = followed
        yield from (Path(place, name) for name in names if not name.startswith("."))
