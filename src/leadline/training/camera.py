"""The camera of the training data, which the metres of the trained network hold for."""

from __future__ import annotations

import numpy as np

from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.depth.intrinsics import Intrinsics
from leadline.training.recipe import Recipe

SAMPLES_READ = 8

ONE_LENS = 1.05
"""Focal lengths within this factor are one camera's: KITTI's five lie within 1.03."""


def recipe_focal(recipe: Recipe, samples: DepthDataset, size: tuple[int, int]) -> float | None:
    """Return the focal length in pixels at the input size (h, w) that a run trains for.

    That of `data.camera_fov` where the recipe says it, else that of the samples.
    """
    if recipe.data.camera_fov is None:
        return training_focal(samples, size)
    return Intrinsics.from_fov(recipe.data.camera_fov, size[1], size[0]).focal


def training_focal(samples: DepthDataset, size: tuple[int, int]) -> float | None:
    """Return the focal length of the samples in pixels at the input size (h, w), their median.

    None where a sample's camera is not known, or the samples, of which a few are read, come from
    unlike lenses. A random zoom does not change it: it divides depth by the zoom.
    """
    focals = []
    for index in evenly_spaced(len(samples), SAMPLES_READ):
        camera = samples.view(index).intrinsics
        if camera is None:
            return None
        focals.append(camera.focal_at(*size))
    return float(np.median(focals)) if max(focals) <= ONE_LENS * min(focals) else None
