"""Reading a whole file: its bytes or its JSON, with one clear line for every way it can fail."""

from __future__ import annotations

import json
import lzma
import re
import struct
import tokenize
import zipfile
import zlib
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


def read_bytes(path: Path, noun: str, remedy: str = "") -> bytes:
    """Return every byte of the file `path`.

    `noun` is what the caller hoped to find ("photo", "depth map") and appears in the message;
    `remedy` is what to do about a missing or empty file, by default to check the path or to copy
    the file again.
    Raises LeadlineError if the file is missing, empty, a folder, or unreadable.
    """
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
