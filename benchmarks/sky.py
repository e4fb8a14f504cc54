"""Where a model says that there is no depth: in the sky, and where there is one after all.

    python benchmarks/sky.py MODEL --streets STREETS [--frames KITTI] [--picture sheet.png]

STREETS is a folder of `leadline worlds render --kind streets --sky invalid`, of which the
validation worlds are looked at: pixels without truth are sky. KITTI is a data set of measured
depth, whose pixels without truth say nothing. The picture shows the frames and their depth.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.datasets import DepthDataset, open_data
from leadline.inference import Predictor
from leadline.viz.color import colorize

Predicted = tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.uint8]]
SHEET_WIDTH = 1000


def predictions(predictor: Predictor, data: DepthDataset) -> Iterable[Predicted]:
    """Yield each photograph, where its truth and where its prediction is valid, and its colours."""
    for sample in data:
        found = predictor(sample.image, sample.intrinsics)
        yield sample.image, sample.valid, found.valid, colorize(found)


def main() -> None:
    """Print both shares, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--streets", type=Path, required=True)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    predictor = Predictor.load(options.model)
    sky = truth = seen = lost = 0
    for _, has_truth, has_depth, _ in predictions(predictor, open_data(options.streets, "val")):
        sky, truth = sky + int((~has_truth).sum()), truth + int(has_truth.sum())
        seen += int((has_depth & ~has_truth).sum())
        lost += int((has_truth & ~has_depth).sum())
    print(f"streets: metres on {seen / sky:.2%} of {sky:,} pixels of sky")
    print(f"streets: no depth on {lost / truth:.2%} of {truth:,} pixels with truth")
    if options.frames is None:
        return
    pictures, truth, lost = [], 0, 0
    for image, has_truth, has_depth, colours in predictions(predictor, open_data(options.frames)):
        truth, lost = truth + int(has_truth.sum()), lost + int((has_truth & ~has_depth).sum())
        pictures.append(np.hstack([image, colours]))
    print(f"frames: no depth on {lost / truth:.2%} of {truth:,} measured points")
    if options.picture is not None:
        rows = [Image.fromarray(each) for each in pictures]
        height = [round(row.height * SHEET_WIDTH / row.width) for row in rows]
        sheet = Image.new("RGB", (SHEET_WIDTH, sum(height)))
        for number, row in enumerate(rows):
            sheet.paste(row.resize((SHEET_WIDTH, height[number])), (0, sum(height[:number])))
        sheet.save(options.picture)


if __name__ == "__main__":
    main()
