"""How many processors this process may use, and what they can do."""

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

BF16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names under which Linux lists bfloat16 arithmetic: AVX-512, AMX, and Arm's (FEAT_BF16)."""

VNNI_FEATURES = {"avx512_vnni", "avx_vnni"}
"""Names under which it lists products of 8 bits that are added in 32 bits."""


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
    return bool(VNNI_FEATURES & _listed_features(CPUINFO))


def has_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """Return whether the processor lists bfloat16 among its features.

    False on a system without a list, such as macOS: float32 is right everywhere.
    """
    return bool(BF16_FEATURES & _listed_features(cpuinfo))


def _listed_features(cpuinfo: Path) -> set[str]:
    """Return the processor features that Linux lists; empty on other systems."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    listed = (line.partition(":") for line in lines)
    # "flags" on x86, "Features" on Arm.
    names = (value.split() for key, _, value in listed if key.strip() in {"flags", "Features"})
    return set().union(*names)
