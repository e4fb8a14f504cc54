"""Virtual KITTI, versions 1.3.1 and 2: driving through five worlds in ten variations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.folders import folders_in, frames_in, require_files
from leadline.datasets.layout import FilePair, Layout, Option, Options, Origin
from leadline.datasets.vkitti_classes import IDS, ColourTable, read_colour_table
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth
from leadline.io.cameras import published_camera
from leadline.io.files import read_bytes
from leadline.io.photos import read_photo
from leadline.io.png16 import decode_grey_png

UNITS = 100.0
SKY = 65535
CAMERA = Intrinsics(725.0, 725.0, 620.5, 187.0, 1242, 375)
WORLDS = {"train": (1, 18, 20), "val": (6,), "test": (2,)}
"""The split by worlds of Sciuto: 16,230, 2,700 and 2,330 images of version 1.3.1."""
VARIATIONS = (
    *("15-deg-left", "15-deg-right", "30-deg-left", "30-deg-right", "clone"),
    *("fog", "morning", "overcast", "rain", "sunset"),
)


@dataclass(frozen=True)
class VkittiFrame(FilePair):
    """One frame: `label` is its class picture, if there is one, in the colours of `table`."""

    table: str = ""
    world: str = ""


@dataclass(frozen=True)
class _VkittiDataset(Layout):
    """The common part of both versions; `sky`: far (655.35 m, as stored) or invalid.

    `labels`: cityscapes, vkitti or none. Frames without a class picture, which are in a separate
    archive, have no labels.

    A version defines its folders in the class variables, with placeholders {world}, {variation} and
    {camera}. `worlds_in` is the parent folder of the worlds; `names` replaces "rgb" in the name of
    a depth map and of a class picture.
    """

    worlds_in: ClassVar[str]
    world: ClassVar[str]
    rgb_folder: ClassVar[str]
    depth_folder: ClassVar[str]
    class_folder: ClassVar[str]
    table: ClassVar[str]
    names: ClassVar[tuple[str, str]]

    fixed_units = UNITS
    unpaired_files = "fault"
    options: ClassVar[Options] = {
        "variation": Option("weather or camera angle", "all", ("all", *VARIATIONS)),
        "sky": Option("far: at 655.35 m, as stored; or invalid", "far", ("far", "invalid")),
        "labels": Option("ids of the labels", "cityscapes", ("cityscapes", "vkitti", "none")),
    }

    sky: str = "far"
    labels: str = "cityscapes"

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for the folders of the five worlds."""
        worlds = cls.worlds(path) if path.is_dir() else []
        return f"has {Path(cls.worlds_in, cls.world.format(worlds[0]))}" if worlds else None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the splits that have a world at `path`."""
        existing = set(cls.worlds(path))
        return tuple(split for split, worlds in WORLDS.items() if existing & set(worlds))

    @classmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        variation: str = "all",
        sky: str = "far",
        labels: str = "cityscapes",
        camera: int = 0,
    ) -> _VkittiDataset:
        """Open every frame of the split's worlds, in one or all variations."""
        frames = tuple(
            frame
            for world in cls.worlds(path)
            if split is None or world in WORLDS[split]
            for name in (VARIATIONS if variation == "all" else (variation,))
            for frame in cls.frames(path, world, name, camera)
        )
        files = {path / frame.depth for frame in frames}
        if labels != "none":
            files |= {path / frame.label for frame in frames if frame.label}
            files |= {path / frame.table for frame in frames if frame.label}
        require_files(path, sorted(files), "unpack the archives again, all of one version")
        return cls(path, frames, UNITS, sky=sky, labels=labels)

    @classmethod
    def worlds(cls, root: Path) -> list[int]:
        """Return the existing worlds, of the five."""
        numbers = sorted(number for worlds in WORLDS.values() for number in worlds)
        names = folders_in(root / cls.worlds_in)
        return [number for number in numbers if cls.world.format(number) in names]

    @classmethod
    def frames(cls, root: Path, world: int, variation: str, camera: int) -> Iterator[VkittiFrame]:
        """Yield the frames of one world and variation, in order."""
        values = {"world": cls.world.format(world), "variation": variation, "camera": camera}
        rgb, depth = cls.rgb_folder.format(**values), cls.depth_folder.format(**values)
        classes, table = cls.class_folder.format(**values), cls.table.format(**values)
        has_classes = (root / classes).is_dir()
        for stem, name in frames_in(root / rgb).items():
            depth_name, class_name = (stem.replace("rgb", other) for other in cls.names)
            yield VkittiFrame(
                image=f"{rgb}/{name}",
                depth=f"{depth}/{depth_name}.png",
                label=f"{classes}/{class_name}.png" if has_classes else "",
                table=table,
                world=cls.world.format(world),
            )

    def paths(self, item: VkittiFrame) -> dict[str, Path]:
        """Return the image, the depth and, if requested and present, the label files."""
        files = {"image": item.image, "depth": item.depth}
        if self.with_labels and self.labels != "none" and item.label:
            files |= {"label": item.label, "table": item.table}
        return {kind: self.root / name for kind, name in files.items()}

    def scene(self, item: VkittiFrame) -> str:
        """Return the world, shared by its variations."""
        return item.world

    def read_depth(self, path: Path) -> QuantizedDepth:
        """Read centimetres, with the sky set to 0 if it is invalid."""
        values: NDArray[Any] = decode_grey_png(path, read_bytes(path, "depth map"))[0]
        if self.sky == "invalid":
            values = np.where(values == SKY, 0, values).astype(values.dtype)
        return QuantizedDepth(values, UNITS)

    def read_labels(self, files: Mapping[str, Path]) -> NDArray[np.int32]:
        """Read the class picture and look up its colours in the table of its world."""
        picture = read_photo(files["label"]).pixels
        return _read_table(files["table"], self.labels).classify(picture, files["label"])

    def camera(self, item: VkittiFrame, size: tuple[int, int]) -> Intrinsics:
        """Return the camera, the same for all worlds."""
        height, width = size
        return published_camera(CAMERA, width, height, f"{self.root}: the camera of {self.name}")


@dataclass(frozen=True)
class Vkitti1Dataset(_VkittiDataset):
    """Version 1.3.1: one archive per kind of picture."""

    name = "vkitti-1"
    published_as = "vkitti"
    title = "Virtual KITTI 1.3.1"
    data_argument = "the folder of vkitti_1.3.1_rgb/, _depthgt/ and, for labels, _scenegt/"
    source = (
        "Gaidon et al.: Virtual Worlds as Proxy for Multi-Object Tracking Analysis, CVPR 2016; "
        "split by worlds of Sciuto"
    )
    origin = Origin(
        "https://europe.naverlabs.com/proxy-virtual-worlds-vkitti-1/",
        "CC BY-NC-SA 3.0",
        "21,260 frames",
        "vkitti_1.3.1_rgb.tar and _depthgt.tar; for labels _scenegt.tar",
    )
    worlds_in = "vkitti_1.3.1_rgb"
    world = "{:04d}"
    rgb_folder = "vkitti_1.3.1_rgb/{world}/{variation}"
    depth_folder = "vkitti_1.3.1_depthgt/{world}/{variation}"
    class_folder = "vkitti_1.3.1_scenegt/{world}/{variation}"
    table = "vkitti_1.3.1_scenegt/{world}_{variation}_scenegt_rgb_encoding.txt"
    names = ("rgb", "rgb")


@dataclass(frozen=True)
class Vkitti2Dataset(_VkittiDataset):
    """Version 2: everything of a world in one folder, two cameras."""

    name = "vkitti-2"
    published_as = "vkitti"
    title = "Virtual KITTI 2"
    data_argument = (
        "the folder of Scene01/ ... Scene20/ (rgb, depth; for labels, classSegmentation)"
    )
    source = "Cabon, Murray, Humenberger: Virtual KITTI 2, 2020; the same split by worlds"
    origin = Origin(
        "https://europe.naverlabs.com/proxy-virtual-worlds-vkitti-2/",
        "CC BY-NC-SA 3.0",
        "42,520 frames (two cameras)",
        "vkitti_2.0.3_rgb.tar and _depth.tar; for labels _classSegmentation.tar, _textgt.tar.gz",
    )
    options: ClassVar[Options] = {
        **_VkittiDataset.options,
        "camera": Option("0 left or 1 right", 0, (0, 1)),
    }
    worlds_in = ""
    world = "Scene{:02d}"
    rgb_folder = "{world}/{variation}/frames/rgb/Camera_{camera}"
    depth_folder = "{world}/{variation}/frames/depth/Camera_{camera}"
    class_folder = "{world}/{variation}/frames/classSegmentation/Camera_{camera}"
    table = "{world}/{variation}/colors.txt"
    names = ("depth", "classgt")


@lru_cache(maxsize=64)
def _read_table(path: Path, ids: str) -> ColourTable:
    return read_colour_table(path, IDS[ids])
