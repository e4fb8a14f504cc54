"""In which unit are somebody's prediction files? Judged by the truth, with the evidence said."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset
from leadline.depth.units import describe_units, units_stored_as
from leadline.errors import LeadlineError
from leadline.evaluation.cases import evenly_spaced
from leadline.evaluation.predictions import check_upright, read_disparity
from leadline.io.formats import read_depth, read_depth_values
from leadline.metrics.resize import resize_to

LOOKED_AT = 8
WHOLE_UNITS = units_stored_as("u2")
FLOAT_UNITS = units_stored_as("f")
NEAR = 1.4
"""A unit fits if it puts the median prediction within this factor of the median truth ..."""
FAR = 1.8
"""... and stands out if no other comes within this one."""


CLEAR = 0.3
"""The rank correlation with the truth from which on numbers clearly grow or fall with distance."""


@dataclass(frozen=True)
class DetectedUnits:
    """`units_per_metre` for every file, None: each file says its own; and why, in a sentence."""

    units_per_metre: float | None
    evidence: str


def detect_units(files: Mapping[str, Path], data: DepthDataset) -> DetectedUnits:
    """Return in which unit the prediction `files` of the samples of `data` are.

    Files that declare their unit are believed. Otherwise a few predictions are laid over the truth
    and the usual units tried. Floating-point files are metres unless another unit stands out.
    Errors: LeadlineError, with the evidence, where no unit stands out or where predictions fall as
    distance grows (a disparity or a relative map is in no unit of length).
    """
    picked = sorted(evenly_spaced(len(data), LOOKED_AT))
    paths = [files[data.sample_id(index)] for index in picked]
    stored = [read_depth_values(path) for path in paths]
    units = {said.units_per_metre for _, said in stored}
    if None not in units:
        said = ", ".join(describe_units(each) for each in sorted(u for u in units if u))
        return DetectedUnits(None, f"as the files declare: {said}")
    folder = paths[0].parent
    if len(units) > 1:
        raise LeadlineError(
            f"{folder}: some prediction files declare their unit and some do not; declare it for "
            "all with --pred-scale"
        )
    whole = {values.dtype.kind != "f" for values, _ in stored}
    if len(whole) > 1:
        raise LeadlineError(
            f"{folder}: some prediction files hold whole numbers and some do not; score them apart"
        )
    seen = _medians(files, data, picked, lambda path: read_depth(path, 1.0).depth)
    if seen is None:
        raise LeadlineError(
            f"{folder}: no prediction file has a positive, finite value where the truth has one; "
            "look at how they were written"
        )
    try:
        return _judge(seen, whole.pop())
    except LeadlineError as error:
        raise LeadlineError(f"{folder}: {error}") from None


@dataclass(frozen=True)
class _Medians:
    prediction: float
    truth: float
    correlation: float
    largest: float
    images: int


def doubt(files: Mapping[str, Path], data: DepthDataset, units: float | None) -> str | None:
    """Return why files are hardly what was declared, None where nothing speaks against it.

    `units` per metre is what was declared, None that they hold inverse depth. A few are laid over
    the truth: depth must not fall as distance grows, nor inverse depth grow.
    """
    picked = sorted(evenly_spaced(len(data), LOOKED_AT))
    read = read_disparity if units is None else (lambda path: read_depth(path, units).depth)
    seen = _medians(files, data, picked, read)
    found = 0.0 if seen is None else seen.correlation
    if units is not None and found < -CLEAR:
        return (
            f"the predictions fall as the true distance grows (rank correlation {found:.2f}): "
            "they look like disparity, not depth; those are for --pred-output inverse"
        )
    if units is None and found > CLEAR:
        return (
            f"the predictions grow with the true distance (rank correlation {found:.2f}): they "
            "look like depth, not inverse depth; depth is scored without --pred-output inverse"
        )
    return None


def _medians(
    files: Mapping[str, Path],
    data: DepthDataset,
    picked: list[int],
    read: Callable[[Path], NDArray[np.float32]],
) -> _Medians | None:
    """Compare the values that `read` gives with the truth in some images; None: no common pixel."""
    rows, largest = [], 0.0
    for index in picked:
        sample = data[index]
        stored = read(files[sample.id])
        size = (sample.depth.shape[0], sample.depth.shape[1])
        check_upright(files[sample.id], (stored.shape[0], stored.shape[1]), size)
        values = resize_to(stored, size, "nearest")
        both = sample.valid & (values > 0)
        if both.any():
            p, g = values[both], sample.depth[both]
            rows.append((np.median(p), np.median(g), _correlation(p, g)))
            largest = max(largest, float(p.max()))
    if not rows:
        return None
    p, g, correlation = np.median(np.array(rows, dtype=np.float64), axis=0)
    return _Medians(float(p), float(g), float(correlation), largest, len(rows))


def _correlation(p: NDArray[np.float32], g: NDArray[np.float32]) -> float:
    """Return the correlation of the ranks, 0 where one of the two is constant."""
    step = max(1, len(p) // 10_000)
    p, g = p[::step], g[::step]
    if np.ptp(p) == 0 or np.ptp(g) == 0:
        return 0.0
    ranks = np.stack([each.argsort(kind="stable").argsort() for each in (p, g)])
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _judge(seen: _Medians, whole: bool) -> DetectedUnits:
    about = (
        f"median {seen.prediction:g} in the files, {seen.truth:.3g} m in the truth "
        f"({seen.images} images)"
    )
    if seen.correlation < -CLEAR:
        raise LeadlineError(
            "the predictions fall as the true distance grows (rank correlation "
            f"{seen.correlation:.2f}): they look like disparity or inverse depth, which has no "
            "unit of length; score them with --pred-output inverse --align scale-shift "
            "--align-space inverse, or convert them to depth first"
        )
    if whole and seen.largest <= 255:
        raise LeadlineError(
            f"the prediction files hold whole numbers up to {seen.largest:g}: 8-bit maps are "
            "mostly stretched image by image and have lost their unit; if they have one, declare "
            "it with --pred-scale"
        )
    candidates = WHOLE_UNITS if whole else FLOAT_UNITS
    # How far off, as a factor of at least 1, the median would be in each unit.
    off = {
        units: math.exp(abs(math.log(seen.prediction / units / seen.truth))) for units in candidates
    }
    best, second, *_ = sorted(off, key=lambda units: off[units])
    if off[best] < NEAR and off[second] > FAR:
        return DetectedUnits(
            best,
            f"{describe_units(best)}, detected: {about}; {describe_units(second)} would be "
            f"off by a factor of {off[second]:.3g}",
        )
    if not whole and best == 1.0:
        return DetectedUnits(1.0, f"metre, the default of floating-point files: {about}")
    tried = ", ".join(f"{describe_units(units)} is off by {off[units]:.3g}" for units in off)
    raise LeadlineError(
        f"the unit of the prediction files is ambiguous: {about}; {tried}; "
        "declare it, for instance --pred-scale 1000 for millimetres"
    )
