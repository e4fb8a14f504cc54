"""Measure and check the numbers of each pair: depth, photograph and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.edges import Plane, depth_edges, image_edges
from leadline.data_checks.findings import Code, Finding, error, note, warning
from leadline.data_checks.geometry import (
    flatter_without,
    planarity,
    ray_likeness,
    row_slope_and_camera_height,
)
from leadline.data_checks.pairs import ListedPair, RawPair
from leadline.datasets.open import get_layout
from leadline.datasets.sample import evenly_spaced
from leadline.depth.encodings import are_rotated
from leadline.errors import LeadlineError, plural
from leadline.io.formats import FARTHEST

MAX_SAMPLED_VALUES = 1024  # per depth map, for ranges and histograms over the whole set
THUMBNAIL_SIZE = (40, 30)
SPARSE_SHARE = 0.35
SATURATED_SHARE = 0.005
MIN_IMAGE_DEVIATION = 2.0
IMAGE_AS_DEPTH_CORRELATION = 0.97
FAR_FACTOR, FAR_SHARE = 5.0, 0.002
WRAP_STEP, WRAPPED_SHARE = 2000, 1e-3
"""Largest step between neighbours on one surface, and the share of pixels that must exceed it."""


@dataclass(frozen=True)
class DepthStatistics:
    """The numbers of one depth map, in the units of its file; shares are of all its pixels.

    `sampled` is an even sample of the valid values. `top_share` is the share of pixels at the
    maximum of the type, `divisor` the common divisor of all values (0 if not integers). `rotated`:
    integers whose low three bits are those of rotated millimetres. `ray_likeness` is positive if
    floors and walls are planes only with values as ray lengths, NaN if unknown; `unturned` is
    positive if they are planes only as stored, NaN if they were not converted from rays to planar
    depth. `wrapped_share` is the share of pixels where values wrapped around. `far_share` is the
    share of a background far behind the scene (from `far_value` on), which counts as invalid in all
    other numbers. `row_slope` is the correlation of value and row, negative if near things are at
    the bottom. `planarity` is usually positive for depth and negative for disparity, NaN if
    unknown. `camera_height` is the height of the camera above the lowest points, NaN if none lies
    below it.
    """

    size: tuple[int, int]
    dtype: str
    sampled: NDArray[np.float32]
    lowest: float
    highest: float
    valid_share: float
    nan_share: float
    infinite_share: float
    negative_share: float
    top_share: float
    divisor: int
    row_slope: float
    planarity: float
    camera_height: float
    rotated: bool = False
    ray_likeness: float = np.nan
    unturned: float = np.nan
    wrapped_share: float = 0.0
    far_share: float = 0.0
    far_value: float = np.nan
    units_per_metre: float | None = None


@dataclass(frozen=True)
class LabelStatistics:
    """The ids of one label image: the lowest, the highest except 255, if 255 occurs, its size."""

    size: tuple[int, int]
    lowest: int
    highest: int
    has_255: bool


@dataclass(frozen=True)
class MeasuredPair:
    """One pair, read and measured. `problem` is why it could not be read; the rest is then None.

    `image_deviation` is the standard deviation of the photograph's values; `has_camera`: its camera
    is known.
    """

    pair: ListedPair
    problem: str = ""
    image_size: tuple[int, int] | None = None
    image_deviation: float = 0.0
    thumbnail: Plane | None = None
    image_edges: NDArray[np.float16] | None = None
    depth_edges: NDArray[np.float16] | None = None
    image_depth_correlation: float = 0.0
    depth: DepthStatistics | None = None
    labels: LabelStatistics | None = None
    has_camera: bool = False

    @property
    def id(self) -> str:
        """The pair's name."""
        return self.pair.id


def measure_pair(pair: ListedPair, grid: tuple[int, int]) -> MeasuredPair:
    """Read and measure one pair, with its edges on `grid`; unreadable pairs have a `problem`."""
    try:
        raw = pair.read()
    except LeadlineError as problem:
        return MeasuredPair(pair, problem=str(problem))
    with np.errstate(over="ignore", invalid="ignore"):
        values = raw.values.astype(np.float32)
    valid = (values > 0) & np.isfinite(values)
    far = far_background(values[valid], raw.values.dtype)
    valid &= values < far
    return MeasuredPair(
        pair,
        image_size=(raw.image.shape[1], raw.image.shape[0]),
        image_deviation=float(np.std(raw.image[::4, ::4])),
        thumbnail=_thumbnail(raw.image),
        image_edges=image_edges(raw.image, grid).astype(np.float16),
        depth_edges=depth_edges(values, valid, grid).astype(np.float16),
        image_depth_correlation=image_depth_correlation(raw),
        depth=_depth_statistics(raw, values, valid, far),
        labels=None if raw.labels is None else _label_statistics(raw.labels),
        has_camera=raw.has_camera,
    )


def _depth_statistics(
    raw: RawPair, values: NDArray[np.float32], valid: NDArray[np.bool_], far: float
) -> DepthStatistics:
    inside = values[valid]
    background = np.count_nonzero(np.isfinite(values) & (values >= far))
    whole = raw.values.dtype.kind in "iu"
    top = np.iinfo(raw.values.dtype).max if whole else np.inf
    row_slope, camera_height = row_slope_and_camera_height(values, valid)
    return DepthStatistics(
        size=(values.shape[1], values.shape[0]),
        dtype=raw.values.dtype.name,
        sampled=inside[evenly_spaced(inside.size, MAX_SAMPLED_VALUES)],
        lowest=float(inside.min()) if inside.size else np.nan,
        highest=float(inside.max()) if inside.size else np.nan,
        valid_share=inside.size / values.size,
        nan_share=np.count_nonzero(np.isnan(values)) / values.size,
        infinite_share=np.count_nonzero(np.isinf(values)) / values.size,
        negative_share=np.count_nonzero(values < 0) / values.size,
        top_share=np.count_nonzero(raw.values == top) / values.size if whole else 0.0,
        divisor=_common_divisor(inside) if whole and inside.size else 0,
        row_slope=row_slope,
        planarity=planarity(values, valid),
        camera_height=camera_height,
        rotated=are_rotated(raw.values),
        ray_likeness=ray_likeness(values, valid),
        unturned=np.nan if raw.turned is None else flatter_without(values, valid, raw.turned),
        far_share=background / values.size,
        wrapped_share=wrapped_share(raw.values),
        far_value=far,
        units_per_metre=raw.units_per_metre,
    )


def far_background(inside: NDArray[np.float32], dtype: np.dtype[Any]) -> float:
    """Return the value from which valid depths are a background, infinity if there is none.

    Renderers write one number where a ray hits nothing: 1e10 (Blender), 1000 m (CARLA). It is the
    maximum, many pixels have it, and it is far behind everything else. In 16-bit files, the maximum
    of the type is reported separately, see `saturated`.
    """
    if inside.size == 0 or (dtype.kind in "iu" and dtype.itemsize <= 2):
        return np.inf
    highest, usual = float(inside.max()), float(np.median(inside))
    if highest > FARTHEST and usual < FARTHEST / 100:
        return FARTHEST
    at_end = inside == highest
    rest = inside[~at_end]
    alone = rest.size and highest > FAR_FACTOR * float(np.percentile(rest, 99))
    return highest if alone and at_end.sum() > FAR_SHARE * inside.size else np.inf


def wrapped_share(values: NDArray[Any]) -> float:
    """Return the share of pixels where a surface exceeds the maximum and wraps around.

    `values` (H,W) as stored. It counts neighbours of which one is near the maximum of a 16-bit type
    and the other near its minimum: 66 m in millimetres becomes 464.
    """
    if values.dtype.kind not in "iu" or values.dtype.itemsize != 2:
        return 0.0
    limits = np.iinfo(values.dtype)
    wide = values.astype(np.int32)
    # Clipped and unknown values do not wrap around.
    known = (wide > limits.min) & (wide != 0) & (wide < limits.max)
    count = 0.0
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        step = np.abs(wide[one] - wide[other])
        count += float(np.count_nonzero(known[one] & known[other] & (step > 65_535 - WRAP_STEP)))
    return count / max(1, values.size)


def _common_divisor(values: NDArray[np.float32]) -> int:
    return int(np.gcd.reduce(values[:: max(1, values.size // 8192)].astype(np.int64)))


def _label_statistics(labels: NDArray[np.int32]) -> LabelStatistics:
    counted = labels[labels != 255]
    return LabelStatistics(
        (labels.shape[1], labels.shape[0]),
        int(labels.min()),
        int(counted.max()) if counted.size else 0,
        counted.size < labels.size,
    )


def image_depth_correlation(raw: RawPair) -> float:
    """Return the signed correlation of the depth values and the photograph's brightness.

    0 if the sizes differ, a value is not finite, or one of the two is constant.
    """
    if raw.values.shape != raw.image.shape[:2]:
        return 0.0
    grey = cv2.cvtColor(raw.image[::4, ::4].copy(), cv2.COLOR_RGB2GRAY).ravel()
    values = raw.values[::4, ::4].ravel().astype(np.float64)
    if not np.isfinite(values).all() or np.ptp(values) == 0 or np.ptp(grey) == 0:
        return 0.0
    return float(np.corrcoef(grey, values)[0, 1])


def _thumbnail(image: NDArray[np.uint8]) -> Plane:
    """Return the grey (30,40) thumbnail of a photograph (H,W,3) without 5 % at each side."""
    height, width = image.shape[:2]
    top, left = height // 20, width // 20
    inner = image[top : height - top, left : width - left]
    grey = cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA), np.float32)


def check_values(
    pairs: Sequence[MeasuredPair], layout: str, classes: int | None, stretched: bool
) -> Iterator[Finding]:
    """Check the numbers of pairs of a layout that could be read.

    `classes` is the number of label classes, if stated by the user; `stretched`: every depth map
    spans the full range of its type, so that its 8 bits need no finding of their own.
    """
    without_sky = _without_sky(layout)
    yield from _empty_depth(pairs)
    yield from _constant_depth(pairs)
    yield from _special_values(pairs)
    yield from _saturated(pairs, without_sky)
    yield from _wrapped(pairs)
    yield from _far_background(pairs, without_sky)
    yield from _sparse_depth(pairs)
    yield from _sparser_than_usual(pairs)
    if not stretched:
        yield from _eight_bits(pairs)
    yield from _image_as_depth(pairs)
    yield from _blank_images(pairs)
    yield from _label_range(pairs, classes)


def _ids(pairs: Sequence[MeasuredPair], test: Callable[[DepthStatistics], bool]) -> list[str]:
    return [pair.id for pair in pairs if pair.depth and test(pair.depth)]


def _shares(
    pairs: Sequence[MeasuredPair], share: Callable[[DepthStatistics], float]
) -> list[float]:
    return [share(pair.depth) for pair in pairs if pair.depth]


def _empty_depth(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report depth maps without valid pixels."""
    bad = _ids(pairs, lambda depth: depth.valid_share == 0)
    if bad:
        yield error(
            "no-valid-depth",
            f"{plural(len(bad), 'depth map')} without a valid pixel (all zero, negative or NaN)",
            "remove these pairs",
            bad,
        )


def _constant_depth(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report depth maps whose valid pixels all have one value."""
    bad = _ids(pairs, lambda depth: depth.valid_share > 0 and depth.lowest == depth.highest)
    if bad:
        yield error(
            "constant-depth",
            f"{plural(len(bad), 'depth map')} with one value everywhere",
            "remove these pairs, or export their depth again",
            bad,
        )


def _special_values(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report NaN, infinite and negative values, which count as invalid."""
    kinds: tuple[tuple[Code, str, Callable[[DepthStatistics], float]], ...] = (
        ("nan-depth", "NaN", lambda depth: depth.nan_share),
        ("infinite-depth", "infinite values", lambda depth: depth.infinite_share),
        ("negative-depth", "negative values", lambda depth: depth.negative_share),
    )
    for code, noun, share in kinds:
        shares = [(pair.id, share(pair.depth)) for pair in pairs if pair.depth]
        bad = [name for name, each in shares if each > 0]
        if bad:
            most = max(each for _, each in shares)
            yield warning(
                code,
                f"{noun} in {plural(len(bad), 'depth map')}, up to {most:.1%} of one; "
                "they count as invalid",
                "write 0 where there is no depth, if that is what they mean",
                bad,
            )


def _without_sky(layout: str) -> str:
    """Return how to exclude a number that stands for the sky."""
    sky = get_layout(layout).options.get("sky")
    if sky is not None and "invalid" in sky.choices:
        return "give --data-option sky=invalid, or set data.max_depth below it"
    return "set data.max_depth below it, or write 0 there"


def _saturated(pairs: Sequence[MeasuredPair], remedy: str) -> Iterator[Finding]:
    """Report depth maps with many pixels at the maximum of their type."""
    bad = _ids(
        pairs, lambda depth: SATURATED_SHARE < depth.top_share < 1 and depth.dtype != "uint8"
    )
    if bad:
        most = max(_shares(pairs, lambda depth: depth.top_share))
        yield warning(
            "saturated",
            f"{plural(len(bad), 'depth map')} with pixels at 65535, up to {most:.0%} of one: sky, "
            "a filler or clipped, but read as a distance",
            remedy,
            bad,
        )


def _wrapped(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report distances that did not fit into 16 bits and wrapped around."""
    bad = _ids(pairs, lambda depth: depth.wrapped_share > WRAPPED_SHARE)
    if bad:
        yield error(
            "wrapped-depth",
            f"{plural(len(bad), 'depth map')} in which surfaces jump from the largest 16-bit "
            "number to the smallest: what is farther was written without its high bits",
            "export it again in floating-point metres, or in a larger unit",
            bad,
        )


def _far_background(pairs: Sequence[MeasuredPair], remedy: str) -> Iterator[Finding]:
    """Report a number that stands for a background and is read as a distance."""
    bad = _ids(pairs, lambda depth: depth.far_share > 0)
    if bad:
        most = max(_shares(pairs, lambda depth: depth.far_share))
        value = min(pair.depth.far_value for pair in pairs if pair.depth)
        yield warning(
            "far-background",
            f"{plural(len(bad), 'depth map')} with pixels at {value:g} or beyond, up to {most:.1%} "
            "of one, far behind all others: a renderer's background, but read as a distance",
            remedy,
            bad,
        )


def _sparse_depth(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Note that most pixels have no depth."""
    shares = [share for share in _shares(pairs, lambda depth: depth.valid_share) if share > 0]
    if shares and float(np.median(shares)) < SPARSE_SHARE:
        yield note(
            "sparse-depth",
            f"{min(shares):.1%} to {max(shares):.1%} of the pixels have depth, as from LiDAR",
            "nothing: invalid pixels are never trained on or scored",
        )


def _sparser_than_usual(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report individual maps with far less valid depth than the others."""
    shares = _shares(pairs, lambda depth: depth.valid_share)
    usual = float(np.median(shares)) if shares else 0.0
    bad = _ids(pairs, lambda depth: 0 < depth.valid_share < 0.1 * usual)
    if bad:
        yield warning(
            "few-valid",
            f"{plural(len(bad), 'depth map')} with less than {usual / 10:.1%} valid pixels; "
            f"{usual:.0%} is usual here",
            "look at them on the contact sheet",
            bad,
        )


def _eight_bits(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report 8-bit depth, whose steps are centimetres."""
    bad = _ids(pairs, lambda depth: depth.dtype == "uint8" and depth.valid_share > 0)
    if bad:
        yield warning(
            "depth-8-bit",
            f"{plural(len(bad), 'depth map')} with 8 bits: 255 steps, 4 cm each where 255 is 10 m",
            "use the 16-bit or floating-point original, if there is one",
            bad,
        )


def _image_as_depth(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report depth files that hold the photograph's brightness."""
    bad = [
        pair.id for pair in pairs if abs(pair.image_depth_correlation) > IMAGE_AS_DEPTH_CORRELATION
    ]
    if bad:
        yield error(
            "depth-is-image",
            f"{plural(len(bad), 'depth map')} that are the photograph in grey",
            "export the depth again",
            bad,
        )


def _blank_images(pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Report photographs of a single colour."""
    bad = [pair.id for pair in pairs if pair.image_deviation < MIN_IMAGE_DEVIATION]
    if bad:
        yield warning(
            "blank-image",
            f"{plural(len(bad), 'photograph')} of one colour",
            "remove these pairs",
            bad,
        )


def _label_range(pairs: Sequence[MeasuredPair], classes: int | None) -> Iterator[Finding]:
    """Report labels outside the declared classes, or far beyond those of other images."""
    labels = [(pair.id, pair.labels) for pair in pairs if pair.labels]
    if not labels:
        return
    usual = float(np.percentile([each.highest for _, each in labels], 90))
    limit = classes - 1 if classes else max(1.5 * usual, usual + 5)
    bad = [name for name, each in labels if each.highest > limit]
    bad += [name for name, each in labels if each.lowest < 0]
    if bad:
        most = max(each.highest for _, each in labels)
        expected = f"classes 0 to {limit}" if classes else f"{usual:.0f} is the usual highest"
        report = error if classes else warning
        yield report(
            "label-range",
            f"{plural(len(bad), 'label image')} with ids out of range, up to {most} ({expected})",
            "correct the ids, name them in the loss's ignore, or raise the number of classes",
            bad,
        )
