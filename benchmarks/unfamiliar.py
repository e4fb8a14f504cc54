"""How often a model calls pictures unfamiliar that it was not made for, and those that it was.

    python benchmarks/unfamiliar.py MODEL --nyu NYU --rooms ROOMS --streets STREETS --kitti KITTI

MODEL is a run or model folder, NYU labelled NYU Depth v2 with the splits train and val, ROOMS and
STREETS folders of `leadline worlds render`, KITTI a folder of pictures. 50 close-ups of rooms (12
to 30 cm away) and 20 drawings are made here. The unit of novelty is fitted on three quarters of the
validation pictures and counted on the fourth, in turn; alarms on other pictures are means over the
four. AUROC is that of novelty between the validation pictures and the others.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from leadline.datasets.open import open_data
from leadline.io.photos import read_photo
from leadline.models import load_model
from leadline.models.base import DepthModel
from leadline.models.novelty import NoveltyHead, fit_novelty_head
from leadline.training.novelty import picture_means
from leadline.worlds.grammar.rooms import build_room
from leadline.worlds.randomness import Seeds
from leadline.worlds.render import Tracer, quality, render_geometry
from leadline.worlds.view import snapshot
from leadline.worlds.viewpoints import room_camera

Picture = NDArray[np.uint8]
BLOCKS = 4
PREVIEW = (32, 24)


def close_ups(count: int = 50, seed: int = 77) -> Iterator[Picture]:
    """Yield pictures of rooms whose middle is 12 to 30 cm before the lens."""
    level = quality("training")
    made = 0
    for index in range(100 * count):
        seeds = Seeds(seed, "val", index)
        room = build_room(seeds, None)
        tracer, rng = Tracer(room.scene, level.tile_size), seeds.stream("camera")
        for _ in range(8):
            camera = room_camera(rng, room.scene, room.plan, (240, 320))
            small = camera.scaled(*PREVIEW)
            depth = render_geometry(tracer, small).depth.ravel()
            pixel = int(rng.integers(depth.size))
            if not depth[pixel] > 0.5:
                continue
            forward = small.pixel_rays()[pixel] * (depth[pixel] - rng.uniform(0.12, 0.3))
            k, (row, column) = small.intrinsics, divmod(pixel, PREVIEW[0])
            near = replace(
                camera,
                position=tuple(np.asarray(camera.position) + forward),
                yaw=camera.yaw - float(np.degrees(np.arctan((column - k.cx) / k.fx))),
                pitch=camera.pitch - float(np.degrees(np.arctan((row - k.cy) / k.fy))),
            )
            seen = render_geometry(tracer, near.scaled(*PREVIEW)).depth
            if np.median(seen) < 0.35:
                yield snapshot(tracer, near, level, seeds, "close-up").image
                made += 1
                break
        if made == count:
            return


def drawings(count: int = 20, seed: int = 7) -> Iterator[Picture]:
    """Yield outlines filled with flat colours, and charts of lines, on white."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        paper = np.full((480, 640, 3), 255, np.uint8)
        for _ in range(int(rng.integers(4, 12))):
            colour = tuple(int(value) for value in rng.integers(0, 256, 3))
            points = rng.integers(0, (640, 480), (int(rng.integers(3, 7)), 2)).astype(np.int32)
            if number % 2:
                walk = np.cumsum(rng.normal(0, 14, 40)) + rng.uniform(120, 360)
                points = np.stack([np.linspace(60, 600, 40), walk], axis=1).astype(np.int32)
                cv2.polylines(paper, [points], False, colour, 3, cv2.LINE_AA)
                continue
            cv2.fillPoly(paper, [points], colour, cv2.LINE_AA)
            cv2.polylines(paper, [points], True, (0, 0, 0), 3, cv2.LINE_AA)
        if number % 2:
            cv2.rectangle(paper, (60, 40), (600, 440), (0, 0, 0), 2)
        yield paper


def of_split(folder: Path, split: str, count: int | None = None) -> Iterator[Picture]:
    """Yield the pictures of a split of a data set."""
    data = open_data(folder, split=split)
    for index in range(min(len(data), count or len(data))):
        yield data[index].image


def of_folder(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of a folder."""
    for path in sorted(folder.iterdir()):
        yield read_photo(path).pixels


def features(model: DepthModel, pictures: Iterable[Picture]) -> NDArray[np.float32]:
    """Return (N,C) means of the features that novelty is made of."""
    return np.stack([picture_means(model, picture) for picture in pictures])


def novelty(module: NoveltyHead, means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N,) novelties."""
    return module(torch.from_numpy(means)[:, :, None, None]).flatten().numpy()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    for name in ("nyu", "rooms", "streets", "kitti"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    model = load_model(options.model).eval()
    training = np.concatenate(
        [
            features(model, of_split(options.nyu, "train")),
            features(model, of_split(options.rooms, "train", 700)),
        ]
    )
    held_out = features(model, of_split(options.nyu, "val"))
    others = {
        "rooms, held out": features(model, of_split(options.rooms, "val", 100)),
        "KITTI frames": features(model, of_folder(options.kitti)),
        "generated streets": features(model, islice(of_folder(options.streets / "rgb"), 100)),
        "close-ups of rooms": features(model, close_ups()),
        "drawings": features(model, drawings()),
    }
    alarms: dict[str, list[float]] = {name: [] for name in ("NYU, validation", *others)}
    block = np.arange(len(held_out)) * BLOCKS // len(held_out)
    for number in range(BLOCKS):
        module = NoveltyHead(training.shape[1])
        fit_novelty_head(module, training, held_out[block != number])
        alarms["NYU, validation"].append((novelty(module, held_out[block == number]) > 1).mean())
        for name, means in others.items():
            alarms[name].append((novelty(module, means) > 1).mean())
    fit_novelty_head(module, training, held_out)
    usual = novelty(module, held_out)
    print("| pictures | number | called unfamiliar | AUROC |\n| --- | --- | --- | --- |")
    print(f"| NYU, validation | {len(held_out)} | {np.mean(alarms['NYU, validation']):.3f} | - |")
    for name, means in others.items():
        above = (novelty(module, means)[:, None] > usual).mean()
        print(f"| {name} | {len(means)} | {np.mean(alarms[name]):.2f} | {above:.3f} |")


if __name__ == "__main__":
    main()
