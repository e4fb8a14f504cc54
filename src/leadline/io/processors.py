"""How many processors this process may use, and what they can do."""

import os
import platform
from pathlib import Path


def usable_processors() -> int:
    """Return how many processors this process may use, at least 1.

    Linux says which a process was given; on macOS and Windows it is all that the machine has.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def adds_bytes_exactly() -> bool:
    """Tell whether sums of products of 8-bit numbers are known not to overflow.

    x86 processors without VNNI add pairs of them in 16 bits, which is too few for unsigned times
    signed; where an x86 system does not say what its processor has, it is not known.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags
