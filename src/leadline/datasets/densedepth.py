"""DenseDepth's NYU training data: `nyu_data.zip` with its CSV lists, which have no header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.folders import read_lines, require_files
from leadline.datasets.layout import FilePair, Layout, Origin
from leadline.depth.quantized import QuantizedDepth
from leadline.depth.units import units_stored_as
from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.png16 import decode_grey_png

LISTS = {"train": "nyu2_train.csv", "test": "nyu2_test.csv"}
UNITS_OF_8_BIT = 25.5  # 255 is 10 m: steps of 3.9 cm
UNITS_OF_16_BIT = 1000.0
REMEDY = "unpack nyu_data.zip completely, keeping its data/ folder"


@dataclass(frozen=True)
class DenseDepthDataset(Layout):
    """The pairs of the lists; the bit depth of a PNG determines its encoding.

    Training depth has 8 bits (255 is 10 m), test depth 16 bits (millimetres).
    """

    name = "densedepth"
    published_as = "nyu"
    title = "DenseDepth's NYU data"
    data_argument = (
        "the unpacked nyu_data.zip (folder data/ with nyu2_train.csv), or one of its lists"
    )
    source = "Alhashim, Wonka: High Quality Monocular Depth Estimation via Transfer Learning, 2018"
    origin = Origin(
        "https://github.com/ialhashim/DenseDepth",
        "that of NYU Depth v2",
        "50,688 training and 654 test pairs",
        "nyu_data.zip, keeping its data/",
    )

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for the lists by name."""
        names = [path.name] if path.is_file() else [LISTS[split] for split in cls.splits(path)]
        lists = [name for name in names if name in LISTS.values()]
        return f"has {' and '.join(lists)}" if lists else None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return train and test, if the folder has their lists."""
        if path.is_file():
            return ()
        return tuple(s for s, name in LISTS.items() if (_list_folder(path) / name).is_file())

    @classmethod
    def sibling(cls, path: Path, split: str) -> Path | None:
        """Return the other list."""
        other = path.parent / LISTS[split] if split in LISTS else None
        return other if path.is_file() and other is not None and other.is_file() else None

    @classmethod
    def open(cls, path: Path, split: str | None, _units: float | None) -> DenseDepthDataset:
        """Open one list or both; their paths start at the folder above the lists' folder."""
        folder = _list_folder(path)
        lists = [folder / LISTS[s] for s in cls.splits(path) if split in (None, s)] or [path]
        items: list[FilePair] = []
        for listing in lists:
            pairs = [_pair(listing, number, line) for number, line in read_lines(listing, "list")]
            files = (folder.parent / name for pair in pairs for name in (pair.image, pair.depth))
            require_files(
                listing, files, "unpack nyu_data.zip completely, keeping its data/ folder"
            )
            items += pairs
        return cls(folder.parent, tuple(items))

    @classmethod
    def other_units(cls, options: Mapping[str, Any]) -> dict[float, str]:
        """Return other units for 16-bit files, which are taken to be millimetres."""
        others = (units for units in units_stored_as("u2") if units != UNITS_OF_16_BIT)
        return {
            units / UNITS_OF_16_BIT: f"--layout pairs --depth-scale {units:g}" for units in others
        }

    def read_depth(self, path: Path) -> QuantizedDepth:
        """Read a PNG of either encoding."""
        values: NDArray[Any] = decode_grey_png(path, read_bytes(path, "depth map"))[0]
        return QuantizedDepth(
            values, UNITS_OF_8_BIT if values.dtype == np.uint8 else UNITS_OF_16_BIT
        )


def _list_folder(path: Path) -> Path:
    """Return the folder of the lists: `data/`, as in the archive and in their paths."""
    if path.is_file():
        return path.parent
    return path / "data" if (path / "data").is_dir() else path


def _pair(listing: Path, number: int, line: str) -> FilePair:
    fields = line.split(",")
    if len(fields) != 2:
        raise LeadlineError(
            f"{listing}: line {number} has {len(fields)} fields, expected image,depth; "
            "take the list from nyu_data.zip"
        )
    return FilePair(fields[0].strip(), fields[1].strip())
