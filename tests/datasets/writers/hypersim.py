"""Hypersim: HDF5 with the length of each pixel's ray, and previews."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from tests.datasets.writers.common import Scene, save

TAN = math.tan(math.radians(30))
"""Half the width of the picture at a distance of one: 60 degrees."""


def write_hypersim(folder: Path, scenes: Mapping[str, Sequence[Scene]]) -> Path:
    """Write {"ai_001_001": scenes} of cam_00; where a scene has no depth the ray hits nothing."""
    for name, frames in scenes.items():
        images = folder / name / "images"
        for number, scene in enumerate(frames):
            for kind in ("tonemap", "color"):
                path = images / "scene_cam_00_final_preview" / f"frame.{number:04d}.{kind}.jpg"
                save(path, scene.image)
            length = np.where(scene.depth > 0, scene.depth * stretch(scene.depth.shape), np.nan)
            geometry = images / "scene_cam_00_geometry_hdf5"
            geometry.mkdir(exist_ok=True)
            with h5py.File(geometry / f"frame.{number:04d}.depth_meters.hdf5", "w") as file:
                file.create_dataset("dataset", data=length.astype(np.float16))
    return folder


def stretch(size: tuple[int, int]) -> np.ndarray:
    """Return the length of each pixel's ray for z = 1: the angle is 60 degrees across."""
    height, width = size
    across = [TAN * (2 * (x + 0.5) / width - 1) for x in range(width)]
    down = [TAN * (2 * (y + 0.5) / height - 1) * height / width for y in range(height)]
    return np.array([[math.sqrt(1 + a * a + d * d) for a in across] for d in down])


def write_tables(
    folder: Path, splits: Mapping[str, str], matrices: Mapping[str, Sequence[float]]
) -> None:
    """Write {scene: split} and {scene: M_cam_from_uv} as the repository's two CSV files."""
    with (folder / "metadata_images_split_scene_v1.csv").open("w", newline="") as file:
        table = csv.writer(file)
        columns = ("scene_name", "camera_name", "frame_id", "included_in_public_release")
        table.writerow([*columns, "exclude_reason", "split_partition_name"])
        for scene, split in splits.items():
            for frame in range(3):
                released = frame != 1
                row = (scene, "cam_00", frame, released, "" if released else "people")
                table.writerow([*row, split if released else ""])
    with (folder / "metadata_camera_parameters.csv").open("w", newline="") as file:
        table = csv.writer(file)
        names = [f"M_cam_from_uv_{row}{column}" for row in range(3) for column in range(3)]
        table.writerow(["scene_name", "settings_output_img_width", *names])
        for scene, matrix in matrices.items():
            table.writerow([scene, 1024, *matrix])
