"""Where rendered worlds are kept, so that each set is rendered once: a folder for each."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from leadline.io.locks import InUseError, locked
from leadline.progress import Track, untracked
from leadline.worlds.produce import Rendered, count_views, render_worlds
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


def render_cached(world_set: WorldSet, *, track: Track = untracked) -> Rendered:
    """Render what the cache lacks of a set, with all cores; see `render_worlds`.

    Where another process is rendering it, wait for that; `track` shows its progress then.
    Errors: as for `render_worlds`.
    """
    folder = cached_folder(world_set)
    while True:
        try:
            return render_worlds(folder, world_set, track=track)
        except InUseError:
            done = count_views(folder)
            missing, title = world_set.count - done, f"render {world_set.kind}"
            for _ in track(_rendered_elsewhere(folder, done), title, missing, unit="views"):
                pass


def _rendered_elsewhere(folder: Path, done: int) -> Iterator[int]:
    """Yield once for every view after `done` that another process renders, until it has ended."""
    while folder.is_dir():
        time.sleep(SECONDS_BETWEEN_LOOKS)
        now = count_views(folder)
        yield from range(done, now)
        done = max(done, now)
        with suppress(InUseError), locked(folder, "rendered"):
            return
