"""TUM RGB-D: sequences whose colour and depth frames are paired by their time stamps.

The Bonn RGB-D Dynamic Dataset (www.ipb.uni-bonn.de/data/rgbd-dynamic-dataset) has the same layout
and unit, and a camera of its own (github.com/PRBonn/refusion reads it as TUM's).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.folders import folders_in, read_lines, require_files
from leadline.datasets.layout import FilePair, Layout, Option, Options, Origin
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.cameras import published_camera

UNITS = 5000.0
CAMERAS = {
    "freiburg1": Intrinsics(517.3, 516.5, 318.6, 255.3, 640, 480),
    "freiburg2": Intrinsics(520.9, 521.0, 325.1, 249.7, 640, 480),
    "freiburg3": Intrinsics(535.4, 539.2, 320.1, 247.6, 640, 480),
    "rgbd_bonn": Intrinsics(542.822841, 542.576870, 315.593520, 237.756098, 640, 480),
}
"""The colour cameras as calibrated by the data sets' sites, by a part of the sequence's name."""


@dataclass(frozen=True)
class TumPair(FilePair):
    """A colour frame of `sequence`, and the depth frame nearest to it in time."""

    sequence: str = ""


@dataclass(frozen=True)
class TumDataset(Layout):
    """Pairs of one or several sequences; depth is registered to the colour camera."""

    name = "tum"
    published_as = "tum"
    title = "TUM RGB-D, Bonn RGB-D Dynamic"
    data_argument = "a sequence (rgb.txt, depth.txt), or a folder of sequences"
    source = "Sturm et al.: A Benchmark for the Evaluation of RGB-D SLAM Systems, IROS 2012"
    origin = Origin(
        "https://cvg.cit.tum.de/data/datasets/rgbd-dataset",
        "CC BY 4.0",
        "47 sequences; Bonn 16.4 GB",
        "each sequence's .tgz (Bonn: .zip)",
    )
    unpaired_files = "usual"
    options: ClassVar[Options] = {
        "max_difference": Option("most seconds between image and depth", 0.02)
    }

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for the lists of frames of a sequence."""
        sequences = _sequences(path) if path.is_dir() else []
        return f"{sequences[0].name} has rgb.txt and depth.txt" if sequences else None

    @classmethod
    def open(
        cls,
        path: Path,
        _split: str | None,
        units_per_metre: float | None,
        *,
        max_difference: float = 0.02,
    ) -> TumDataset:
        """Open every pair of every sequence."""
        items: list[TumPair] = []
        for sequence in _sequences(path):
            times, images = _read_times(sequence / "rgb.txt")
            depth_times, depths = _read_times(sequence / "depth.txt")
            matched = associate(times, depth_times, max_difference)
            if not matched:
                raise LeadlineError(
                    f"{sequence}: no colour and depth frames within {max_difference:g} s of each "
                    "other; raise it with --data-option max_difference=SECONDS"
                )
            prefix = "" if sequence == path else f"{sequence.name}/"
            name = sequence.resolve().name
            pairs = [
                TumPair(prefix + images[i], prefix + depths[j], sequence=name) for i, j in matched
            ]
            files = (path / name for pair in pairs for name in (pair.image, pair.depth))
            require_files(sequence, files, "unpack the sequence again")
            items += pairs
        return cls(path, tuple(items), units_per_metre or UNITS)

    def camera(self, item: TumPair, size: tuple[int, int]) -> Intrinsics | None:
        """Return the camera, if the name of the sequence tells it."""
        height, width = size
        known = [camera for name, camera in CAMERAS.items() if name in item.sequence]
        if not known:
            return None
        return published_camera(known[0], width, height, f"the camera of {item.sequence}")


def associate(
    first: NDArray[np.float64], second: NDArray[np.float64], max_difference: float
) -> list[tuple[int, int]]:
    """Pair time stamps that differ by less than `max_difference` seconds, the closest first.

    Each time is used once; pairs are returned in the order of `first`. This is the rule of the data
    set's `associate.py`, with binary search for the candidates.
    """
    order = np.argsort(second, kind="stable")
    low = np.searchsorted(second[order], first - max_difference, side="left")
    high = np.searchsorted(second[order], first + max_difference, side="right")
    candidates = sorted(
        (abs(first[i] - second[j]), i, int(j))
        for i in range(len(first))
        for j in order[low[i] : high[i]]
        if abs(first[i] - second[j]) < max_difference
    )
    free_first, free_second = set(range(len(first))), set(range(len(second)))
    pairs = []
    for _, i, j in candidates:
        if i in free_first and j in free_second:
            free_first.remove(i)
            free_second.remove(j)
            pairs.append((i, j))
    return sorted(pairs)


def _sequences(path: Path) -> list[Path]:
    """Return the sequence at `path`, or the sequences in it."""
    for folders in ([path], [path / name for name in folders_in(path)]):
        sequences = [
            f for f in folders if (f / "rgb.txt").is_file() and (f / "depth.txt").is_file()
        ]
        if sequences:
            return sequences
    return []


def _read_times(path: Path) -> tuple[NDArray[np.float64], list[str]]:
    times, names = [], []
    for number, line in read_lines(path, "list of frames"):
        time, name = [*line.split(maxsplit=1), ""][:2]
        if not (_is_finite(time) and name):
            raise LeadlineError(
                f"{path}: line {number} is {line[:60]!r}, expected: timestamp filename"
            )
        times.append(float(time))
        names.append(name)
    return np.array(times, dtype=np.float64), names


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
