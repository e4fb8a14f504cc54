"""List files of the BTS family: `image depth focal` a line, for NYU ("sync") and KITTI."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from leadline.datasets.layout import Layout, Option
from leadline.datasets.listing import read_lines, require_files
from leadline.datasets.reader import Reader, check_one_size
from leadline.datasets.sample import Sample, StoredSample, to_be_warped
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.formats import read_stored_depth
from leadline.io.photos import read_photo

UNITS_BY_NAME = {"sync_depth": 1000.0, "proj_depth": 256.0}
"""What the names of the depth files say of their unit: NYU in millimetres, KITTI in 1/256 m."""

ABSENT = "None"


@dataclass(frozen=True)
class BtsItem:
    """One line of a list."""

    image: str
    depth: str
    focal: float

    @property
    def id(self) -> str:
        """The image's path as listed, without the leading slash."""
        return self.image


@dataclass(frozen=True)
class BtsDataset(Reader[BtsItem]):
    """Images below `root`, depth below `depth_root`.

    The list's focal length, in pixels, makes a camera centred in the picture.
    """

    depth_root: Path = Path()

    def paths(self, item: BtsItem) -> dict[str, Path]:
        """Return the image and the depth."""
        return {"image": self.root / item.image, "depth": self.depth_root / item.depth}

    def read(self, item: BtsItem) -> Sample | StoredSample:
        """Read one line's files."""
        photo, path = self.paths(item).values()
        image = read_photo(photo).pixels
        depth = read_stored_depth(path, self.units_per_metre)
        check_one_size("depth", depth, path, image, photo)
        height, width = depth.shape
        camera = Intrinsics(
            item.focal, item.focal, (width - 1) / 2, (height - 1) / 2, width, height
        )
        return to_be_warped(item.id, image, depth, None, camera)


def _first_item(path: Path) -> BtsItem | None:
    """Return the first line of what may be such a list; None where it is anything else."""
    if path.suffix.lower() != ".txt":
        return None
    with path.open("rb") as file:
        head = file.read(1000).decode("utf-8", errors="replace")
    try:
        return _item(path, 1, head.splitlines()[0])
    except (LeadlineError, IndexError):
        return None


def _lists(path: Path) -> dict[str, Path]:
    """Return split -> list file: a file is one list, a folder holds them under BTS's names."""
    if path.is_file():
        return {"": path}
    found = {}
    for split in ("train", "test"):
        named = sorted(path.glob(f"*{split}*files_with_gt*.txt"))
        if named:
            found[split] = named[0]
    return found


def _matches(path: Path) -> str | None:
    for file in _lists(path).values():
        item = _first_item(file)
        if item is not None:
            return f"{file.name} lists image, depth and focal length ({item.focal:g})"
    return None


def _splits(path: Path) -> tuple[str, ...]:
    return () if path.is_file() else tuple(_lists(path))


def _sibling(path: Path, split: str) -> Path | None:
    if not path.is_file():
        return None
    other = path.with_name(re.sub("train|test|val", split, path.name, count=1))
    return other if other != path and other.is_file() else None


def _open(
    path: Path, split: str | None, units_per_metre: float | None, *, images: str, depths: str
) -> BtsDataset:
    lists = _lists(path)
    folder = path.parent if path.is_file() else path
    image_root = Path(images) if images else folder
    depth_root = Path(depths) if depths else image_root
    items: list[BtsItem] = []
    for listing in [lists[split]] if split else lists.values():
        lines = [_item(listing, number, line) for number, line in read_lines(listing, "list")]
        found = [item for item in lines if item.depth != ABSENT]
        names = (f for i in found for f in (image_root / i.image, depth_root / i.depth))
        remedy = "say where they are: --data-option images=DIR, and depths=DIR if elsewhere"
        require_files(listing, names, remedy)
        items += found
    units = units_per_metre or _units_of(items)
    return BtsDataset(image_root, tuple(items), units, depth_root=depth_root)


def _units_of(items: list[BtsItem]) -> float | None:
    for part, units in UNITS_BY_NAME.items():
        if items and all(part in item.depth for item in items):
            return units
    return None


def _item(listing: Path, number: int, line: str) -> BtsItem:
    try:
        image, depth, focal = line.split()
        item = BtsItem(image.lstrip("/"), depth.lstrip("/"), float(focal))
    except ValueError:
        raise LeadlineError(
            f"{listing}: line {number} is {line[:80]!r}, expected: image depth focal-length"
        ) from None
    if not item.focal > 0:
        raise LeadlineError(f"{listing}: line {number} has the focal length {focal}; correct it")
    return item


LAYOUT = Layout(
    name="bts",
    title="BTS list files",
    points_at="a list file (image depth focal), or the folder of *_files_with_gt.txt",
    source="Lee et al.: From Big to Small, 2019 (BTS); also used by AdaBins, NeWCRFs, ...",
    matches=_matches,
    open=_open,
    splits=_splits,
    sibling=_sibling,
    options={
        "images": Option("folder that the image paths start in; empty: the list's own", ""),
        "depths": Option("folder that the depth paths start in; empty: that of the images", ""),
    },
)
