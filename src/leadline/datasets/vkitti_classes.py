"""Virtual KITTI's classes: colour tables, and the sets of label ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.folders import read_lines
from leadline.errors import LeadlineError

CLASSES = (
    *("Terrain", "Sky", "Tree", "Vegetation", "Building", "Road", "GuardRail"),
    *("TrafficSign", "TrafficLight", "Pole", "Misc", "Truck", "Car", "Van"),
)
"""The fourteen classes; their ids count from 1 in this order, 0 is undefined."""

CITYSCAPES = {
    **{"Road": 7, "Building": 11, "GuardRail": 14, "Pole": 17, "TrafficLight": 19},
    **{"TrafficSign": 20, "Tree": 21, "Vegetation": 21, "Terrain": 22, "Sky": 23},
    **{"Car": 26, "Truck": 27, "Van": 29, "Misc": 0},
}
"""Cityscapes' label ids; a van becomes a caravan, miscellaneous becomes unlabelled."""

IDS: dict[str, dict[str, int]] = {
    "cityscapes": {**CITYSCAPES, "Undefined": 0},
    "vkitti": {"Undefined": 0, **{name: number for number, name in enumerate(CLASSES, start=1)}},
}

_ENTRY = re.compile(r"(\w+)(?::\S+)?\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})")
_UNKNOWN_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class ColourTable:
    """The class ids of the colours of one world and variation; `colours` is sorted."""

    path: Path
    colours: NDArray[np.uint32]
    ids: NDArray[np.int32]

    def classify(self, image: NDArray[np.uint8], file: Path) -> NDArray[np.int32]:
        """Return the class ids (H,W) of a picture (H,W,3) in this table's colours.

        A colour that is not in the table has no class (-1).
        Errors: LeadlineError if this concerns more than one pixel in a hundred.
        """
        packed = _pack(image)
        place = np.searchsorted(self.colours, packed).clip(max=len(self.colours) - 1)
        known = self.colours[place] == packed
        if known.mean() < 1 - _UNKNOWN_SHARE:
            row, column = np.argwhere(~known)[0]
            raise LeadlineError(
                f"{file}: {1 - known.mean():.0%} of its pixels have colours that {self.path} does "
                f"not list, the first is {image[row, column].tolist()}; the table is of another "
                "world or variation, or the picture is not a class picture"
            )
        return np.where(known, self.ids[place], np.int32(-1))


def read_colour_table(path: Path, ids: dict[str, int]) -> ColourTable:
    """Read lines `Name r g b` or `Name:instance r g b` below a header; instances are merged."""
    classes: dict[int, int] = {}
    for number, line in read_lines(path, "colour table"):
        entry = _ENTRY.fullmatch(line)
        if entry is None and number == 1:
            continue
        if entry is None or max(map(int, entry.groups()[1:])) > 255:
            raise LeadlineError(f"{path}: line {number} is {line[:60]!r}, expected: Name r g b")
        if entry[1] not in ids:
            raise LeadlineError(f"{path}: line {number} names the unknown class {entry[1]!r}")
        colour = np.array(entry.groups()[1:], dtype=np.uint8).reshape(1, 1, 3)
        classes[int(_pack(colour)[0, 0])] = ids[entry[1]]
    if not classes:
        raise LeadlineError(f"{path}: lists no colours; copy the table again")
    colours = np.array(sorted(classes), dtype=np.uint32)
    return ColourTable(
        path, colours, np.array([classes[int(colour)] for colour in colours], dtype=np.int32)
    )


def _pack(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Pack the colours (H,W,3) into one integer per pixel (H,W)."""
    import cv2

    with_alpha = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2RGBA)
    return np.asarray(with_alpha).view(np.uint32)[..., 0]
