"""Small rooms seen through a pinhole: floor, walls and boxes, each of its own colour."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (96, 128)
FOCAL, HEIGHT = 0.8 * SIZE[1], 1.2


def make_room(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a photograph (H,W,3) uint8 and its depth (H,W) in metres: floor, walls, boxes."""
    rows = np.arange(SIZE[0])[:, None] + 0.5 - SIZE[0] / 2
    columns = np.arange(SIZE[1])[None, :] + 0.5 - SIZE[1] / 2
    far, aside = rng.uniform(3, 6), rng.uniform(1.2, 2.5)
    floor = np.where(rows > 0, HEIGHT * FOCAL / np.maximum(rows, 1e-3), np.inf)
    side = np.where(columns > 0, aside * FOCAL / np.maximum(columns, 1e-3), np.inf)
    surfaces = [np.broadcast_to(plane, SIZE) for plane in (floor, side, np.float64(far))]
    for _ in range(rng.integers(4, 8)):
        near = rng.uniform(1.2, 0.9 * far)
        left = rng.uniform(-0.6, 0.4) * SIZE[1]
        box = (columns > left) & (columns < left + rng.uniform(0.4, 1.0) * FOCAL / near)
        top = HEIGHT - rng.uniform(0.4, 1.5)
        box = box & (rows > top * FOCAL / near) & (rows < HEIGHT * FOCAL / near)
        surfaces.append(np.where(box, near, np.inf))
    stack = np.stack(surfaces)
    depth, which = stack.min(axis=0), stack.argmin(axis=0)
    colors = rng.uniform(20, 235, (len(surfaces), 3))
    texture = rng.uniform(-12, 12, (len(surfaces), 1)) * np.sin(np.arange(SIZE[1]) / 2)
    image = colors[which] + np.take_along_axis(texture, which, axis=0)[..., None]
    image = image + rng.normal(0, 4, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), depth.astype(np.float32)


def write_rooms(folder: Path, train: int = 20, val: int = 8, seed: int = 0) -> Path:
    """Write rooms as rgb/*.jpg, depth/*.png in millimetres, label/*.png, two CSVs and a scale."""
    rng = np.random.default_rng(seed)
    for name in ("rgb", "depth", "label"):
        (folder / name).mkdir(parents=True)
    for index in range(train + val):
        image, depth = make_room(rng)
        millimetres = np.rint(depth * 1000).astype(np.uint16)
        millimetres[:2] = 0
        Image.fromarray(image).save(folder / "rgb" / f"{index:03d}.jpg", quality=92)
        Image.fromarray(millimetres).save(folder / "depth" / f"{index:03d}.png")
        labels = np.digitize(depth, np.linspace(1, 5, 9)).astype(np.uint8)
        Image.fromarray(labels).save(folder / "label" / f"{index:03d}.png")
    write_csv(folder / "train.csv", range(train))
    write_csv(folder / "val.csv", range(train, train + val))
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


def write_csv(path: Path, indices: range) -> None:
    """Write a CSV that lists these rooms."""
    rows = [f"rgb/{i:03d}.jpg,depth/{i:03d}.png,label/{i:03d}.png" for i in indices]
    path.write_text("\n".join(["image,depth,label", *rows]) + "\n")


def depth_of(folder: Path, index: int) -> np.ndarray:
    """Return the depth file of a room as stored."""
    return np.array(Image.open(folder / "depth" / f"{index:03d}.png"))


def change_depth(
    folder: Path, change: Callable[[np.ndarray], np.ndarray], indices: range | None = None
) -> None:
    """Write every depth file (or those of `indices`) again as `change` returns it."""
    count = len(list((folder / "depth").glob("*.png")))
    for index in indices or range(count):
        values = np.ascontiguousarray(change(depth_of(folder, index)))
        Image.fromarray(values).save(folder / "depth" / f"{index:03d}.png")
