"""Reading a whole file: its bytes or its JSON, with one clear line for every way it can fail."""

from __future__ import annotations

import json
import lzma
import os
import re
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, one_line

DECODE_ERRORS: tuple[type[Exception], ...] = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError,
    lzma.LZMAError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What other people's decoders (numpy, Pillow, OpenEXR, YAML, zip) raise of a file that is damaged.

Each of them was raised by a file with a few bytes changed; nothing else is asked of the decoder
inside such a block, so that no fault of Leadline's own is hidden.
"""


def is_address(path: Path | str) -> bool:
    """Return whether a path is an address on the net, of which nothing is read."""
    return re.match(r"[a-z][a-z0-9+.-]+:/", str(path).lower()) is not None


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a name that no disk takes is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


OTHER_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
OPEN_FILES = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
"""What the shell calls a pipe of its own, as of `<(command)`: it has a writer, and so an end."""


def check_ordinary(path: Path | str) -> None:
    """Raise LeadlineError for a pipe, a socket or a device, which might never come to an end.

    Folders, files, and names of nothing are none of these.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  a Path would cost as much again
    except (OSError, ValueError):
        return
    for is_of, words in OTHER_KINDS:
        if is_of(mode):
            raise LeadlineError(f"{path}: is {words}, not a file; write it to a file first")


def _is_handed_over(path: Path | str) -> bool:
    """Return whether a path is a pipe that the shell made for this command."""
    if not str(path).startswith(OPEN_FILES):
        return False
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return False


def stand_in_words(head: bytes) -> str:
    """Return what the first bytes of a file say that it is in place of what was asked for, or "".

    Data that Git LFS keeps elsewhere leaves a few lines of text; a download that needs a consent
    or a login leaves a web page.
    """
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "is a pointer of Git LFS, not the file itself; fetch that with 'git lfs pull'"
    if head[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "is a web page, not the file itself; download it again, as that page says"
    return ""


def stand_in_of(path: Path) -> str:
    """Return `stand_in_words` of a file, "" where it cannot be read."""
    try:
        check_ordinary(path)
        with path.open("rb") as file:
            return stand_in_words(file.read(64))
    except (LeadlineError, OSError, ValueError):
        return ""


def read_bytes(path: Path, noun: str, remedy: str = "") -> bytes:
    """Return every byte of the file `path`.

    `noun` is what the caller hoped to find ("photo", "depth map") and appears in the message;
    `remedy` is what to do about a missing or empty file, by default to check the path or to copy
    the file again.
    Raises LeadlineError if the file is missing, empty, a folder, or unreadable, where something
    else stands in for it (`stand_in_words`), and for a device or a pipe, but for one that the shell
    made for this command.
    """
    if not _is_handed_over(path):
        check_ordinary(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        remedy = remedy or f"check the {noun}'s path"
        if is_address(path):
            remedy = "it is an address: download it first"
        raise LeadlineError(f"{path}: no such file; {remedy}") from None
    except IsADirectoryError:
        raise LeadlineError(f"{path}: is a folder, not a {noun}; name one file in it") from None
    except PermissionError:
        raise LeadlineError(
            f"{path}: no permission to read this {noun}; make it readable (chmod u+r)"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise LeadlineError(
            f"{path}: cannot read this {noun} ({one_line(error)}); check the path and the disk"
        ) from error
    if not data:
        remedy = remedy or f"copy the {noun} again"
        raise LeadlineError(f"{path}: the file is empty (0 bytes); {remedy}")
    if words := stand_in_words(data):
        raise LeadlineError(f"{path}: {words}")
    return data


def read_json(path: Path, noun: str, remedy: str = "") -> Any:
    """Return what the JSON file `path` holds.

    `noun` is as in `read_bytes`; `remedy` is what to do about a missing or damaged file, by
    default to copy it again. Errors: LeadlineError as there, and where the file is not JSON.
    """
    content = read_bytes(path, noun, remedy)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LeadlineError(
            f"{path}: is damaged, not JSON ({one_line(error)}); "
            f"{remedy or f'copy the {noun} again'}"
        ) from None
