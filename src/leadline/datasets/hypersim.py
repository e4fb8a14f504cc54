"""Hypersim: rendered rooms as HDF5; `depth_meters` (length of the ray) is converted to planar z.

Format: README.md of github.com/apple/ml-hypersim ("Lossless high-dynamic range images") with
contrib/mikeroberts3000 (`metadata_camera_parameters.csv`), and the loader of ZoeDepth
(`zoedepth/data/hypersim.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.folders import files_ending, folders_in, require_files
from leadline.datasets.hdf5 import open_hdf5
from leadline.datasets.layout import SPLITS, FilePair, Layout, Option, Options, Origin
from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.rays import planar_factor
from leadline.errors import LeadlineError, one_line, size_words

SPLIT_FILE = "metadata_images_split_scene_v1.csv"
CAMERA_FILE = "metadata_camera_parameters.csv"
FOV = 60.0
"""Horizontal field of view in degrees of scenes that are not in the file of cameras."""

_DEPTH = ".depth_meters.hdf5"
Matrix = tuple[float, ...]
"""M_cam_from_uv of a scene, row by row: from (u, v, 1) in -1..1 (v up) to a ray along -z."""


@dataclass(frozen=True)
class HypersimFrame(FilePair):
    """One frame of `scene`, ai_VVV_NNN."""

    scene: str = ""


@dataclass(frozen=True)
class HypersimDataset(Layout):
    """Tone-mapped previews with planar z in float metres; `cameras` has the scenes of the CSV."""

    name = "hypersim"
    title = "Hypersim"
    data_argument = "the folder of ai_001_001/, ... (images/...), or one scene"
    source = "Roberts et al.: Hypersim, ICCV 2021"
    origin = Origin(
        "https://github.com/apple/ml-hypersim",
        "CC BY-SA 3.0",
        "1.9 TB in 461 archives",
        f"the scenes' zips; beside them {SPLIT_FILE} and {CAMERA_FILE} of the repository",
    )
    fixed_units = 1.0
    unpaired_files = "usual"
    options: ClassVar[Options] = {
        "image": Option("tone-mapped, or merely clipped", "tonemap", ("tonemap", "color")),
    }

    cameras: Mapping[str, Matrix] = field(default_factory=dict)

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a scene with HDF5 geometry."""
        for scene in _scenes(path)[:3]:
            for name in folders_in(path / scene / "images"):
                if name.endswith("_geometry_hdf5"):
                    return f"has {Path(scene, 'images', name)}"
        return None

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the three splits of the published CSV, if the file exists."""
        return SPLITS if (path / SPLIT_FILE).is_file() else ()

    @classmethod
    def open(
        cls, path: Path, split: str | None, _units: float | None, *, image: str = "tonemap"
    ) -> HypersimDataset:
        """Open the frames, without those excluded from the public release."""
        chosen = None if split is None else set(_frames_of_split(path / SPLIT_FILE, split))
        items = []
        for scene in _scenes(path):
            name = scene or path.resolve().name
            for camera, frame, item in _frames(path, scene, name, image):
                if chosen is None or (name, camera, frame) in chosen:
                    items.append(item)
        files = (path / name for i in items for name in (i.image, i.depth))
        require_files(path, files, "unpack the scenes again, the previews too")
        return cls(path, tuple(items), 1.0, cameras=_read_cameras(path / CAMERA_FILE))

    def read_depth(self, path: Path) -> DepthMap:
        """Read ray lengths and convert them to planar z; NaN (no surface) is invalid."""
        distance = _read_hdf5(path)
        scene = path.parents[2].resolve().name
        matrix = self.cameras.get(scene)
        if matrix is None or _pinhole(matrix, distance.shape) is not None:
            factor = planar_factor(self._camera_of(scene, distance.shape))
        else:
            factor = _cosines(matrix, distance.shape)
        return DepthMap.from_metres(distance * factor)

    def scene(self, item: HypersimFrame) -> str:
        """Return the scene, shared by its cameras."""
        return item.scene

    def camera(self, item: HypersimFrame, size: tuple[int, int]) -> Intrinsics | None:
        """Return the scene's camera, None if its image plane is tilted, which is no pinhole."""
        matrix = self.cameras.get(item.scene)
        if matrix is not None and _pinhole(matrix, size) is None:
            return None
        return self._camera_of(item.scene, size)

    def assumptions(self) -> tuple[str, ...]:
        """Return a line on the scenes that are missing in the table of cameras."""
        scenes = {item.scene for item in self.items}
        unknown = sorted(scenes - set(self.cameras))
        if not unknown:
            return ()
        return (
            f"{CAMERA_FILE} is not there or lacks {len(unknown)} of {len(scenes)} scenes, such as "
            f"{unknown[0]}: {FOV:g} degrees are assumed for the camera and for planar depth",
        )

    def _camera_of(self, scene: str, size: tuple[int, ...]) -> Intrinsics:
        matrix = self.cameras.get(scene)
        camera = None if matrix is None else _pinhole(matrix, size)
        return camera or Intrinsics.from_fov(FOV, size[1], size[0])


def _scenes(path: Path) -> list[str]:
    """Return the scenes in a folder, or "" if it is one itself."""
    if (path / "images").is_dir() and path.resolve().name.startswith("ai_"):
        return [""]
    return [name for name in folders_in(path) if name.startswith("ai_")]


def _frames(
    root: Path, scene: str, name: str, image: str
) -> Iterator[tuple[str, int, HypersimFrame]]:
    """Yield (camera, number, item) of every depth map of a scene, in order."""
    images = Path(scene, "images")
    for folder in folders_in(root / images):
        if not folder.endswith("_geometry_hdf5"):
            continue
        camera = folder.removesuffix("_geometry_hdf5")
        preview = images / f"{camera}_final_preview"
        for file in files_ending(root / images / folder, _DEPTH):
            stem = file.removesuffix(_DEPTH)
            item = HypersimFrame(
                str(preview / f"{stem}.{image}.jpg"), str(images / folder / file), scene=name
            )
            yield camera.removeprefix("scene_"), int(stem.rpartition(".")[2]), item


def _rows(path: Path, noun: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV of the repository.

    Errors: LeadlineError, naming the file, if it is damaged or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.DictReader(file)
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise LeadlineError(
            f"{path}: cannot be read as the {noun} ({one_line(error)}); copy it again from "
            "github.com/apple/ml-hypersim"
        ) from None


def _frames_of_split(path: Path, split: str) -> Iterator[tuple[str, str, int]]:
    """Yield (scene, camera, number) of the released frames of a split."""
    for row in _rows(path, "list of splits"):
        try:
            released = row["included_in_public_release"].strip().lower() == "true"
            if released and row["split_partition_name"] == split:
                yield row["scene_name"], row["camera_name"], int(row["frame_id"])
        except (KeyError, ValueError, AttributeError) as error:
            raise LeadlineError(
                f"{path}: is not the list of splits ({one_line(error)}); copy it again"
            ) from None


def _read_cameras(path: Path) -> dict[str, Matrix]:
    """Return M_cam_from_uv by scene, {} if the file does not exist."""
    if not path.is_file():
        return {}
    keys = [f"M_cam_from_uv_{row}{column}" for row in range(3) for column in range(3)]
    cameras = {}
    for row in _rows(path, "table of cameras"):
        try:
            cameras[row["scene_name"]] = tuple(float(row[key]) for key in keys)
        except (KeyError, ValueError, TypeError) as error:
            raise LeadlineError(
                f"{path}: is not the table of cameras ({one_line(error)}); copy it again"
            ) from None
    return cameras


def _pinhole(matrix: Matrix, size: tuple[int, ...]) -> Intrinsics | None:
    """Return the camera of pictures of `size` (H,W), None if the image plane is tilted."""
    m = np.array(matrix).reshape(3, 3)
    if np.abs([m[0, 1], m[1, 0], m[2, 0], m[2, 1]]).max() > 1e-6 or m[2, 2] >= 0:
        return None
    m = m / -m[2, 2]
    height, width = size[0], size[1]
    return Intrinsics(
        fx=width / (2 * m[0, 0]),
        fy=height / (2 * m[1, 1]),
        cx=(1 - m[0, 2] / m[0, 0]) * width / 2 - 0.5,
        cy=(1 + m[1, 2] / m[1, 1]) * height / 2 - 0.5,
        width=width,
        height=height,
    )


def _cosines(matrix: Matrix, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the cosine (H,W) between each ray and the optical axis, for any camera."""
    m = np.array(matrix).reshape(3, 3)
    u = (np.arange(size[1]) + 0.5) / size[1] * 2 - 1
    v = 1 - (np.arange(size[0]) + 0.5) / size[0] * 2
    rays = np.stack([*np.meshgrid(u, v), np.ones((size[0], size[1]))], axis=-1) @ m.T
    return np.asarray(-rays[..., 2] / np.linalg.norm(rays, axis=-1), np.float32)


def _read_hdf5(path: Path) -> NDArray[np.float32]:
    """Return the only array of a file, (H,W) float32."""
    try:
        with open_hdf5(path) as file:
            values: NDArray[Any] = file["dataset"][:]
    except ImportError:
        raise LeadlineError(
            f"{path}: HDF5 needs h5py; install it with: pip install 'leadline[data]'"
        ) from None
    except (OSError, KeyError, RuntimeError) as error:
        raise LeadlineError(
            f"{path}: is damaged or cut short, or no depth of Hypersim ({one_line(error)}); unpack "
            "the scene again"
        ) from None
    if values.ndim != 2:
        raise LeadlineError(f"{path}: holds {size_words(values.shape)} of {values.ndim} axes")
    return values.astype(np.float32)
