#!/usr/bin/env python3
"""Processor time of generated views, by stage, on one core.

    python scripts/time_worlds.py [--count 12] [--size 240x320] [--quality training] [--kind rooms]

Processor milliseconds of a view with its files; the drawing of textures, once a process, is left
out. Two cores render twice as many. On a shared machine read ratios, not milliseconds.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leadline.worlds import WorldSet, produce, view
from leadline.worlds.render import Tracer

SEED = 11
STAGES: tuple[tuple[Any, str, str], ...] = (
    (view, "build_room", "scene"),
    (view, "build_street", "scene"),
    (Tracer, "__init__", "tables of triangles"),
    (Tracer, "_prepared", "Embree's trees"),
    (Tracer, "_run", "rays to surfaces"),
    (Tracer, "is_clear", "rays to lamps"),
    (view, "_room_camera", "choosing the camera"),
    (view, "_street_camera", "choosing the camera"),
    (view, "render", "shading, smoothing"),
    (view, "develop", "development"),
    (produce, "_write_view", "files"),
)
"""Which function is which stage, without what it calls that is in the list as well."""


class Clock:
    """Processor seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted as `stage`."""

        @wraps(function)
        def counted(*arguments: Any, **options: Any) -> Any:
            started = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                whole = time.process_time() - started
                self.seconds[stage] += whole - self._inner.pop()
                self._inner[-1] += whole

        return counted


def built(prepare: Callable[..., Any]) -> Callable[..., Any]:
    """Return `Tracer._prepared` with the tree, which Embree else builds at the first ray."""

    @wraps(prepare)
    def with_tree(*arguments: Any) -> Any:
        scene = prepare(*arguments)
        scene.run(np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32))
        return scene

    return with_tree


def measured(world_set: WorldSet, clock: Clock) -> tuple[float, int]:
    """Render a set twice; return the processor seconds of the second time, and its views."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):  # the first time draws the textures
            clock.seconds.clear()
            started = time.process_time()
            for task in world_set.worlds():
                produce._render_world(Path(folder), world_set, task)
            whole = time.process_time() - started
    return whole, world_set.count


def main() -> None:
    """Print the stages of rooms, or of streets with four views each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--size", default="240x320")
    parser.add_argument("--quality", default="training")
    parser.add_argument("--kind", default="rooms")
    options = parser.parse_args()
    height, width = (int(side) for side in options.size.split("x"))
    clock = Clock()
    Tracer._prepared = built(Tracer._prepared)  # type: ignore[method-assign]
    for owner, name, stage in STAGES:
        setattr(owner, name, clock.timed(stage, getattr(owner, name)))
    world_set = WorldSet(options.kind, options.count, (height, width), SEED, options.quality, 0)
    whole, views = measured(world_set, clock)
    clock.seconds["the rest"] = whole - sum(clock.seconds.values())
    print(f"{options.kind}, {options.size}, {options.quality}: {1e3 * whole / views:.0f} ms a view")
    for stage, seconds in sorted(clock.seconds.items(), key=lambda row: -row[1]):
        print(f"  {stage:22s} {1e3 * seconds / views:7.1f} ms  {100 * seconds / whole:5.1f} %")
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
