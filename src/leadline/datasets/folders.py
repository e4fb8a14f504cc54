"""Folders and list files: contents of folders, missing files, lines of text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from leadline.errors import LeadlineError, one_line
from leadline.io.files import read_bytes
from leadline.io.walk import is_folder

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg")


def names_in(folder: Path) -> set[str]:
    """Return the names in a folder, the empty set if it does not exist.

    Errors: LeadlineError if the folder cannot be listed.
    """
    try:
        return {entry.name for entry in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise _cannot_list(folder, error) from error


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, in order; [] if it does not exist.

    Needs only the folder's own listing, since it may hold a hundred thousand files.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if is_folder(entry))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _cannot_list(folder, error) from error


def check_outside(out: Path, data: Path) -> None:
    """Raise LeadlineError if an output folder is the data folder or lies in it.

    The data would then no longer be recognised.
    """
    place, root = out.resolve(), data.resolve()
    if place == root:
        raise LeadlineError(f"{out}: is the data set itself; choose another output folder")
    if root in place.parents:
        raise LeadlineError(f"{out}: lies in the data set {data}; choose a folder outside of it")


def _cannot_list(folder: Path, error: OSError) -> LeadlineError:
    return LeadlineError(f"{folder}: cannot be listed ({one_line(error)}); check its permissions")


def files_ending(folder: Path, ending: str) -> list[str]:
    """Return the names in a folder with an ending, in order, without hidden ones; [] if missing."""
    names = (name for name in names_in(folder) if not name.startswith("."))
    return sorted(name for name in names if name.endswith(ending))


def scenes_in(path: Path, is_scene: Callable[[Path], bool]) -> list[str]:
    """Return the scene folders (scans etc.) in `path`; [""] if `path` is one itself."""
    if is_scene(path):
        return [""]
    return [name for name in folders_in(path) if is_scene(path / name)]


def missing_files(files: Iterable[Path]) -> list[Path]:
    """Return the files that do not exist, listing each of their folders only once."""
    seen: dict[Path, set[str]] = {}
    missing = []
    for file in files:
        if file.parent not in seen:
            seen[file.parent] = names_in(file.parent)
        if file.name not in seen[file.parent]:
            missing.append(file)
    return missing


def require_files(path: Path, files: Iterable[Path], remedy: str) -> None:
    """Raise LeadlineError, naming the first, if files listed by `path` do not exist."""
    missing = missing_files(files)
    if missing:
        raise LeadlineError(
            f"{path}: {len(missing)} of its files do not exist, the first is {missing[0]}; {remedy}"
        )


def frames_in(folder: Path, suffixes: Sequence[str] = PHOTO_SUFFIXES) -> dict[str, str]:
    """Return the files of a folder as stem -> name, in order; {} if it does not exist.

    Hidden files are skipped, such as the `._name.png` in archives made on a Mac.
    """
    names = sorted(name for name in names_in(folder) if not name.startswith("."))
    return {Path(name).stem: name for name in names if name.lower().endswith(tuple(suffixes))}


def read_lines(path: Path, noun: str) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of the lines of a text file that are neither blank nor comments.

    Errors: LeadlineError if the file is missing, empty or not text.
    """
    try:
        text = read_bytes(path, noun).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LeadlineError(f"{path}: is not a text file ({one_line(error)})") from error
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped
