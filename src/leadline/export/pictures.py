"""The pictures for checking and calibrating an export: given ones, or generated ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.layout import ALL
from leadline.datasets.open import find_data
from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.inference.camera import TrainingCamera
from leadline.io.photos import IMAGE_SUFFIXES, is_result_png, read_photo
from leadline.io.walk import walk
from leadline.metrics.protocol import Comparison
from leadline.metrics.protocols import get_protocol
from leadline.worlds import WorldSet, render_cached

WORLDS = "worlds"
"""In place of a folder: rooms that are rendered once and kept in the cache."""

GENERATED_SIZE = (480, 640)
PROTOCOL = "full"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, (H,W,3) uint8 RGB, its name, and its true depth and camera if known."""

    name: str
    pixels: NDArray[np.uint8]
    truth: DepthMap | None = None
    intrinsics: Intrinsics | None = None

    def compare(self, depth: NDArray[np.float32], camera: TrainingCamera) -> Comparison | None:
        """Compare a model's `depth`, (H,W) metres for its own `camera`, with the truth.

        The metres are adapted to the camera of the picture, as in `leadline predict`. None without
        truth.
        """
        if self.truth is None or not self.truth.valid.any():
            return None
        height, width = self.pixels.shape[:2]
        scaled = camera.resolve(width, height, self.intrinsics, "measured").metres(depth)
        return get_protocol(PROTOCOL).score(scaled, self.truth.depth, self.truth.valid)


@dataclass(frozen=True)
class Pictures:
    """Pictures that are read one at a time; `origin` describes their source.

    `source` is a data set, whose depth is the truth, a list of picture files, or the number of
    pictures to generate. With `size` (H,W), pictures are resized to it, and then have no truth.
    """

    origin: str
    source: DepthDataset | tuple[Path, ...] | int
    size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return self.source if isinstance(self.source, int) else len(self.source)

    def __iter__(self) -> Iterator[Picture]:
        for index in range(len(self)):
            yield self.read(index)

    def read(self, index: int) -> Picture:
        """Return one picture. Errors: LeadlineError for a file that cannot be read."""
        picture = self._read(index)
        if self.size is None or picture.pixels.shape[:2] == self.size:
            return picture
        import cv2

        height, width = self.size
        resized = cv2.resize(picture.pixels, (width, height), interpolation=cv2.INTER_AREA)
        return Picture(picture.name, np.asarray(resized, dtype=np.uint8))

    def _read(self, index: int) -> Picture:
        if isinstance(self.source, int):
            size = self.size or GENERATED_SIZE
            return Picture(f"generated {index}", smooth_pictures(1, *size, seed=index)[0])
        if isinstance(self.source, tuple):
            path = self.source[index]
            return Picture(str(path), read_photo(path).pixels)
        sample = self.source[index]
        return Picture(sample.id, sample.image, sample.depth_map, sample.intrinsics)

    def spread(self, count: int) -> Pictures:
        """Return at most `count` of the pictures, evenly spaced."""
        if isinstance(self.source, int):
            return Pictures(self.origin, min(count, self.source))
        chosen = evenly_spaced(len(self.source), count)
        if isinstance(self.source, tuple):
            return Pictures(self.origin, tuple(self.source[index] for index in chosen))
        return Pictures(self.origin, self.source.subset(chosen))


def find_pictures(
    place: str | Path | None, count: int, split: str | None = None, *, for_training: bool = False
) -> Pictures:
    """Return at most `count` pictures, evenly spaced, from `place`.

    `place` is a data set, whose depth is then the truth (its split val, else test, else all of
    it, or `split`; with `for_training` train, if it has one), a picture file, a folder of pictures,
    "worlds" (rendered rooms), or None: generated blobs with noise instead of photographs.
    Errors: LeadlineError for a missing place, or one without pictures.
    """
    if place is None:
        return Pictures("generated pictures, no photographs", count)
    if str(place) == WORLDS:
        place, split = render_cached(WorldSet("rooms", count, val_share=0.0)).folder, ALL
    path = Path(place)
    if not path.exists():
        raise LeadlineError(f"{path}: no such pictures; give a folder, a data set or {WORLDS}")
    data = _open_data(path, split, for_training)
    source: DepthDataset | tuple[Path, ...] = _picture_files(path) if data is None else data
    origin = str(place) if split in (None, ALL) else f"{place}, split {split}"
    return Pictures(origin, source).spread(count)


def scored_split(place: str | Path) -> str | None:
    """Return the split to score of a data set that also has a train split, else None."""
    try:
        source = find_data(Path(place))
        split = source.split_to_score()
    except LeadlineError:
        return None
    return split if "train" in source.splits and split != "train" else None


def _open_data(path: Path, split: str | None, for_training: bool) -> DepthDataset | None:
    """Open the data set at `path`, None if there are only pictures."""
    try:
        source = find_data(path)
        if split is None and for_training and "train" in source.splits:
            return source.open("train")
        return source.open(source.split_to_score() if split is None else split)
    except LeadlineError:
        if split is not None or not _picture_files(path, refuse=False):
            raise
        return None


def _picture_files(path: Path, refuse: bool = True) -> tuple[Path, ...]:
    """Return the photographs of a folder, as `leadline predict` finds them, or the single file."""
    files = sorted(walk(path)) if path.is_dir() else [path]
    found = tuple(
        file for file in files if file.suffix.lower() in IMAGE_SUFFIXES and not is_result_png(file)
    )
    if not found and refuse:
        raise LeadlineError(f"{path}: no pictures here ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return found


def smooth_pictures(batch: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return (batch,H,W,3) uint8 pictures of soft blobs with noise: edges, texture, all colours."""
    import cv2

    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(batch):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        grain = rng.integers(-12, 13, (height, width, 1), dtype=np.int16)
        pictures.append(np.clip(soft + grain, 0, 255).astype(np.uint8))
    return np.stack(pictures)
