"""How far the normals of predicted depth are off, as it is and smoothed as for `--normals`.

    leadline worlds render -o rooms --count 8 --val-share 0 --size 240x320 --seed 4711
    python benchmarks/normals.py rooms

Degrees between predicted and true normals, the median and the mean over all pixels that have both.
"""

import argparse
from pathlib import Path

import numpy as np

from leadline.datasets.open import open_data
from leadline.depth import DepthMap
from leadline.inference import Predictor
from leadline.viz.normals import smoothed
from leadline.weights import DEFAULT_MODEL


def main() -> None:
    """Predict, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rooms", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    data = open_data(options.rooms)
    print("| precision | depth | median | mean |\n| --- | --- | --- | --- |")
    for precision in ("bf16", "f32"):
        predictor = Predictor.load(options.model, precision=precision)
        off: dict[str, list[np.ndarray]] = {"as predicted": [], "smoothed": []}
        for sample in data:
            truth = DepthMap.from_metres(sample.depth, intrinsics=sample.intrinsics)
            depth = predictor.predict(sample.image, sample.intrinsics).depth
            off["as predicted"].append(degrees_off(depth, truth))
            off["smoothed"].append(degrees_off(smoothed(depth), truth))
        for name, parts in off.items():
            angles = np.concatenate(parts)
            print(f"| {precision} | {name} | {np.median(angles):.1f} | {angles.mean():.1f} |")


def degrees_off(depth: DepthMap, truth: DepthMap) -> np.ndarray:
    """Return the angles between the normals of two maps, (n,) degrees, where both have one."""
    ours, theirs = depth.normals(), truth.normals()
    both = ours.any(axis=2) & theirs.any(axis=2)
    cosine = np.clip((ours[both] * theirs[both]).sum(axis=1), -1, 1)
    return np.degrees(np.arccos(cosine))


if __name__ == "__main__":
    main()
