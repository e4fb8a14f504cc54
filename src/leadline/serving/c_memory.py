"""What the C library does with memory that a picture no longer needs."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_KEPT = 32 << 20
_MOST_KEPT = 128 << 20


def keep_freed_memory() -> None:
    """Let the next picture have the memory of the last one, on Linux with glibc.

    Threads otherwise give arrays of megabytes back to the system and ask for them again with each
    picture, several hundred page faults in all. Larger arrays than 32 MB still go back at once.
    """
    library = _library("mallopt")
    if library is not None:
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        library.mallopt(_TRIM_THRESHOLD, _MOST_KEPT)


def return_freed_memory() -> None:
    """Give the memory that nothing uses back to the system, on Linux with glibc."""
    library = _library("malloc_trim")
    if library is not None:
        library.malloc_trim(0)


def _library(function: str) -> ctypes.CDLL | None:
    """Return the C library of this process if it has that function."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, function) else None
