"""Draw docs/images/room.png: photograph, predicted and true depth of the example room."""

from pathlib import Path

import cv2
import numpy as np

import leadline
from leadline.io import read_depth, read_photo, write_png
from leadline.viz import colorize, robust_range

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Predict the example room with the shipped model and write the picture."""
    photo = read_photo(ROOT / "examples" / "room.jpg")
    truth = read_depth(ROOT / "examples" / "room_depth.png")
    low, high = robust_range(truth.depth, truth.valid)
    predicted = colorize(leadline.load()(photo), vmin=low, vmax=high)
    row = [photo.pixels, predicted, colorize(truth, vmin=low, vmax=high, bar=True)]
    joined = np.concatenate(row, axis=1)
    half = cv2.resize(joined, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    write_png(ROOT / "docs" / "images" / "room.png", np.asarray(half, dtype=np.uint8))


if __name__ == "__main__":
    main()
