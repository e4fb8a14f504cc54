"""One picture of many photographs, each beside its depth by one or more models, to be looked at.

    python benchmarks/photographs.py FOLDER compact-nyu crisp-nyu -o docs/images/photographs.jpg

The depth of each photograph is coloured in the 2nd to 98th percentile of the last model's, near is
warm; above it stands that range, and, where the model states it, how unlike its training pictures
the photograph is (1 is usual). Run in float32.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.depth import DepthMap
from leadline.inference import Predictor
from leadline.io.photos import read_photo
from leadline.viz.color import colorize, robust_range
from leadline.viz.scale_bar import draw_title

HEIGHT, WIDTH = 240, 320
"""The part of the sheet that a picture is fitted into."""


def main() -> None:
    """Predict, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=2, help="photographs side by side")
    options = parser.parse_args()
    predictors = [Predictor.load(name, precision="f32") for name in options.models]
    rows = [row(file, predictors) for file in sorted(options.folder.iterdir())]
    rows += [np.full_like(rows[0], 255)] * (-len(rows) % options.columns)
    lines = [
        np.hstack(rows[at : at + options.columns]) for at in range(0, len(rows), options.columns)
    ]
    sheet = cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(options.output), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])


def row(file: Path, predictors: list[Predictor]) -> NDArray[np.uint8]:
    """Return a photograph and its depth maps beside each other, (HEIGHT,W,3)."""
    photo = read_photo(file)
    predictions = [predictor.predict(photo) for predictor in predictors]
    maps, novelty = [each.depth for each in predictions], predictions[-1].novelty
    low, high = robust_range(maps[-1].depth, maps[-1].valid)
    print(file.name, *(summary(depth_map) for depth_map in maps), sep="  ")
    title = f"{low:.1f} to {high:.1f} m" + ("" if novelty is None else f", novelty {novelty:.1f}")
    parts = [fitted(photo.pixels)]
    for depth_map in maps:
        parts.append(fitted(colorize(depth_map, vmin=low, vmax=high)))
    parts[-1] = draw_title(parts[-1], title)[-HEIGHT:]
    return np.hstack(parts)


def summary(depth_map: DepthMap) -> str:
    """Return the nearest, middle and farthest metres of a map in words."""
    metres = np.quantile(depth_map.depth[depth_map.valid], (0.02, 0.5, 0.98))
    return "/".join(f"{each:.2f}" for each in metres)


def fitted(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture resized into the middle of a white (HEIGHT,WIDTH,3)."""
    ratio = min(HEIGHT / picture.shape[0], WIDTH / picture.shape[1])
    height, width = (round(ratio * side) for side in picture.shape[:2])
    part = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    part[top : top + height, left : left + width] = cv2.resize(
        picture, (width, height), interpolation=cv2.INTER_AREA
    )
    return part


if __name__ == "__main__":
    main()
