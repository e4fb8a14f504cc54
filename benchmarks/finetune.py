"""Fine-tuning: a camera of other distances and colours, before, after, and from ImageNet weights.

    python benchmarks/finetune.py --data NYU [--steps 150] [--images 60] [--only finetune]

NYU holds train.csv and val.csv. Photographs of a "new camera" are made of them: every depth times
0.6, colours through gains and a gamma. `--images` of train.csv are trained on (15 % of them select
the model), all of val.csv are scored; neither run sees these. The shipped model, though, has seen
all of them as they were before the change: docs/finetune.md has rows of one that had not. Both runs
take the same number of steps of batch 8 at 240x320: 150 steps are 1,200 images.
"""

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from leadline.evaluation import Result, evaluate
from leadline.training.train import train

DEPTH_FACTOR = 0.6
GAINS = np.array([0.75, 0.95, 1.15], np.float32)
"""Of blue, green and red: a warm light."""
GAMMA = 1.3
RUNS = {"finetune": "fine-tuned", "compact": "from ImageNet weights"}
"""The recipes, each with its own rates."""
SHOWN = ("delta1", "abs_rel", "rmse", "log10")


def plant(source: Path, split: str, count: int | None, target: Path) -> None:
    """Write `count` evenly spaced pairs of a split of `source` as the new camera sees them."""
    rows = list(csv.DictReader((source / f"{split}.csv").open()))
    chosen = rows if count is None else [rows[n * len(rows) // count] for n in range(count)]
    for name in ("rgb", "depth"):
        (target / name).mkdir(parents=True)
    for row in chosen:
        image = cv2.imread(str(source / row["image"])).astype(np.float32) / 255
        warm = np.clip(image**GAMMA * GAINS, 0, 1)
        depth = cv2.imread(str(source / row["depth"]), cv2.IMREAD_UNCHANGED)
        near = np.rint(depth * DEPTH_FACTOR).astype(np.uint16)
        stem = Path(row["image"]).stem
        cv2.imwrite(str(target / "rgb" / f"{stem}.png"), np.rint(warm * 255).astype(np.uint8))
        cv2.imwrite(str(target / "depth" / f"{stem}.png"), near)
    (target / "dataset.yaml").write_text("depth_scale: 1000\n")


def row(title: str, result: Result, seconds: float | None) -> str:
    """Return a line of the table."""
    scores = " | ".join(f"{result.metrics[name]:.3f}" for name in SHOWN)
    took = "-" if seconds is None else f"{seconds:.0f}"
    return f"| {title} | {scores} | {took} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--only", choices=RUNS, help="One of the two runs.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own, held_out = Path(folder) / "own", Path(folder) / "held_out"
        plant(options.data, "train", options.images, own)
        plant(options.data, "val", None, held_out)
        before = evaluate("crisp-nyu", held_out, baselines=False)
        protocol, count = before.protocol.name, before.images
        print(f"{os.cpu_count()} processors; protocol {protocol}, {count} images")
        print(f"| model | {' | '.join(SHOWN)} | seconds |")
        print("| --- " * (len(SHOWN) + 2) + "|")
        print(row("shipped, as it is", before, None), flush=True)
        for recipe in [options.only] if options.only else RUNS:
            overrides = [
                f"trainer.max_steps={options.steps}",
                "trainer.loggers=[]",
                "trainer.validate_every_epochs=10",
                "data.val_fraction=0.15",
            ]
            title = f"{RUNS[recipe]}, {options.steps} steps"
            started = time.monotonic()
            out = Path(folder) / recipe
            result = train(recipe, own, out, overrides=overrides, score=False)
            seconds = time.monotonic() - started
            after = evaluate(result.model, held_out, baselines=False)
            print(row(title, after, seconds), flush=True)


if __name__ == "__main__":
    main()
