"""Virtual KITTI, versions 1.3.1 and 2: driving through five worlds in ten variations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from leadline.datasets.layout import Layout, Option
from leadline.datasets.listing import folders_in, frames_in, require_files
from leadline.datasets.reader import Reader, check_one_size
from leadline.datasets.sample import Sample
from leadline.datasets.vkitti_classes import IDS, ColourTable, read_colour_table
from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
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
class VkittiFrame:
    """The files of one frame, relative to the data set's root, and its world."""

    image: str
    depth: str
    classes: str
    table: str
    world: str

    @property
    def id(self) -> str:
        """The image's path."""
        return self.image


@dataclass(frozen=True)
class VkittiDataset(Reader[VkittiFrame]):
    """`sky`: far (655.35 m, as stored) or invalid. `labels`: cityscapes, vkitti or none.

    Frames without a class picture have no labels: that archive is a separate download.
    """

    sky: str = "far"
    labels: str = "cityscapes"

    def paths(self, item: VkittiFrame) -> dict[str, Path]:
        """Return the image, the depth and, where they are wanted and there, the labels' files."""
        files = {"image": item.image, "depth": item.depth}
        if self.with_labels and self.labels != "none" and item.classes:
            files |= {"label": item.classes, "table": item.table}
        return {kind: self.root / name for kind, name in files.items()}

    def scene(self, item: VkittiFrame) -> str:
        """Return the world, whichever the variation."""
        return item.world

    def read(self, item: VkittiFrame) -> Sample:
        """Read one frame."""
        files = self.paths(item)
        photo, path = files["image"], files["depth"]
        image = read_photo(photo).pixels
        values, _ = decode_grey_png(path, read_bytes(path, "depth map"))
        check_one_size("depth", values, path, image, photo)
        kept = values != SKY if self.sky == "invalid" else None
        depth_map = DepthMap.from_metres(values.astype(np.float32) / np.float32(UNITS), kept)
        labels = None
        if "label" in files:
            picture = read_photo(files["label"]).pixels
            check_one_size("class picture", picture[..., 0], files["label"], image, photo)
            labels = _table(files["table"], self.labels).classify(picture, files["label"])
        height, width = depth_map.shape
        camera = CAMERA.scaled_to(width, height)
        return Sample(item.id, image, depth_map.depth, depth_map.valid, labels, camera)


@lru_cache(maxsize=64)
def _table(path: Path, ids: str) -> ColourTable:
    return read_colour_table(path, IDS[ids])


@dataclass(frozen=True)
class Version:
    """Where a version of the data set keeps its folders; `{world}`, `{variation}`, `{camera}`.

    `worlds_in` is the folder of the worlds' own folders.
    """

    worlds_in: str
    world: str
    rgb: str
    depth: str
    classes: str
    table: str
    depth_name: Callable[[str], str]
    classes_name: Callable[[str], str]

    def worlds(self, root: Path) -> list[int]:
        """Return which of the five worlds are there."""
        every = sorted(number for numbers in WORLDS.values() for number in numbers)
        names = folders_in(root / self.worlds_in)
        return [number for number in every if self.world.format(number) in names]

    def frames(self, root: Path, world: int, variation: str, camera: int) -> Iterator[VkittiFrame]:
        """Yield the frames of one world and variation, in order."""
        where = {"world": self.world.format(world), "variation": variation, "camera": camera}
        rgb, depth = self.rgb.format(**where), self.depth.format(**where)
        classes, table = self.classes.format(**where), self.table.format(**where)
        has_classes = (root / classes).is_dir()
        for stem, name in frames_in(root / rgb).items():
            picture = f"{classes}/{self.classes_name(stem)}.png" if has_classes else ""
            yield VkittiFrame(
                image=f"{rgb}/{name}",
                depth=f"{depth}/{self.depth_name(stem)}.png",
                classes=picture,
                table=table,
                world=str(where["world"]),
            )


V1 = Version(
    worlds_in="vkitti_1.3.1_rgb",
    world="{:04d}",
    rgb="vkitti_1.3.1_rgb/{world}/{variation}",
    depth="vkitti_1.3.1_depthgt/{world}/{variation}",
    classes="vkitti_1.3.1_scenegt/{world}/{variation}",
    table="vkitti_1.3.1_scenegt/{world}_{variation}_scenegt_rgb_encoding.txt",
    depth_name=lambda stem: stem,
    classes_name=lambda stem: stem,
)
V2 = Version(
    worlds_in="",
    world="Scene{:02d}",
    rgb="{world}/{variation}/frames/rgb/Camera_{camera}",
    depth="{world}/{variation}/frames/depth/Camera_{camera}",
    classes="{world}/{variation}/frames/classSegmentation/Camera_{camera}",
    table="{world}/{variation}/colors.txt",
    depth_name=lambda stem: stem.replace("rgb_", "depth_"),
    classes_name=lambda stem: stem.replace("rgb_", "classgt_"),
)


def _splits(version: Version) -> Callable[[Path], tuple[str, ...]]:
    def splits(path: Path) -> tuple[str, ...]:
        there = set(version.worlds(path))
        return tuple(split for split, worlds in WORLDS.items() if there & set(worlds))

    return splits


def _matches(version: Version) -> Callable[[Path], str | None]:
    def matches(path: Path) -> str | None:
        there = version.worlds(path) if path.is_dir() else []
        return f"has {Path(version.worlds_in, version.world.format(there[0]))}" if there else None

    return matches


def _opener(version: Version) -> Callable[..., VkittiDataset]:
    def open_vkitti(
        path: Path,
        split: str | None,
        _units: float | None,
        *,
        variation: str,
        sky: str,
        labels: str,
        camera: int = 0,
    ) -> VkittiDataset:
        there = version.worlds(path)
        worlds = [world for world in there if split is None or world in WORLDS[split]]
        frames = tuple(
            frame
            for world in worlds
            for name in (VARIATIONS if variation == "all" else (variation,))
            for frame in version.frames(path, world, name, camera)
        )
        needed = {path / frame.depth for frame in frames}
        if labels != "none":
            needed |= {path / frame.classes for frame in frames if frame.classes}
            needed |= {path / frame.table for frame in frames if frame.classes}
        require_files(path, sorted(needed), "unpack the archives again, all of one version")
        return VkittiDataset(path, frames, UNITS, sky=sky, labels=labels)

    return open_vkitti


_OPTIONS = {
    "variation": Option("weather or camera angle", "all", ("all", *VARIATIONS)),
    "sky": Option("far: at 655.35 m, as stored; or invalid", "far", ("far", "invalid")),
    "labels": Option("ids of the labels", "cityscapes", ("cityscapes", "vkitti", "none")),
}

LAYOUT_1 = Layout(
    name="vkitti-1",
    title="Virtual KITTI 1.3.1",
    points_at="the folder of vkitti_1.3.1_rgb/, _depthgt/ and, for labels, _scenegt/",
    source="Gaidon et al.: Virtual Worlds as Proxy for Multi-Object Tracking Analysis, CVPR 2016; "
    "split by worlds of Sciuto",
    matches=_matches(V1),
    open=_opener(V1),
    splits=_splits(V1),
    units_per_metre=UNITS,
    options=_OPTIONS,
)

LAYOUT_2 = Layout(
    name="vkitti-2",
    title="Virtual KITTI 2",
    points_at="the folder of Scene01/ ... Scene20/ (rgb, depth and, for labels, classSegmentation)",
    source="Cabon, Murray, Humenberger: Virtual KITTI 2, 2020; the same split by worlds",
    matches=_matches(V2),
    open=_opener(V2),
    splits=_splits(V2),
    units_per_metre=UNITS,
    options={**_OPTIONS, "camera": Option("0 left or 1 right", 0, (0, 1))},
)
