"""How the C library keeps memory (Linux with glibc; elsewhere nothing happens).

Every array above 128 KiB is otherwise mapped anew and given back, and its pages are cleared one by
one each time. Only speed and the size of the process depend on these calls.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4  # of malloc.h

_LARGEST_KEPT = 32 << 20
"""Bytes of the largest array that `keep_freed_memory` can keep: glibc's limit."""


def tune_malloc() -> None:
    """Keep up to 2 GB of freed memory, whatever the size of the arrays.

    Worth a quarter of the time it takes to read a sample, a fifth of that of a network in torch.
    """
    _set({_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 << 20})


def keep_freed_memory(most: int) -> None:
    """Keep up to `most` bytes at each heap's end; arrays above 32 MB still go back at once."""
    _set({_MMAP_THRESHOLD: _LARGEST_KEPT, _TRIM_THRESHOLD: most})


def return_freed_memory() -> None:
    """Give the memory that nothing uses back to the system."""
    library = _library("malloc_trim")
    if library is not None:
        library.malloc_trim(0)


def _set(parameters: dict[int, int]) -> None:
    library = _library("mallopt")
    if library is not None:
        for parameter, value in parameters.items():
            library.mallopt(parameter, value)


def _library(function: str) -> ctypes.CDLL | None:
    """Return the C library of this process if it has that function."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, function) else None
