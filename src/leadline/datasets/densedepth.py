"""DenseDepth's NYU training data: `nyu_data.zip` with its CSV lists that have no header."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leadline.datasets.layout import Layout
from leadline.datasets.listing import read_lines, require_files
from leadline.datasets.reader import Reader, check_one_size
from leadline.datasets.sample import Sample
from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.photos import read_photo
from leadline.io.png16 import decode_grey_png

LISTS = {"train": "nyu2_train.csv", "test": "nyu2_test.csv"}
UNITS_OF_8_BIT = 25.5  # 255 is 10 m: steps of 3.9 cm
UNITS_OF_16_BIT = 1000.0


@dataclass(frozen=True)
class ListedPair:
    """One line of a list: two paths relative to the data set's root."""

    image: str
    depth: str

    @property
    def id(self) -> str:
        """The image's path."""
        return self.image


@dataclass(frozen=True)
class DenseDepthDataset(Reader[ListedPair]):
    """The pairs of the lists; the PNG's own bit depth says which of the two encodings it has.

    Training depth has 8 bits (255 is 10 m), test depth 16 bits (millimetres).
    """

    def paths(self, item: ListedPair) -> dict[str, Path]:
        """Return the image and the depth."""
        return {"image": self.root / item.image, "depth": self.root / item.depth}

    def read(self, item: ListedPair) -> Sample:
        """Read one pair."""
        photo, path = self.paths(item).values()
        image = read_photo(photo).pixels
        values, _ = decode_grey_png(path, read_bytes(path, "depth map"))
        units = UNITS_OF_8_BIT if values.dtype == np.uint8 else UNITS_OF_16_BIT
        depth_map = DepthMap.from_metres(values.astype(np.float32) / np.float32(units))
        check_one_size("depth", depth_map.depth, path, image, photo)
        return Sample(item.id, image, depth_map.depth, depth_map.valid)


def _list_folder(path: Path) -> Path:
    """Return the folder of the lists: the archive holds them in `data/`, and so do their paths."""
    if path.is_file():
        return path.parent
    return path / "data" if (path / "data").is_dir() else path


def _splits(path: Path) -> tuple[str, ...]:
    if path.is_file():
        return ()
    return tuple(s for s, name in LISTS.items() if (_list_folder(path) / name).is_file())


def _matches(path: Path) -> str | None:
    names = [path.name] if path.is_file() else [LISTS[split] for split in _splits(path)]
    found = [name for name in names if name in LISTS.values()]
    return f"has {' and '.join(found)}" if found else None


def _sibling(path: Path, split: str) -> Path | None:
    other = path.parent / LISTS[split] if split in LISTS else None
    return other if path.is_file() and other is not None and other.is_file() else None


def _open(path: Path, split: str | None, _units: float | None) -> DenseDepthDataset:
    folder = _list_folder(path)
    lists = [folder / LISTS[s] for s in _splits(path) if split in (None, s)] or [path]
    pairs: list[ListedPair] = []
    for listing in lists:
        found = [_pair(listing, number, line) for number, line in read_lines(listing, "list")]
        names = (folder.parent / name for pair in found for name in (pair.image, pair.depth))
        require_files(listing, names, "unpack nyu_data.zip completely, keeping its data/ folder")
        pairs += found
    return DenseDepthDataset(folder.parent, tuple(pairs))


def _pair(listing: Path, number: int, line: str) -> ListedPair:
    fields = line.split(",")
    if len(fields) != 2:
        raise LeadlineError(
            f"{listing}: line {number} has {len(fields)} fields, expected image,depth; "
            "take the list from nyu_data.zip"
        )
    return ListedPair(fields[0].strip(), fields[1].strip())


LAYOUT = Layout(
    name="densedepth",
    title="DenseDepth's NYU data",
    points_at="the unpacked nyu_data.zip (folder data/ with nyu2_train.csv), or one of its lists",
    source="Alhashim, Wonka: High Quality Monocular Depth Estimation via Transfer Learning, 2018",
    matches=_matches,
    open=_open,
    splits=_splits,
    sibling=_sibling,
)
