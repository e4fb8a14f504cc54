"""Where rendered worlds are kept, so that each set is rendered once: a folder for each."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from leadline.io.locks import InUseError
from leadline.worlds.produce import Rendered, Report, count_views, render_worlds
from leadline.worlds.sets import WorldSet, as_json, digest

SECONDS_BETWEEN_LOOKS = 1.0
CACHE_VARIABLE = "LEADLINE_CACHE"
"""Environment variable that names another folder for what can be made again."""


def cache_root() -> Path:
    """Return the folder of all that Leadline can make again.

    `LEADLINE_CACHE` where that is set; else `leadline` in the system's own place for such files.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "leadline"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadline"


def cached_folder(world_set: WorldSet) -> Path:
    """Return the folder of a set in the cache, whether it is rendered yet or not.

    Its name ends with a hash of all that the set depends on, so that sets never mix.
    """
    height, width = world_set.size
    name = f"{world_set.kind}-{world_set.count}-{height}x{width}"
    return cache_root() / "worlds" / f"{name}-{digest(as_json(world_set.describe()).encode())[:10]}"


def render_cached(world_set: WorldSet, *, report: Report | None = None) -> Rendered:
    """Render what the cache lacks of a set, with all cores; see `render_worlds`.

    Where another process is rendering it, wait for that.
    Errors: as for `render_worlds`.
    """
    folder = cached_folder(world_set)
    while True:
        try:
            return render_worlds(folder, world_set, report=report)
        except InUseError:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            if report is not None:
                report(count_views(folder), world_set.count)
