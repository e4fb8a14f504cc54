"""Packed shards: a data set as a few big arrays, which are memory-mapped instead of decoded.

A shard folder holds `manifest.json`, `samples.json` and one `.npy` file per array: image (uint8
RGB), depth (uint16 integers, or float32 metres; 0 where invalid) and, if there are any, labels. A
data set with splits has one shard folder per split. If all samples have one size, the arrays are
(N,H,W,3) and (N,H,W), for use with `numpy.load(..., mmap_mode="r")`; samples of mixed sizes are
concatenated in arrays of (pixels,3) and (pixels,).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.layout import Layout
from leadline.datasets.sample import Sample
from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth
from leadline.depth.units import resolve_units
from leadline.errors import LeadlineError, one_line, size_words
from leadline.io.files import read_json

FORMAT, VERSION = "leadline-shards", 1
MANIFEST, SAMPLES = "manifest.json", "samples.json"
HEADER_BYTES = 256
"""Padded length of the .npy header, so that it can be written last."""

REMEDY = "copy the folder again, or pack the data again"

CHANNELS = {"image": 3, "depth": 1, "labels": 1}
COLUMNS = ("id", "size", "labelled", "camera", "scene")
"""The lists in `samples.json`, in the order of the samples."""

DTYPES = {
    "image": ("uint8",),
    "depth": ("uint16", "float32"),
    "labels": ("uint8", "int16", "int32"),
}


@dataclass(frozen=True)
class PackedSample:
    """The location of one sample: `first` is its first pixel in every array of its `folder`."""

    id: str
    folder: str
    first: int
    height: int
    width: int
    labelled: bool
    camera: tuple[float, float, float, float] | None
    scene: str


@dataclass(frozen=True)
class ShardsDataset(Layout):
    """Samples of one or several shard folders below `root`; copies for workers stay small."""

    name = "shards"
    title = "packed shards"
    data_argument = "a folder that 'leadline convert --to shards' wrote"
    source = "Leadline's own, for fast epochs"

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a manifest at `path` or one folder below."""
        return f"has {MANIFEST} of {FORMAT}" if shard_folders(path) else None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the names of the shard folders below `path`, train, val and test first."""
        names: Sequence[str] = sorted(shard_folders(path), key=_usual_order)
        return tuple(name for name in names if name)

    @classmethod
    def sibling(cls, path: Path, split: str) -> Path | None:
        """Return the shard folder of another split beside `path`."""
        other = path.parent / split
        return other if is_shard_folder(path) and other != path and is_shard_folder(other) else None

    @classmethod
    def open(cls, path: Path, split: str | None, units_per_metre: float | None) -> ShardsDataset:
        """Open one split, or all of them without a name.

        Errors: LeadlineError for missing or damaged shards, or a unit that contradicts them.
        """
        folders = shard_folders(path)
        if split is not None:
            folders = {name: folder for name, folder in folders.items() if name == split}
        if not folders:
            of_split = f" of split {split}" if split else ""
            raise LeadlineError(f"{path}: no packed shards{of_split} here")
        samples: list[PackedSample] = []
        units: set[float | None] = set()
        datasets = {str(read_manifest(folder).get("dataset", "")) for folder in folders.values()}
        dataset = datasets.pop() if len(datasets) == 1 else ""
        for name, folder in folders.items():
            arrays = open_arrays(folder)
            if units_per_metre is not None:
                resolve_units(folder, units_per_metre, arrays.units_per_metre or 1.0)
            units.add(arrays.units_per_metre)
            samples += read_samples(folder, name)
        stored = units.pop() if len(units) == 1 else None
        return cls(path, tuple(samples), stored or units_per_metre, dataset=dataset)

    def paths(self, item: PackedSample) -> dict[str, Path]:
        """Return {}: a sample has no files of its own."""
        return {}

    def location(self, item: PackedSample) -> str:
        """Return the shard folder and the id, since ids may repeat in other splits."""
        return f"{(self.root / item.folder).resolve()}::{item.id}"

    def read(self, item: PackedSample) -> Sample:
        """Return views of one sample in the mapped arrays."""
        arrays = open_arrays(self.root / item.folder)
        pixels, shape = slice(item.first, item.first + item.height * item.width), (-1, item.width)
        camera = None
        if item.camera is not None:
            camera = Intrinsics(*item.camera, width=item.width, height=item.height)
        depth = _depth_of(arrays, arrays.depth[pixels].reshape(shape), camera)
        labels = None
        if item.labelled and self.with_labels:
            labels = arrays.labels[pixels].reshape(shape).astype(np.int32)
        return Sample(item.id, arrays.image[pixels].reshape(*shape, 3), depth, labels)

    def has_labels(self) -> bool:
        """Return whether a sample has class labels."""
        return self.with_labels and any(item.labelled for item in self.items)

    def scene(self, item: PackedSample) -> str:
        """Return the scene stored when the data was packed."""
        return item.scene


@dataclass(frozen=True)
class Arrays:
    """The mapped arrays of one shard folder, (P,3), (P,) and (P,), with P pixels in total.

    `units_per_metre` is None if the depth is float32 metres; `labels` is empty without labels.
    """

    image: NDArray[np.uint8]
    depth: NDArray[Any]
    labels: NDArray[Any]
    units_per_metre: float | None


def _depth_of(
    arrays: Arrays, stored: NDArray[Any], camera: Intrinsics | None
) -> DepthMap | QuantizedDepth:
    if arrays.units_per_metre is None:
        return DepthMap.from_metres(stored, intrinsics=camera)
    return QuantizedDepth(stored, arrays.units_per_metre, camera)


def open_arrays(folder: Path) -> Arrays:
    """Map the arrays of a shard folder; each process maps them once.

    Errors: LeadlineError if a file is missing or does not match the manifest.
    """
    try:
        stamp = (folder / MANIFEST).stat().st_mtime_ns
    except OSError as error:
        raise LeadlineError(
            f"{folder / MANIFEST}: {one_line(error)}; pack the data again"
        ) from None
    return _map_arrays(folder, stamp)


@lru_cache(maxsize=32)
def _map_arrays(folder: Path, _stamp: int) -> Arrays:
    manifest = read_manifest(folder)
    maps = {name: _map(folder, name, about) for name, about in manifest["arrays"].items()}
    return Arrays(
        image=maps["image"],
        depth=maps["depth"],
        labels=maps.get("labels", np.empty(0, np.uint8)),
        units_per_metre=manifest["arrays"]["depth"]["units_per_metre"],
    )


def _map(folder: Path, name: str, about: dict[str, Any]) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    dtype, shape = np.dtype(about["dtype"]), tuple(about["shape"])
    expected = HEADER_BYTES + dtype.itemsize * math.prod(shape)
    try:
        size = path.stat().st_size
        if size == expected:
            mapped = np.memmap(path, dtype, "r", offset=HEADER_BYTES, shape=(math.prod(shape),))
            # A plain array over the map, since np.memmap runs Python code at every slice.
            flat = np.asarray(mapped)
            return flat.reshape(-1, CHANNELS[name]) if CHANNELS[name] > 1 else flat
    except OSError as error:
        raise LeadlineError(f"{path}: {one_line(error)}; pack the data again") from error
    raise LeadlineError(
        f"{path}: has {size} bytes instead of {expected}; copy it again, or pack the data again"
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a shard folder.

    Errors: LeadlineError if it is missing, damaged, or of a version this release cannot read.
    """
    path = folder / MANIFEST
    content = _read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LeadlineError(f"{path}: not a manifest of packed shards; give the folder of shards")
    if content.get("version") != VERSION:
        raise LeadlineError(
            f"{path}: version {content.get('version')} of the shards, this release reads "
            f"{VERSION}; pack the data again, or update leadline"
        )
    try:
        _check_manifest(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, error) from error
    return content


def _check_manifest(content: dict[str, Any]) -> None:
    arrays = content["arrays"]
    if not {"image", "depth"} <= arrays.keys() <= CHANNELS.keys():
        raise ValueError(f"arrays {', '.join(arrays)}")
    for name, about in arrays.items():
        if about["dtype"] not in DTYPES[name] or not all(int(n) >= 0 for n in about["shape"]):
            raise ValueError(f"{name} {about}")
    units = arrays["depth"]["units_per_metre"]
    if (units is None) != (arrays["depth"]["dtype"] == "float32") or not (units or 1) > 0:
        raise ValueError(f"depth of {arrays['depth']['dtype']} in units of {units}")
    pixels = {math.prod(about["shape"]) // CHANNELS[name] for name, about in arrays.items()}
    if len(pixels) > 1:
        raise ValueError("arrays of different sizes")
    if sum(block["samples"] for block in content["blocks"]) != content["samples"]:
        raise ValueError("blocks that do not add up")


def read_samples(folder: Path, prefix: str = "") -> list[PackedSample]:
    """Return the list of samples of a shard folder; `prefix` is its name below the data's root.

    Errors: LeadlineError if the list is damaged or does not fit the arrays.
    """
    path, manifest = folder / SAMPLES, read_manifest(folder)
    content = _read_json(path)
    samples, first = [], 0
    try:
        for id, (height, width), labelled, camera, scene in zip(
            *(content[column] for column in COLUMNS), strict=True
        ):
            where = None if camera is None else _four(camera)
            if not (height > 0 and width > 0):
                raise ValueError(f"{id} is {size_words((height, width))}")
            samples.append(
                PackedSample(
                    str(id), prefix, first, height, width, bool(labelled), where, str(scene)
                )
            )
            first += height * width
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    pixels = math.prod(manifest["arrays"]["image"]["shape"]) // CHANNELS["image"]
    if first != pixels or len(samples) != manifest["samples"]:
        raise LeadlineError(
            f"{path}: lists {len(samples)} samples of {first} pixels, the arrays hold "
            f"{manifest['samples']} of {pixels}; {REMEDY}"
        )
    return samples


def _four(values: Sequence[float]) -> tuple[float, float, float, float]:
    fx, fy, cx, cy = (float(value) for value in values)
    return fx, fy, cx, cy


def _read_json(path: Path) -> Any:
    return read_json(path, "part of the shards", REMEDY)


def _damaged(path: Path, error: BaseException) -> LeadlineError:
    return LeadlineError(f"{path}: is damaged ({one_line(error)}); {REMEDY}")


def is_shard_folder(path: Path) -> bool:
    """Return whether `path` contains a manifest of packed shards."""
    try:
        if not (path / MANIFEST).is_file():
            return False
        with (path / MANIFEST).open("rb") as file:
            return f'"{FORMAT}"'.encode() in file.read(200)
    except OSError:
        return False


def shard_folders(path: Path) -> dict[str, Path]:
    """Return the shard folders at `path` by split; without splits the key is ""."""
    if is_shard_folder(path):
        return {"": path}
    if not path.is_dir():
        return {}
    return {each.name: each for each in sorted(path.iterdir()) if is_shard_folder(each)}


def _usual_order(split: str) -> tuple[int, str]:
    usual = ("train", "val", "test")
    return (usual.index(split) if split in usual else len(usual)), split
