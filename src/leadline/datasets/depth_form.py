"""The form of depth files, and the conversion to planar z at the photograph's size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.encodings import (
    COLOUR_UNITS,
    ROTATED_UNITS,
    DepthEncoding,
    metres_of_colours,
    rotate_back,
)
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth
from leadline.depth.rays import planar_factor
from leadline.errors import LeadlineError, nearest, size_words
from leadline.io.formats import read_depth_values
from leadline.io.masks import read_mask
from leadline.io.metadata import Metadata
from leadline.io.photos import read_photo

DepthAxis = Literal["z", "ray"]
DepthSize = Literal["same", "image", "depth"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "depth_encoding": get_args(DepthEncoding),
    "depth_kind": get_args(DepthAxis),
    "depth_size": get_args(DepthSize),
}
_LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".ppm", ".webp")
SAME_ASPECT = 0.01
"""Largest relative difference of the aspect ratios of a photograph and its smaller depth map
(ScanNet's is 0.4 %). Beyond it, one of the two was cropped, and resizing cannot align them."""


@dataclass(frozen=True)
class DepthForm:
    """The declared form of the depth files of a data set.

    `depth_encoding` is how a value is stored (`leadline.depth.encodings`). `depth_kind` is `z`,
    along the optical axis, or `ray`, along the pixel's ray, which is converted to z by the camera.
    `depth_size` is `same` as the photograph's, or the size of a pair with two sizes: `image`
    enlarges the depth by nearest neighbour, `depth` shrinks the photograph by area.
    """

    depth_encoding: DepthEncoding = "plain"
    depth_kind: DepthAxis = "z"
    depth_size: DepthSize = "same"

    @classmethod
    def declared(
        cls, content: Mapping[str, Any], options: Mapping[str, str], place: Path
    ) -> DepthForm:
        """Return the form declared in `dataset.yaml` (`content`); `options` take precedence.

        An option `auto` uses the value of the file. Errors: LeadlineError for another value.
        """
        values: dict[str, Any] = {}
        for name, known in _CHOICES.items():
            value = str(content.get(name, known[0]))
            if value not in known:
                raise LeadlineError(
                    f"{place}: {name} = {value[:80]!r} is not one of {', '.join(known)}"
                    f"{nearest(value, known)}"
                )
            given = options.get(name, "auto")
            values[name] = value if given == "auto" else given
        return cls(**values)

    @property
    def words(self) -> str:
        """The differences from planar z at the photograph's size, "" if there are none."""
        return ", ".join(
            f"{field.name}: {getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )

    @property
    def units_per_metre(self) -> float | None:
        """The unit of the decoded numbers, None for a plain encoding."""
        if self.depth_encoding in COLOUR_UNITS:
            return 1.0
        return ROTATED_UNITS if self.depth_encoding == "rotated" else None

    def read_values(self, path: Path) -> tuple[NDArray[Any], Metadata]:
        """Return the decoded numbers (h,w) of a depth file, and its metadata.

        Errors: LeadlineError if the file is damaged or not of this encoding.
        """
        if self.depth_encoding in COLOUR_UNITS:
            if path.suffix.lower() not in _LOSSLESS:
                raise LeadlineError(
                    f"{path}: depth in colours ({self.depth_encoding}) needs every bit, which "
                    f"{path.suffix or 'this file'} does not keep; give the PNG"
                )
            colours = read_photo(path).pixels
            metres = metres_of_colours(colours, COLOUR_UNITS[self.depth_encoding])
            return metres, Metadata(1.0)
        values, about = read_depth_values(path)
        if self.depth_encoding == "rotated":
            if values.dtype != np.uint16:
                raise LeadlineError(
                    f"{path}: holds {values.dtype} values, and depth_encoding: rotated is of "
                    "16-bit whole numbers; drop depth_encoding"
                )
            return rotate_back(values), replace(about, units_per_metre=ROTATED_UNITS)
        return values, about

    def apply(
        self,
        image: NDArray[np.uint8],
        stored: DepthMap | QuantizedDepth,
        files: Mapping[str, Path],
        camera: Intrinsics | None,
    ) -> tuple[NDArray[np.uint8], DepthMap | QuantizedDepth]:
        """Return the photograph and the depth of a sample: masked, one size, planar, with camera.

        `files` has the paths of the image, the depth and of any mask (`mask...`); `camera` is that
        of the photograph as read, None if only the depth file may have one.
        Errors: LeadlineError, naming the files.
        """
        path, values = files["depth"], values_of(stored)
        for kind in files:
            if kind.startswith("mask"):
                values = masked(values, files[kind], path)
        if camera is None and stored.intrinsics is not None:
            camera = stored.intrinsics
        image, values = self.to_one_size(image, values, files["image"], path)
        if camera is not None:
            camera = camera.scaled_to(values.shape[1], values.shape[0])
        values = self.to_planar(values, camera, path)
        if isinstance(stored, QuantizedDepth) and values.dtype == stored.values.dtype:
            return image, replace(stored, values=values, intrinsics=camera)
        units = stored.units_per_metre if isinstance(stored, QuantizedDepth) else 1.0
        metres = np.divide(values, np.float32(units), dtype=np.float32)
        return image, DepthMap.from_metres(metres, None, camera, stored.provenance)

    def to_one_size(
        self, image: NDArray[np.uint8], values: NDArray[Any], image_path: Path, path: Path
    ) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Return the photograph (H,W,3) and the depth values (h,w) in one size.

        Errors: LeadlineError, naming both files, if the sizes differ and `depth_size` is `same`,
        or if their aspect ratios imply that one was cropped.
        """
        if image.shape[:2] == values.shape:
            return image, values
        sizes = (
            f"{path}: depth is {size_words(values.shape)} but {image_path} is "
            f"{size_words(image.shape)}"
        )
        alike = same_view(image.shape, values.shape)
        if self.depth_size == "same":
            remedy = "; a pair must have one size"
            if alike:
                remedy += ": if both show the same view, say depth_size=image (or depth)"
            raise LeadlineError(sizes + remedy)
        if not alike:
            raise LeadlineError(
                f"{sizes}, another aspect ratio: one of the two was cropped, and depth_size cannot "
                "lay it upon the other; crop the other alike"
            )
        if self.depth_size == "image":
            return image, nearest_resize(values, (image.shape[0], image.shape[1]))
        import cv2

        across = values.shape[1], values.shape[0]
        way = cv2.INTER_AREA if across[0] < image.shape[1] else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, across, interpolation=way), np.uint8), values

    def labels_in_one_size(
        self, labels: NDArray[np.int32], image: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Resize labels (h,w) to a photograph (H,W,3) that has the size of its depth.

        Unchanged if the photograph was not resized, or if both do not show the same view.
        """
        if self.depth_size == "depth" and same_view(labels.shape, image.shape):
            return nearest_resize(labels, (image.shape[0], image.shape[1]))
        return labels

    def to_planar(
        self, values: NDArray[Any], camera: Intrinsics | None, path: Path
    ) -> NDArray[Any]:
        """Return the values as z: unchanged, or float32 if they were along the rays.

        Errors: LeadlineError, naming `path`, for distances along rays without a camera.
        """
        if self.depth_kind == "z":
            return values
        if camera is None:
            raise LeadlineError(
                f"{path}: depth_kind: ray needs the camera, whose rays they are; write camera: "
                "{fx: ..., fy: ..., cx: ..., cy: ...} into dataset.yaml"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(values * planar_factor(camera), np.float32)


PLAIN = DepthForm()
"""The default form: lengths along the optical axis, at the size of the photograph."""


def values_of(stored: DepthMap | QuantizedDepth) -> NDArray[Any]:
    """Return the numbers (h,w) of a stored depth map, in its own unit."""
    return stored.values if isinstance(stored, QuantizedDepth) else stored.depth


def masked(values: NDArray[Any], mask_path: Path, path: Path) -> NDArray[Any]:
    """Return the values (h,w) of the depth file `path`, set to 0 where the mask is 0.

    Errors: LeadlineError for a mask that is damaged or of another size.
    """
    mask = read_mask(mask_path)
    if mask.shape != values.shape:
        raise LeadlineError(
            f"{mask_path}: mask is {size_words(mask.shape)} but {path} is "
            f"{size_words(values.shape)}; a mask has the size of its depth map"
        )
    return np.where(mask, values, np.zeros((), values.dtype))


def same_view(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Return whether pictures of two sizes (H,W,...) may show one view: equal aspect ratios.

    Sides are rounded to whole pixels, which matters most in the smaller picture.
    """
    across, down = one[1] / other[1], one[0] / other[0]
    rounding = 1 / min(*one[:2], *other[:2])
    return abs(across / down - 1) <= SAME_ASPECT + rounding


def nearest_resize(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize a map (h,w) to `size` (H,W) by nearest neighbour, by the pixel centres.

    >>> nearest_resize(np.array([[1, 2]]), (2, 4))
    array([[1, 1, 2, 2],
           [1, 1, 2, 2]])
    """
    rows = ((np.arange(size[0]) + 0.5) * values.shape[0] / size[0]).astype(np.intp)
    columns = ((np.arange(size[1]) + 0.5) * values.shape[1] / size[1]).astype(np.intp)
    return np.asarray(values[rows[:, None], columns[None, :]])
