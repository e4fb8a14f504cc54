"""How many processors this process may use."""

import os


def usable_processors() -> int:
    """Return how many processors this process may use, at least 1.

    Linux says which a process was given; on macOS and Windows it is all that the machine has.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
