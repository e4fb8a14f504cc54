"""How often the likely intervals of `leadline measure` hold the truth, for boxes and for lines.

Run it as  python benchmarks/measuring.py --nyu NYU --model MODEL  with a folder of NYU Depth v2 and
val.csv, and a model that states its uncertainty and was not trained on it: the shipped one was. Two
minutes on two busy cores. Boxes are of 20 to 200 pixels a side, lines between pixels that are 50
from the border; both are random, and those whose truth is not known are left out.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

import leadline
from leadline.datasets import open_data

BOXES, LINES = 20, 100
BORDER = 50
NEAR = 100


def measure_picture(
    predicted: leadline.DepthMap, truth: leadline.DepthMap, rng: np.random.Generator
) -> dict[str, list[bool]]:
    """Return {kind: whether each interval held the truth} of one picture."""
    held: dict[str, list[bool]] = defaultdict(list)
    height, width = truth.shape
    for _ in range(BOXES):
        w, h = rng.integers(20, 200, 2)
        x, y = rng.integers(20, width - 20 - w), rng.integers(20, height - 20 - h)
        box = (int(x), int(y), int(x + w), int(y + h))
        if truth.valid[box[1] : box[3], box[0] : box[2]].any():
            found = predicted.distance(box)
            assert found.near is not None and found.far is not None
            held["boxes"].append(found.near <= truth.distance(box).metres <= found.far)
    for _ in range(LINES):
        xs = rng.integers(BORDER, width - BORDER, 2)
        ys = rng.integers(BORDER, height - BORDER, 2)
        start, end = ((int(x), int(y)) for x, y in zip(xs, ys, strict=True))
        if not (truth.valid[start[1], start[0]] and truth.valid[end[1], end[0]]):
            continue
        span = predicted.distance_between(start, end)
        assert span.near is not None and span.far is not None
        holds = span.near <= truth.distance_between(start, end).metres <= span.far
        held["lines"].append(holds)
        if np.hypot(*np.subtract(start, end)) < NEAR:
            held[f"lines of less than {NEAR} pixels"].append(holds)
    return held


def main() -> None:
    """Print the share of intervals that held, kind by kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nyu", type=Path, required=True)
    parser.add_argument("--model", required=True, help="that was not trained on val.csv")
    parser.add_argument("--limit", type=int, help="images at most")
    options = parser.parse_args()
    predictor = leadline.load(options.model, precision="f32")
    rng = np.random.default_rng(0)
    held: dict[str, list[bool]] = defaultdict(list)
    data = open_data(options.nyu, "val")
    for index in range(min(len(data), options.limit or len(data))):
        sample = data[index]
        truth = sample.depth_map
        camera = sample.intrinsics or predictor(sample.image).intrinsics
        truth = leadline.DepthMap.from_metres(truth.depth, truth.valid, intrinsics=camera)
        for kind, each in measure_picture(predictor(sample.image, camera), truth, rng).items():
            held[kind] += each
    for kind, each in held.items():
        print(f"{kind:<32} {len(each):>6,}  {np.mean(each):.3f}")


if __name__ == "__main__":
    main()
