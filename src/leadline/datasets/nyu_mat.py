"""NYU Depth v2, labeled: `nyu_depth_v2_labeled.mat` as distributed (MATLAB 7.3, HDF5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from leadline.datasets.facts import nyu_label_map, nyu_labeled_test
from leadline.datasets.hdf5 import open_hdf5
from leadline.datasets.layout import Layout, Option, Options, Origin
from leadline.datasets.sample import Sample
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, one_line

FILE_NAME = "nyu_depth_v2_labeled.mat"
COUNT = 1449
CAMERA = Intrinsics(518.857901, 519.469611, 325.582449, 253.736166, 640, 480)
"""The colour camera of the data set's toolbox; depth is registered to it."""

DEPTH_KEYS = {"filled": "depths", "raw": "rawDepths"}


@dataclass(frozen=True)
class NyuItem:
    """Image `index` of the file, counted from 0."""

    index: int

    @property
    def id(self) -> str:
        """Five digits, counted from 0 as in the BTS lists."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class NyuMatDataset(Layout):
    """Images read one at a time from the open file, so that memory does not grow.

    `depth` is `filled` (`depths`, in-painted) or `raw` (`rawDepths`, holes invalid); `labels` is
    40, 13, 894 (0 is unlabelled in each) or "none".
    """

    name = "nyu-mat"
    published_as = "nyu"
    title = "NYU Depth v2, labeled"
    data_argument = f"{FILE_NAME}, or its folder"
    source = (
        "Silberman, Hoiem, Kohli, Fergus: Indoor Segmentation and Support Inference from RGBD "
        "Images, ECCV 2012; split of its splits.mat"
    )
    origin = Origin(
        "https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
        "none stated; research",
        "1449 images, 2.8 GB",
        "nothing: the .mat file as it is",
    )
    fixed_units = 1.0
    options: ClassVar[Options] = {
        "depth": Option("filled: in-painted; raw: as measured", "filled", ("filled", "raw")),
        "labels": Option("number of classes", 40, (40, 13, 894, "none")),
    }

    depth: str = "filled"
    labels: int | str = 40

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Check the first bytes of a MATLAB file, or the file's own name."""
        file = _file_of(path)
        if not file.is_file() or file.suffix.lower() != ".mat":
            return None
        with file.open("rb") as stream:
            head = stream.read(520)
        is_hdf5 = head.startswith(b"MATLAB 7.3") or b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:])
        if is_hdf5:
            return f"{file.name} is a MATLAB 7.3 file"
        return f"contains {file.name}" if file.name == FILE_NAME else None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the official splits, if the file has the official 1449 images."""
        file = _file_of(path)
        with _explained(file):
            count = _open_file(str(file), os.getpid())["images"].shape[0]
        return ("train", "test") if count == COUNT else ()

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        depth: str = "filled",
        labels: int | str = 40,
    ) -> NyuMatDataset:
        """Open the file and compare the sizes of its arrays."""
        file = _file_of(path)
        keys = ["images", DEPTH_KEYS[depth], *(["labels"] if labels != "none" else [])]
        with _explained(file):
            shapes = {key: _open_file(str(file), os.getpid())[key].shape for key in keys}
        count, _, *size = shapes["images"] if len(shapes["images"]) == 4 else (0, 3, 0)
        for key in keys[1:]:
            if shapes[key] != (count, *size):
                raise LeadlineError(
                    f"{file}: images are {shapes['images']} but {key} are {shapes[key]} "
                    "(as stored); this is not NYU's labeled file"
                )
        return cls(file, _items(split, count), depth=depth, labels=labels)

    def paths(self, item: NyuItem) -> dict[str, Path]:
        """Return {}: an image has no file of its own."""
        return {}

    def read(self, item: NyuItem) -> Sample:
        """Read one image; MATLAB's column-major arrays appear transposed in HDF5."""
        with _explained(self.root):
            file = _open_file(str(self.root), os.getpid())
            image = file["images"][item.index].transpose(2, 1, 0)
            metres = file[DEPTH_KEYS[self.depth]][item.index].T
            labelled = self.with_labels and self.labels != "none"
            ids = file["labels"][item.index].T if labelled else None
            classes = None if ids is None else nyu_label_map(int(self.labels))[ids]
        depth = np.ascontiguousarray(metres)
        camera = CAMERA.scaled_to(depth.shape[1], depth.shape[0])
        return Sample.from_metres(
            item.id, np.ascontiguousarray(image), depth, labels=classes, intrinsics=camera
        )

    def scenes(self) -> list[str]:
        """Return the scene of each sample, such as kitchen_0004, which should not be split."""
        with _explained(self.root):
            file = _open_file(str(self.root), os.getpid())
            references = file["scenes"][0]
            return [_text(file, references[item.index]) for item in self.items]


def _text(file: Any, reference: Any) -> str:
    """Return a MATLAB string: a reference to an array of UTF-16 code units."""
    return "".join(chr(unit) for unit in file[reference][:].ravel())


@lru_cache(maxsize=4)
def _open_file(path: str, _process: int) -> Any:
    """Return the file, opened once per process: HDF5 handles survive neither fork nor pickling."""
    if Path(path).stat().st_size == 0:
        raise OSError("the file is empty: 0 bytes")
    return open_hdf5(path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, RuntimeError, IndexError) as error:
        raise LeadlineError(
            f"{path}: is not NYU's labeled file, damaged or cut short ({one_line(error)}); "
            f"it is {FILE_NAME}, about 2.8 GB"
        ) from error


def _file_of(path: Path) -> Path:
    return path / FILE_NAME if path.is_dir() else path


def _items(split: str | None, count: int) -> tuple[NyuItem, ...]:
    test = set(nyu_labeled_test())
    kept = {None: set(range(count)), "test": test, "train": set(range(count)) - test}[split]
    return tuple(NyuItem(index) for index in sorted(kept))
