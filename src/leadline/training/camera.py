"""The camera of the training data, which the metres of the trained network hold for."""

from __future__ import annotations

import math

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
    focals = _some_focals(samples, size)
    return float(np.median(focals)) if focals and _is_one_lens(focals) else None


def unlike_lenses(recipe: Recipe, samples: DepthDataset, size: tuple[int, int]) -> str | None:
    """Return what to say of images whose lenses differ, where the recipe names no camera for them.

    None where their cameras are not known, are one, or are brought to one (`data.camera_fov`).
    """
    focals = _some_focals(samples, size) if recipe.data.camera_fov is None else []
    if not focals or _is_one_lens(focals):
        return None
    fov = math.degrees(2 * math.atan(size[1] / 2 / float(np.median(focals))))
    return (
        f"the images come from unlike lenses (focal lengths of {min(focals):.0f} to "
        f"{max(focals):.0f} pixels at {size[0]}x{size[1]}), so that no camera will correct this "
        f"model's metres; data.camera_fov={fov:.0f} brings their depth to one camera"
    )


def _some_focals(samples: DepthDataset, size: tuple[int, int]) -> list[float]:
    """Return the focal lengths of a few samples; none where a camera is not known."""
    cameras = [samples.view(at).intrinsics for at in evenly_spaced(len(samples), SAMPLES_READ)]
    known = [camera.focal_at(*size) for camera in cameras if camera is not None]
    return known if len(known) == len(cameras) else []


def _is_one_lens(focals: list[float]) -> bool:
    return max(focals) <= ONE_LENS * min(focals)
