"""Reading a whole file, with one clear line for every way that can fail."""

from __future__ import annotations

from pathlib import Path

from leadline.errors import LeadlineError, one_line


def read_bytes(path: Path, noun: str) -> bytes:
    """Return every byte of the file `path`.

    `noun` is what the caller hoped to find ("photo", "depth map") and appears in the message.
    Raises LeadlineError if the file is missing, empty, a folder, or unreadable.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise LeadlineError(f"{path}: no such file; check the {noun}'s path") from None
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
        raise LeadlineError(f"{path}: the file is empty (0 bytes); copy the {noun} again")
    return data
