"""The camera of the training data, for which the metres of the trained network hold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from leadline.datasets.mixing import parts_of
from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.depth.intrinsics import Intrinsics
from leadline.training.recipe import Recipe

SAMPLES_READ = 8

ONE_LENS = 1.05
"""Largest ratio of focal lengths of one camera: KITTI's five are within 1.03."""


@dataclass(frozen=True)
class DataCamera:
    """The known cameras of the data that a run trains on.

    `focals` are focal lengths in pixels at the input size `size` (h, w), of those of the
    `looked_at` samples whose camera is known. `declared` is the focal length of `data.camera_fov`.
    `picture` is the size (H, W) of the first sample.
    """

    size: tuple[int, int]
    picture: tuple[int, int]
    looked_at: int
    focals: tuple[float, ...]
    declared: float | None = None

    @classmethod
    def from_samples(
        cls, recipe: Recipe, samples: DepthDataset, size: tuple[int, int]
    ) -> DataCamera:
        """Read a few samples of each set; only one if the recipe states the camera."""
        fov = recipe.data.camera_fov
        sets = [(samples, 1)] if fov else [(part, SAMPLES_READ) for _, part in parts_of(samples)]
        views = [part.view(at) for part, count in sets for at in evenly_spaced(len(part), count)]
        height, width = views[0].size
        cameras = [view.intrinsics for view in views]
        focals = tuple(camera.focal_at(*size) for camera in cameras if camera is not None)
        declared = None
        if fov is not None:
            # Of the picture, as for --fov, since the network's input may be squeezed or cropped.
            declared = Intrinsics.from_fov(fov, width, height).focal_at(*size)
        return cls(size, (height, width), len(views), focals, declared)

    @property
    def training_focal(self) -> float | None:
        """The focal length, in pixels at the input size, that a run trains for.

        That of `data.camera_fov` if the recipe states it, else the median of the samples; None if
        any sample's camera is unknown, or if their lenses differ. A random zoom does not change it,
        since it divides depth by the zoom.
        """
        if self.declared is not None:
            return self.declared
        is_known = bool(self.focals) and len(self.focals) == self.looked_at
        return float(np.median(self.focals)) if is_known and self._is_one_lens else None

    @property
    def _is_one_lens(self) -> bool:
        return max(self.focals) <= ONE_LENS * min(self.focals)

    def explain_missing(self, had_one: str | None = None) -> str | None:
        """Return the warning for a missing training camera, None if there is one.

        `had_one` is the name of the initial model, if that has a training camera.
        """
        if self.training_focal is not None:
            return None
        unknown = self.looked_at - len(self.focals)
        lost = f", although {had_one} has one" if had_one else ""
        height, width = self.size
        if self.focals and not self._is_one_lens:
            reason = (
                f"the images come from unlike lenses (focal lengths of {min(self.focals):.0f} to "
                f"{max(self.focals):.0f} pixels at {height}x{width})"
            )
            remedy = f"data.camera_fov={self._median_fov():.0f} brings their depth to one camera"
        elif self.focals:
            reason = f"the camera of {unknown} of {self.looked_at} images looked at is not known"
            remedy = f"data.camera_fov={self._median_fov():.0f} takes them for the others' camera"
        else:
            reason = "the camera of the images is not known"
            remedy = "name it: camera in dataset.yaml, or data.camera_fov=DEGREES across"
        return (
            f"{reason}, so that this model will have no training camera{lost}: its metres will "
            f"follow no lens (EXIF, fov, intrinsics); {remedy}"
        )

    def _median_fov(self) -> float:
        """Return the horizontal field of view of the first picture at the median focal length."""
        height, width = self.picture
        one_pixel = Intrinsics.centred(1.0, width, height).focal_at(*self.size)
        focal = float(np.median(self.focals)) / one_pixel
        return math.degrees(2 * math.atan(width / 2 / focal))
