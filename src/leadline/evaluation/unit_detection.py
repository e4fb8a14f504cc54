"""Detect the unit of prediction files by comparison with the truth, stating the evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample, evenly_spaced
from leadline.depth.unit_guess import score_units
from leadline.depth.units import KNOWN_UNITS, describe_units
from leadline.errors import LeadlineError
from leadline.evaluation.crops import Crop, paste
from leadline.evaluation.predictions import is_damaged, part_of_picture, read_disparity
from leadline.io.formats import read_depth, read_depth_values
from leadline.metrics.resize import resize_to

NOT_DECLARED = Crop()
IMAGES_COMPARED = 8
FITTING_FACTOR = 1.4
"""A unit fits if its median prediction is within this factor of the median truth, ..."""
REJECTING_FACTOR = 1.8
"""... and is unambiguous if no other unit is within this factor."""
CLEAR_CORRELATION = 0.3
"""Rank correlation with the truth above which numbers clearly grow or fall with distance."""


@dataclass(frozen=True)
class DetectedUnits:
    """`units_per_metre` for every file, None if each file declares its own; and the evidence."""

    units_per_metre: float | None
    evidence: str


@dataclass(frozen=True)
class _UnitEvidence:
    """Medians over some images: of the predictions, the truth (metres), the rank correlation."""

    prediction: float
    truth: float
    correlation: float
    largest: float
    images: int


def compared_indices(count: int) -> list[int]:
    """Return the indices of the `count` samples by which the files are judged."""
    return evenly_spaced(count, IMAGES_COMPARED)


def detect_units(
    files: Mapping[str, Path], samples: Sequence[Sample], crop: Crop = NOT_DECLARED
) -> DetectedUnits:
    """Detect the unit of prediction files from those of `samples`; `files` are by id.

    `crop` is the declared part of the picture that they cover.

    Units declared in files are used. Otherwise the predictions are compared with the truth in the
    usual units. Floating-point files are metres unless another unit is unambiguous.
    Errors: LeadlineError, with the evidence, if no unit is unambiguous, or if predictions fall as
    distance grows (a disparity or a relative map has no unit of length).
    """
    samples = _readable(files, samples)
    paths = [files[sample.id] for sample in samples]
    stored = [read_depth_values(path) for path in paths]
    declared = {metadata.units_per_metre for _, metadata in stored}
    if None not in declared:
        units = ", ".join(describe_units(unit) for unit in sorted(u for u in declared if u))
        return DetectedUnits(None, f"as the files declare: {units}")
    folder = paths[0].parent
    if len(declared) > 1:
        raise LeadlineError(
            f"{folder}: some prediction files declare their unit and some do not; declare it for "
            "all with --pred-scale"
        )
    whole = {values.dtype.kind != "f" for values, _ in stored}
    if len(whole) > 1:
        raise LeadlineError(
            f"{folder}: some prediction files hold whole numbers and some do not; score them apart"
        )
    evidence = _gather_evidence(files, samples, lambda path: read_depth(path, 1.0).depth, crop)
    if evidence is None:
        raise _nothing_predicted(folder)
    try:
        return _unit_by_truth(evidence, whole.pop())
    except LeadlineError as error:
        raise LeadlineError(f"{folder}: {error}") from None


def check_declared_units(
    files: Mapping[str, Path],
    samples: Sequence[Sample],
    units_per_metre: float | None,
    crop: Crop = NOT_DECLARED,
    *,
    is_scaled: bool = True,
) -> str | None:
    """Return why `files` contradict their declared unit, None if they do not.

    `units_per_metre` is the declared unit, None for inverse depth. The files of `samples` are
    compared with the truth: depth must not fall as distance grows, nor inverse depth grow; and if
    metres are scored (`is_scaled`), no other unit may fit if this one does not.
    Errors: LeadlineError if none of the files has a positive, finite distance.
    """
    units = units_per_metre
    read = read_disparity if units is None else (lambda path: read_depth(path, units).depth)
    evidence = _gather_evidence(files, _readable(files, samples), read, crop, units is None)
    if evidence is None and units is not None:
        raise _nothing_predicted(files[samples[0].id].parent)
    correlation = 0.0 if evidence is None else evidence.correlation
    if units is not None and correlation < -CLEAR_CORRELATION:
        return (
            f"the predictions fall as the true distance grows (rank correlation {correlation:.2f})"
            ": they look like disparity, not depth; those are for --pred-output inverse"
        )
    if units is None and correlation > CLEAR_CORRELATION:
        return (
            f"the predictions grow with the true distance (rank correlation {correlation:.2f}): "
            "they look like depth, not inverse depth; score depth without --pred-output inverse"
        )
    if units is None or evidence is None or not is_scaled:
        return None
    return _other_unit_words(evidence, units)


def _other_unit_words(evidence: _UnitEvidence, units: float) -> str | None:
    """Return the unit that fits predictions that are far from the truth in the declared `units`.

    None if they are near, or no unit fits: a network may be wrong by any factor.
    """
    off = math.log(evidence.prediction / evidence.truth)
    if abs(off) < math.log(REJECTING_FACTOR):
        return None
    known = [unit.units_per_metre for unit in KNOWN_UNITS if unit.units_per_metre != units]
    other = min(known, key=lambda each: abs(off + math.log(units / each)))
    if abs(off + math.log(units / other)) > math.log(FITTING_FACTOR):
        return None
    return (
        f"{units:g} units per metre, as declared: median {evidence.prediction:.3g} m in the files, "
        f"{evidence.truth:.3g} m in the truth ({evidence.images} images); {other:g} would fit"
    )


def _nothing_predicted(folder: Path) -> LeadlineError:
    return LeadlineError(
        f"{folder}: no prediction file has a positive, finite value where the truth has one; "
        "look at how they were written"
    )


def _readable(files: Mapping[str, Path], samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples whose files are not damaged.

    Errors: LeadlineError of the first file, if all are damaged.
    """
    readable = [sample for sample in samples if not is_damaged(files[sample.id])]
    if samples and not readable:
        read_depth_values(files[samples[0].id])
    return readable


def _gather_evidence(
    files: Mapping[str, Path],
    samples: Sequence[Sample],
    read: Callable[[Path], NDArray[np.float32]],
    crop: Crop,
    is_inverse: bool = False,
) -> _UnitEvidence | None:
    """Compare the values returned by `read` with the truth; None without a common pixel.

    Inverse depth without a scale may have negative values.
    """
    rows, largest = [], 0.0
    for sample in samples:
        stored = read(files[sample.id])
        size = (sample.depth.shape[0], sample.depth.shape[1])
        path, shape = files[sample.id], (stored.shape[0], stored.shape[1])
        box = part_of_picture(path, shape, size, crop)
        covered = size if box is None else (box.height, box.width)
        values = resize_to(stored, covered, "nearest")
        values = values if box is None else paste(values, box, size)
        both = sample.valid & (np.isfinite(values) if is_inverse else values > 0)
        if both.any():
            p, g = values[both], sample.depth[both]
            rows.append((np.median(p), np.median(g), _rank_correlation(p, g)))
            largest = max(largest, float(p.max()))
    if not rows:
        return None
    p, g, correlation = np.median(np.array(rows, dtype=np.float64), axis=0)
    return _UnitEvidence(float(p), float(g), float(correlation), largest, len(rows))


def _rank_correlation(p: NDArray[np.float32], g: NDArray[np.float32]) -> float:
    """Return the correlation of the ranks, 0 if one of the two is constant."""
    step = max(1, len(p) // 10_000)
    p, g = p[::step], g[::step]
    if np.ptp(p) == 0 or np.ptp(g) == 0:
        return 0.0
    ranks = np.stack([each.argsort(kind="stable").argsort() for each in (p, g)])
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _unit_by_truth(evidence: _UnitEvidence, whole: bool) -> DetectedUnits:
    medians = (
        f"median {evidence.prediction:g} in the files, {evidence.truth:.3g} m in the truth "
        f"({evidence.images} images)"
    )
    if evidence.correlation < -CLEAR_CORRELATION:
        raise LeadlineError(
            "the predictions fall as the true distance grows (rank correlation "
            f"{evidence.correlation:.2f}): they look like disparity or inverse depth, which has "
            "no unit of length; score them with --pred-output inverse --align scale-shift "
            "--align-space inverse, or convert them to depth first"
        )
    if whole and evidence.largest <= 255:
        raise LeadlineError(
            f"the prediction files hold whole numbers up to {evidence.largest:g}: 8-bit maps are "
            "mostly stretched image by image and have lost their unit; if they have one, declare "
            "it with --pred-scale"
        )

    def log_likelihood(units: float) -> float:
        return -abs(math.log(evidence.prediction / units / evidence.truth))

    scores = score_units("u2" if whole else "f", log_likelihood)
    # The factor, at least 1, by which the median would be off in each unit.
    factors = {units: math.exp(-score) for units, score in scores.ranked}
    best, second, *_ = factors
    if factors[best] < FITTING_FACTOR and factors[second] > REJECTING_FACTOR:
        return DetectedUnits(
            best,
            f"{describe_units(best)}, detected: {medians}; {describe_units(second)} would be "
            f"off by a factor of {factors[second]:.3g}",
        )
    if not whole and best == 1.0:
        return DetectedUnits(1.0, f"metre, the default of floating-point files: {medians}")
    tried = ", ".join(
        f"{describe_units(units)} is off by {factor:.3g}" for units, factor in factors.items()
    )
    raise LeadlineError(
        f"the unit of the prediction files is ambiguous: {medians}; {tried}; "
        "declare it, for instance --pred-scale 1000 for millimetres"
    )
