"""What the camera is worth: validation images through a longer lens, and at other processing areas.

    python benchmarks/camera.py --data DATA [--model compact-nyu] [--images 80]

DATA is a folder of pairs taken with the camera of NYU Depth v2, or in its layout. A picture cropped
to a share of its sides and enlarged to its size again is the picture of a longer lens; a portrait
is cut out, 3:4, and not enlarged. "whole picture" is what is predicted for the same pixels of the
uncropped picture. Every number is the mean over images under protocol `full`.
"""

import argparse
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from leadline.datasets import open_data
from leadline.datasets.nyu_mat import CAMERA
from leadline.datasets.sample import Sample
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineWarning
from leadline.inference import Predictor
from leadline.metrics import get_protocol, mean_over_images

LENSES = {"1": (1, 1), "0.85": (0.85, 0.85), "0.7": (0.7, 0.7), "0.55": (0.55, 0.55)}
PORTRAIT = {"3:4": (1, 0.5625)}
"""What is left of the height and of the width of a picture of 3 x 4."""

AREAS = (0.5, 1.0, 2.0, 4.0)
SHOWN = ("delta1", "abs_rel", "rmse")

Window = tuple[slice, slice]
View = tuple[str, str, np.ndarray, Sample, Window]
"""What the network saw, what was done about it, the metres, and where in the sample they belong."""

EVERYTHING = (slice(None), slice(None))


def camera_of(sample: Sample) -> Intrinsics:
    """Return the sample's camera, NYU's where the data does not say one."""
    return sample.intrinsics or CAMERA.scaled_to(sample.size[1], sample.size[0])


def through_longer_lenses(samples: list[Sample], model: str) -> Iterator[View]:
    """Yield the predictions of every sample through every lens."""
    given, ignored = (Predictor.load(model, camera=mode) for mode in ("auto", "ignore"))
    for sample in samples:
        (height, width), camera = sample.size, camera_of(sample)
        whole = given(sample.image, camera).depth
        for name, (rows, columns) in {**LENSES, **PORTRAIT}.items():
            h, w = round(height * rows), round(width * columns)
            top, left = (height - h) // 2, (width - w) // 2
            window = (slice(top, top + h), slice(left, left + w))
            picture = np.ascontiguousarray(sample.image[window])
            lens = Intrinsics(camera.fx, camera.fy, camera.cx - left, camera.cy - top, w, h)
            if name in LENSES:
                picture = cv2.resize(picture, (width, height))
                lens = lens.scaled_to(width, height)
            yield name, "camera given", given(picture, lens).depth, sample, window
            yield name, "camera ignored", ignored(picture, lens).depth, sample, window
            yield name, "whole picture", whole[window], sample, window


def at_other_areas(samples: list[Sample], model: str) -> Iterator[View]:
    """Yield the predictions of whole pictures at more or fewer pixels than in training."""
    for factor in AREAS:
        for way, mode in (("camera given", "auto"), ("camera ignored", "ignore")):
            predictor = Predictor.load(model, camera=mode, processing_area=round(factor * 76_800))
            for sample in samples:
                depth = predictor(sample.image, camera_of(sample)).depth
                yield f"{factor:g}", way, depth, sample, EVERYTHING


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="compact-nyu")
    parser.add_argument("--images", type=int, default=80)
    options = parser.parse_args()
    warnings.simplefilter("ignore", LeadlineWarning)
    data = open_data(options.data, "val")
    count = min(options.images, len(data))
    samples = [data[number * len(data) // count] for number in range(count)]
    protocol = get_protocol("full")
    for title, views in (
        ("share of the sides that is left", through_longer_lenses(samples, options.model)),
        ("processing area, times that of training", at_other_areas(samples, options.model)),
    ):
        scores = defaultdict(list)
        for seen, way, metres, sample, window in views:
            result = protocol.score(metres, sample.depth[window], sample.valid[window])
            scores[seen, way].append(result.metrics)
        print(f"\n{title}, {count} images\n{'':<6}{'':<18}" + "".join(f"{n:>9}" for n in SHOWN))
        for (seen, way), rows in scores.items():
            means = mean_over_images(row for row in rows if row)
            print(f"{seen:<6}{way:<18}" + "".join(f"{means[name]:>9.3f}" for name in SHOWN))


if __name__ == "__main__":
    main()
