"""The part of the picture that a prediction covers: all, a published crop, or a declared one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.metrics.resize import Size

SAME_RATIO = 0.04
"""Relative difference of aspect ratios due to rounding: 320x1024 or 384x1248 for 375x1242."""

KB_SIZE: Size = (352, 1216)
KITTI_SIZES = ((370, 380), (1220, 1250))
NYU_SIZE: Size = (480, 640)
TOOLBOX_SIZES: dict[Size, tuple[int, int]] = {(426, 560): (45, 41), (427, 561): (44, 40)}
"""The valid part of NYU's pictures and its first row and column, in BTS's code and the toolbox."""

WHOLE = "whole"
KB = "kb"


class Box(NamedTuple):
    """A part of the truth in pixels: first row and column, height and width."""

    top: int
    left: int
    height: int
    width: int

    def mirrored(self, width: int) -> Box:
        """Return the box in the mirrored picture of `width` pixels."""
        return self._replace(left=width - self.left - self.width)


@dataclass(frozen=True)
class Crop:
    """The declared crop of prediction files: a `box`, or by `name` kb or the whole picture.

    Without either, nothing was declared.
    """

    name: str = ""
    box: Box | None = None


def parse_crop(text: str | None) -> Crop:
    """Return the crop that `text` names: kb, whole, or x,y,width,height in pixels of the truth.

    Errors: LeadlineError for anything else.

    >>> parse_crop("16,12,608,456").box
    Box(top=12, left=16, height=456, width=608)
    """
    if text is None or text in (WHOLE, KB):
        return Crop(text or "")
    numbers = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)", text.replace(" ", ""))
    if numbers is None:
        raise LeadlineError(
            f"crop {text!r}: expected kb (KITTI's 352x1216), whole, or x,y,width,height in "
            "pixels of the truth"
        )
    x, y, width, height = map(int, numbers.groups())
    if not (width > 0 and height > 0):
        raise LeadlineError(f"crop {text}: has no pixel; width and height come last")
    return Crop(box=Box(y, x, height, width))


def covered_part(shape: Size, size: Size, declared: Crop) -> Box | None:
    """Return the part of truth of `size` that a prediction of `shape` covers, None for all of it.

    Errors: LeadlineError if it is no plain resize of the declared or recognised part, or if that
    part does not lie in the picture.
    """
    if declared.name == WHOLE:
        return None
    box = declared.box or (_kb(size) if declared.name == KB else None)
    if box is not None:
        if box.top < 0 or box.left < 0 or box.top + box.height > size[0]:
            raise LeadlineError(f"the crop {_box_words(box)} does not lie in {_by(size)}")
        if box.left + box.width > size[1]:
            raise LeadlineError(f"the crop {_box_words(box)} does not lie in {_by(size)}")
        if not _is_resize(shape, (box.height, box.width)):
            raise LeadlineError(
                f"is {_by(shape)}, no plain resize of the declared crop of "
                f"{box.height}x{box.width}; correct --pred-crop"
            )
        return box
    if shape == KB_SIZE and all(
        low <= side <= high for side, (low, high) in zip(size, KITTI_SIZES, strict=True)
    ):
        return _kb(size)
    if size == NYU_SIZE and shape in TOOLBOX_SIZES:
        return Box(*TOOLBOX_SIZES[shape], *shape)
    if _is_resize(shape, size) or shape == (1, 1):
        return None
    raise LeadlineError(
        f"is {_by(shape)} (HxW) where the truth is {_by(size)}: no plain resize of it; say what it "
        "covers: --pred-crop kb, or x,y,width,height in the truth's pixels, or whole if it is "
        "squeezed"
    )


def paste(values: NDArray[np.float32], box: Box, size: Size) -> NDArray[np.float32]:
    """Return a map of `size` with `values`, of the size of `box`, inserted; NaN outside."""
    whole = np.full(size, np.nan, np.float32)
    whole[box.top : box.top + box.height, box.left : box.left + box.width] = values
    return whole


def _kb(size: Size) -> Box:
    """KITTI's benchmark crop: 352x1216, bottom centre (BTS, AdaBins, NeWCRFs)."""
    height, width = KB_SIZE
    return Box(size[0] - height, (size[1] - width) // 2, height, width)


def _is_resize(shape: Size, size: Size) -> bool:
    return abs(shape[0] * size[1] / (shape[1] * size[0]) - 1) <= SAME_RATIO


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _box_words(box: Box) -> str:
    return f"{box.left},{box.top},{box.width},{box.height} (x,y,width,height)"
