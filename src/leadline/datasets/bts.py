"""List files of the BTS family: `image depth focal` per line, for NYU ("sync") and KITTI."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from leadline.datasets.folders import read_lines, require_files
from leadline.datasets.layout import FilePair, Layout, Option, Options, Origin
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError

T = TypeVar("T")

DATASETS_BY_NAME = {"sync_depth": "nyu", "proj_depth": "kitti"}
UNITS_BY_NAME = {"sync_depth": 1000.0, "proj_depth": 256.0}
"""The unit that the names of the depth files imply: NYU in millimetres, KITTI in 1/256 m."""

NO_DEPTH = "None"


@dataclass(frozen=True)
class BtsItem(FilePair):
    """One line of a list; `focal` is the focal length in pixels. The id has no leading slash."""

    focal: float = 0.0


@dataclass(frozen=True)
class BtsDataset(Layout):
    """Images below `root`, depth below `depth_root`.

    The camera has the list's focal length and is centred in the picture.
    """

    name = "bts"
    title = "BTS list files"
    data_argument = "a list file (image depth focal), or the folder of *_files_with_gt.txt"
    source = "Lee et al.: From Big to Small, 2019 (BTS); also used by AdaBins, NeWCRFs, ..."
    origin = Origin(
        "https://github.com/cleinc/bts",
        "that of NYU Depth v2, or of KITTI",
        "as its data: NYU or KITTI",
        "what the lists name; the lists are in the repository",
    )
    options: ClassVar[Options] = {
        "images": Option(
            "folder that the image paths start in; empty: the list's own", "", is_path=True
        ),
        "depths": Option(
            "folder that the depth paths start in; empty: that of the images", "", is_path=True
        ),
    }

    depth_root: Path = Path()

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a list whose first line is an image, a depth and a focal length."""
        for file in _lists(path).values():
            item = _first_item(file)
            if item is not None:
                return f"{file.name} lists image, depth and focal length ({item.focal:g})"
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return train and test, if the folder has lists of them."""
        return () if path.is_file() else tuple(_lists(path))

    @classmethod
    def sibling(cls, path: Path, split: str) -> Path | None:
        """Return the list beside `path` whose name differs only in the split."""
        if not path.is_file():
            return None
        other = path.with_name(re.sub("train|test|val", split, path.name, count=1))
        return other if other != path and other.is_file() else None

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        units_per_metre: float | None,
        *,
        images: str = "",
        depths: str = "",
    ) -> BtsDataset:
        """Open one list or both; lines without a depth file are left out."""
        lists = _lists(path)
        folder = path.parent if path.is_file() else path
        image_root = Path(images) if images else folder
        depth_root = Path(depths) if depths else image_root
        items: list[BtsItem] = []
        for listing in [lists[split]] if split else lists.values():
            lines = [_item(listing, number, line) for number, line in read_lines(listing, "list")]
            with_depth = [item for item in lines if item.depth != NO_DEPTH]
            files = (f for i in with_depth for f in (image_root / i.image, depth_root / i.depth))
            remedy = "say where they are: --data-option images=DIR, and depths=DIR if elsewhere"
            require_files(listing, files, remedy)
            items += with_depth
        units = units_per_metre or _implied(items, UNITS_BY_NAME)
        dataset = _implied(items, DATASETS_BY_NAME) or ""
        return cls(image_root, tuple(items), units, dataset=dataset, depth_root=depth_root)

    def paths(self, item: BtsItem) -> dict[str, Path]:
        """Return the image and the depth."""
        return {"image": self.root / item.image, "depth": self.depth_root / item.depth}

    def camera(self, item: BtsItem, size: tuple[int, int]) -> Intrinsics:
        """Return the camera of the list's focal length."""
        height, width = size
        centre = (width - 1) / 2, (height - 1) / 2
        return Intrinsics(item.focal, item.focal, *centre, width, height)


def _lists(path: Path) -> dict[str, Path]:
    """Return split -> list file, for a single file or a folder with BTS's file names."""
    if path.is_file():
        return {"": path}
    lists = {}
    for split in ("train", "test"):
        named = sorted(path.glob(f"*{split}*files_with_gt*.txt"))
        if named:
            lists[split] = named[0]
    return lists


def _first_item(path: Path) -> BtsItem | None:
    """Return the first line of a list file; None for any other file."""
    if path.suffix.lower() != ".txt" or not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(1000).decode("utf-8", errors="replace")
    try:
        return _item(path, 1, head.splitlines()[0])
    except (LeadlineError, IndexError):
        return None


def _item(listing: Path, number: int, line: str) -> BtsItem:
    try:
        image, depth, focal = line.split()
        item = BtsItem(image.lstrip("/"), depth.lstrip("/"), focal=float(focal))
    except ValueError:
        raise LeadlineError(
            f"{listing}: line {number} is {line[:80]!r}, expected: image depth focal-length"
        ) from None
    if not item.focal > 0:
        raise LeadlineError(f"{listing}: line {number} has the focal length {focal}; correct it")
    return item


def _implied(items: Sequence[BtsItem], by_name: Mapping[str, T]) -> T | None:
    """Return the value implied by the names of all depth files, None if there is none."""
    for part, value in by_name.items():
        if items and all(part in item.depth for item in items):
            return value
    return None
