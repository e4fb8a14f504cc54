#!/usr/bin/env python3
"""Statistics of generated rooms beside those of real ones.

    leadline worlds render -o ROOMS --kind rooms --count 800 --labels nyu40
    python scripts/compare_worlds.py ROOMS [NYU]

Both are data sets of image-depth-label pairs with NYU's 40 classes. Printed for each: depth and
per-image median in metres, pitch of the camera from a plane through the pixels labelled floor,
how many pixels lie on depth edges and on class borders, class shares, picture brightness, and what
the per-pixel mean map of one half of the images scores as a predictor on the other half (for a
data set with a validation split: trained on train, scored on val).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.datasets.facts import nyu_class_names
from leadline.datasets.pairs import PairsDataset, open_pairs

SIZE = (120, 160)  # height and width at which everything is compared
FLOOR, FLOOR_LIKE = 2, 20
EDGE = 1.08  # ratio of neighbouring depths that counts as an edge


@dataclass
class Statistics:
    """What is collected of a data set's images at `SIZE`; NYU's own frame is cut off."""

    depths: list[NDArray[np.float32]] = field(default_factory=list)
    shares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(41))
    pitches: list[float] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    borders: list[float] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)


def collect(folder: Path, split: str, most: int) -> Statistics:
    """Read up to `most` images of a split."""
    out, data = Statistics(), open_pairs(folder, split)
    for index in np.linspace(0, len(data) - 1, min(most, len(data))).astype(int):
        sample = data[int(index)]
        assert sample.labels is not None, f"{folder} has no labels"
        crop = slice(sample.depth.shape[0] // 30, -(sample.depth.shape[0] // 30))
        size = SIZE[::-1]
        depth = cv2.resize(sample.depth[crop, crop], size, interpolation=cv2.INTER_NEAREST)
        labels = sample.labels[crop, crop].astype(np.uint8)
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
        out.depths.append(depth)
        out.shares += np.bincount(labels.ravel(), minlength=41)[:41] / labels.size
        out.edges.append(edge_share(depth))
        out.borders.append(border_share(labels))
        out.brightness.append(float(sample.image.mean()))
        fx = sample.intrinsics.fx / sample.intrinsics.width if sample.intrinsics else 519 / 640
        if (pitch := floor_pitch(depth, labels, fx * SIZE[1])) is not None:
            out.pitches.append(pitch)
    return out


def edge_share(depth: NDArray[np.float32]) -> float:
    """Share of neighbouring pixels whose depths differ by more than the factor EDGE."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(depth)
        across, down = np.abs(np.diff(logs, axis=1)), np.abs(np.diff(logs, axis=0))
    return float(((across > np.log(EDGE)).mean() + (down > np.log(EDGE)).mean()) / 2)


def border_share(labels: NDArray[np.uint8]) -> float:
    """Share of neighbouring pixels of different classes, both of them known."""
    across = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    down = (labels[1:] != labels[:-1]) & (labels[1:] > 0) & (labels[:-1] > 0)
    return float((across.mean() + down.mean()) / 2)


def floor_pitch(
    depth: NDArray[np.float32], labels: NDArray[np.uint8], focal: float
) -> float | None:
    """Degrees that the camera looks down, from the plane through the floor; None without one."""
    v, u = np.nonzero((labels == FLOOR) & (depth > 0))
    if len(v) < 0.03 * depth.size:
        return None
    z = depth[v, u].astype(np.float64)
    points = np.stack([(u - SIZE[1] / 2) * z / focal, (v - SIZE[0] / 2) * z / focal, z], axis=1)
    centred = points - points.mean(axis=0)
    normal = np.linalg.svd(centred, full_matrices=False)[2][2]
    normal *= -np.sign(normal[1])  # up is -y in a camera
    return float(np.degrees(np.arctan2(-normal[2], -normal[1]))) if abs(normal[1]) > 0.5 else None


def mean_map_score(
    fitted: list[NDArray[np.float32]], scored: list[NDArray[np.float32]]
) -> tuple[float, float]:
    """delta1 and abs_rel of the per-pixel geometric mean of `fitted` on `scored`."""
    logs = np.where(np.stack(fitted) > 0, np.log(np.maximum(np.stack(fitted), 1e-3)), np.nan)
    guess = np.exp(np.nanmean(logs, axis=0))
    delta, error = [], []
    for depth in scored:
        valid = depth > 0
        true, guessed = depth[valid], guess[valid]
        ratio = np.maximum(guessed / true, true / guessed)
        delta.append((ratio < 1.25).mean())
        error.append((np.abs(guessed - true) / true).mean())
    return float(np.mean(delta)), float(np.mean(error))


def describe(values: list[float]) -> str:
    """Mean and the 5th, 25th, 50th, 75th and 95th percentile."""
    marks = np.percentile(values, [5, 25, 50, 75, 95])
    return f"mean {np.mean(values):.3f}; 5..95 % " + " ".join(f"{m:.3f}" for m in marks)


def report(folder: Path, most: int) -> NDArray[np.float64]:
    """Print the statistics of a data set; returns its class shares in per cent."""
    train = collect(folder, "train", most)
    print(f"\n{folder}: {len(train.depths)} images")
    every = np.concatenate([d[d > 0].ravel()[::17] for d in train.depths])
    print("  depth, m           ", describe(list(every)))
    print("  per-image median, m", describe([float(np.median(d[d > 0])) for d in train.depths]))
    print("  looks down, degrees", describe(train.pitches), f"({len(train.pitches)} images)")
    print("  depth edges, share ", describe(train.edges))
    print("  class borders, share", describe(train.borders))
    print("  brightness         ", describe(train.brightness))
    if "val" in PairsDataset.splits(folder):
        held_out = collect(folder, "val", most).depths
        delta, error = mean_map_score(train.depths, held_out)
        print(f"  mean map on {len(held_out)} val images: delta1 {delta:.3f}, abs_rel {error:.3f}")
    else:
        delta, error = mean_map_score(train.depths[::2], train.depths[1::2])
        print(f"  mean map, half on half: delta1 {delta:.3f}, abs_rel {error:.3f}")
    return 100 * train.shares / max(len(train.depths), 1)


def main() -> None:
    """Print statistics side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=700, help="images of a split")
    options = parser.parse_args()
    shares = [report(folder, options.most) for folder in options.folders]
    print("\nclass shares, %")
    names = ("void", *nyu_class_names(40))
    for number in np.argsort(-shares[-1]):
        print(f"  {names[number]:18s}", " ".join(f"{s[number]:6.2f}" for s in shares))


if __name__ == "__main__":
    main()
