"""KITTI: raw recordings with calibration and scans, the depth benchmark, and its selection."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.datasets.writers.common import Scene, save, units

VELO_T = (-4.069766e-03, -7.631618e-02, -2.717806e-01)
VELO_R = (
    *(7.533745e-03, -9.999714e-01, -6.166020e-04),
    *(1.480249e-02, 7.280733e-04, -9.998902e-01),
    *(9.998621e-01, 7.523790e-03, 1.480755e-02),
)
RECT = (
    *(9.999239e-01, 9.837760e-03, -7.445048e-03),
    *(-9.869795e-03, 9.999421e-01, -4.278459e-03),
    *(7.402527e-03, 4.351614e-03, 9.999631e-01),
)
P2 = (
    *(7.215377e02, 0.0, 6.095593e02, 4.485728e01),
    *(0.0, 7.215377e02, 1.728540e02, 2.163791e-01),
    *(0.0, 0.0, 1.0, 2.745884e-03),
)
P3 = (*P2[:3], -3.395242e02, *P2[4:7], 2.199936e00, *P2[8:11], 2.729905e-03)


def write_kitti_calibration(folder: Path, size: tuple[int, int] = (375, 1242)) -> None:
    """Write the two text files of a day, with the values of 2011_09_26, for `size` (H,W)."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["calib_time: 09-Jan-2012 13:57:47", "corner_dist: 9.950000e-02"]
    for camera in range(4):
        P = P3 if camera == 3 else P2
        rows = {
            "S": (1392, 512),
            "K": (9.842439e02, 0, 690, 0, 9.808141e02, 233.1966, 0, 0, 1),
            "D": (-0.3728755, 0.2037299, 0.002219027, 0.001383707, -0.07233722),
            "R": (1, 0, 0, 0, 1, 0, 0, 0, 1),
            "T": (2.573699e-16, -1.059758e-16, 1.614870e-16),
            "S_rect": (size[1], size[0]),
            "R_rect": RECT,
            "P_rect": P,
        }
        lines += [f"{key}_{camera:02d}: {_numbers(values)}" for key, values in rows.items()]
    (folder / "calib_cam_to_cam.txt").write_text("\n".join(lines) + "\n")
    velodyne = [
        "calib_time: 15-Mar-2012 11:37:16",
        f"R: {_numbers(VELO_R)}",
        f"T: {_numbers(VELO_T)}",
        "delta_f: 0.000000e+00 0.000000e+00",
        "delta_c: 0.000000e+00 0.000000e+00",
    ]
    (folder / "calib_velo_to_cam.txt").write_text("\n".join(velodyne) + "\n")


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6e}" for value in values)


def scan_of(depth: np.ndarray, step: int = 3) -> np.ndarray:
    """Return scanner points (N,4) float32 that project to every `step`-th pixel of camera 2."""
    rows, columns = np.nonzero(depth)
    kept = (rows % step == 0) & (columns % step == 0)
    rows, columns = rows[kept], columns[kept]
    w = depth[rows, columns].astype(np.float64)
    P = np.array(P2).reshape(3, 4)
    image_points = np.stack([columns * w, rows * w, w]) - P[:, 3:]
    rectified = np.linalg.solve(P[:, :3], image_points)
    camera = np.array(RECT).reshape(3, 3).T @ rectified
    R = np.array(VELO_R).reshape(3, 3)
    points = np.linalg.solve(R, camera - np.array(VELO_T)[:, None])
    return np.column_stack([points.T, np.full(len(w), 0.5)]).astype("<f4")


def write_kitti_raw(
    folder: Path, drives: Mapping[str, Sequence[int]], scene: Scene, scans: bool = True
) -> Path:
    """Write the same scene as every frame of each drive, for both cameras, with its scan."""
    for drive, numbers in drives.items():
        day = folder / drive[:10]
        write_kitti_calibration(day, scene.depth.shape)
        for number in numbers:
            for camera in ("image_02", "image_03"):
                save(day / drive / camera / "data" / f"{number:010d}.png", scene.image)
            if scans:
                path = day / drive / "velodyne_points" / "data" / f"{number:010d}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                scan_of(scene.depth).tofile(path)
    return folder


def write_kitti_benchmark(
    folder: Path, parts: Mapping[str, Mapping[str, Sequence[int]]], scene: Scene
) -> Path:
    """Write `data_depth_annotated`: {"train": {drive: frames}, "val": ...}, both cameras."""
    for part, drives in parts.items():
        for drive, numbers in drives.items():
            for number in numbers:
                for camera in ("image_02", "image_03"):
                    for kind, depth in (
                        ("groundtruth", scene.depth),
                        ("velodyne_raw", sparse(scene)),
                    ):
                        place = folder / part / drive / "proj_depth" / kind / camera
                        save(place / f"{number:010d}.png", units(depth, 256))
    return folder


def sparse(scene: Scene) -> np.ndarray:
    """Return the depth at every third pixel of every third row, 0 between."""
    depth = np.zeros_like(scene.depth)
    depth[::3, ::3] = scene.depth[::3, ::3]
    return depth


def write_kitti_selection(folder: Path, scenes: Sequence[Scene]) -> Path:
    """Write `val_selection_cropped` with the camera of each frame, nine numbers a file."""
    for number, scene in enumerate(scenes):
        drive, frame = "2011_09_26_drive_0023_sync", f"{number:010d}_image_0{2 + number % 2}"
        save(folder / "image" / f"{drive}_image_{frame}.png", scene.image)
        for kind, depth in (("groundtruth_depth", scene.depth), ("velodyne_raw", sparse(scene))):
            save(folder / kind / f"{drive}_{kind}_{frame}.png", units(depth, 256))
        (folder / "intrinsics").mkdir(exist_ok=True)
        # Of 1216 x 352 pixels; the focal length and the centre of a picture of another width.
        s = scene.depth.shape[1] / 1216
        K = (721.5377 * s, 0, 596.5593 * s, 0, 721.5377 * s, 149.854 * s, 0, 0, 1)
        text = " ".join(f"{v:f}" for v in K)
        (folder / "intrinsics" / f"{drive}_image_{frame}.txt").write_text(text)
    return folder
