#!/usr/bin/env python3
"""Processor time of generated views, by stage, on one core.

    python scripts/time_worlds.py [--count 24] [--size 240x320]

Processor seconds, scene building included, the drawing of textures (once a process) left out; two
cores render twice as many. On a shared machine read ratios, not seconds.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from leadline.worlds import render_room, street_views
from leadline.worlds.grammar.rooms import build_room
from leadline.worlds.grammar.street.street import build_street
from leadline.worlds.randomness import Seeds
from leadline.worlds.render import Tracer
from leadline.worlds.scene import Scene

SEED = 11


def stages(
    name: str,
    build: Callable[[int], Scene],
    render: Callable[[int], object],
    views: int,
    count: int,
) -> None:
    """Print the median time of a view, and what of it is building and preparing the scene."""
    times = []
    triangles = []
    for number in range(2 * count):
        index = number % count  # the first round draws the textures
        started = time.process_time()
        scene = build(index)
        built = time.process_time()
        # Embree builds its tree at the first ray.
        Tracer(scene).first_face(np.zeros((1, 3)), np.ones((1, 3)))
        prepared = time.process_time()
        render(index)
        times.append((time.process_time() - prepared, built - started, prepared - built))
        triangles.append(len(scene.faces))
    whole, building, preparing = np.median(times[count:], axis=0) / views
    print(f"{name:22s} a view {whole:.3f} s, of it building {building:.3f} s, preparing "
          f"{preparing:.3f} s; {np.median(triangles):,.0f} triangles")  # fmt: skip


def main() -> None:
    """Print a line for rooms, for streets with one camera and for streets with four."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--size", default="240x320")
    options = parser.parse_args()
    height, width = (int(side) for side in options.size.split("x"))
    size = (height, width)

    def room(index: int) -> Scene:
        return build_room(Seeds(SEED, "train", index)).scene

    def street(index: int) -> Scene:
        return build_street(Seeds(SEED, "train", index)).scene

    def cameras(number: int) -> Callable[[int], object]:
        shots = [(k, None) for k in range(number)]
        return lambda index: list(street_views(SEED, index, shots=shots, size=size))

    stages("rooms", room, lambda index: render_room(SEED, index, size=size), 1, options.count)
    stages("streets, four cameras", street, cameras(4), 4, max(1, options.count // 4))
    stages("streets, one camera", street, cameras(1), 1, max(1, options.count // 4))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"memory at most {peak} MiB")


if __name__ == "__main__":
    main()
