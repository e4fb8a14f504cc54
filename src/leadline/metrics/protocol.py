"""`Protocol`: how a number was made, frozen and hashed.

Half of the published depth numbers are not comparable because crop, cap, resize, alignment or
aggregation are silent. Here a score cannot be computed without a protocol.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.metrics.alignment import ALIGNMENT_SPACES, ALIGNMENTS, align
from leadline.metrics.depth_metrics import (
    ALL_METRICS,
    DEVKIT_COLUMNS,
    DEVKIT_METRICS,
    DOCUMENT_METRICS,
    METRICS,
    VARIANTS,
    metric_set,
)
from leadline.metrics.holes import HOLE_RULES, fill_holes
from leadline.metrics.metric import MetricSet
from leadline.metrics.resize import RESIZE_RULES, resize_depth, resize_to

AGGREGATIONS = ("per_image", "pooled")
BEYOND_RULES = ("ignored", "clipped")
SINGLE = (float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max))
"""The least and the largest number of predictions, which are float32."""
LARGEST_SIDE = 8192
"""Of a working size, pixels."""


@dataclass(frozen=True)
class Protocol:
    """How predictions are compared with the truth; every field is printed, saved and hashed."""

    name: str
    source: str
    min_depth: float
    """Metres; truth that is not beyond it is not scored."""
    max_depth: float
    """Metres; truth that is not below it is not scored, or counts as that far: `beyond_max`."""
    truth: str = "any"
    """Which of a data set's several truths the published numbers rest on, in words."""
    beyond_max: str = "ignored"
    clamp: tuple[float, float] | None = None
    """Predictions are clamped to these metres; None: to min_depth..max_depth."""
    crop: tuple[int, int, int, int] | None = None
    """(top, bottom, left, right), a half-open Python range on truth of `crop_size` (H, W)."""
    crop_size: tuple[int, int] | None = None
    crop_fractions: tuple[float, float, float, float] | None = None
    """The same as fractions of the truth's height and width, each product cut to a whole number."""
    working_size: tuple[int, int] | None = None
    """(H, W) to which truth (nearest) and prediction are brought before anything else."""
    resize: str = "bilinear"
    holes: str = "smallest depth"
    """What a scored pixel without a prediction (NaN, zero or negative) counts as.

    An infinite one is missing as well, but is clamped to the farthest depth. Where a prediction is
    resized, a pixel is missing if at least half of what it is interpolated from is.
    """
    alignment: str = "none"
    alignment_space: str = "depth"
    """What is fitted; where it is "inverse", the reciprocals of metres are resized and averaged."""
    flip_averaging: bool = False
    """Average with the prediction of the mirrored photograph, mirrored back, both clamped."""
    aggregation: str = "per_image"
    swapped: bool = False
    """Prediction and truth exchange their places in every metric."""
    extra_metrics: tuple[str, ...] = DOCUMENT_METRICS
    variants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._take_numbers_as_floats()
        choices = {
            "resize": (self.resize, RESIZE_RULES),
            "holes": (self.holes, HOLE_RULES),
            "beyond_max": (self.beyond_max, BEYOND_RULES),
            "alignment": (self.alignment, ALIGNMENTS),
            "alignment_space": (self.alignment_space, ALIGNMENT_SPACES),
            "aggregation": (self.aggregation, AGGREGATIONS),
            **{f"extra_metrics {name}": (name, tuple(ALL_METRICS)) for name in self.extra_metrics},
            **{f"variants {name}": (name, tuple(VARIANTS)) for name in self.variants},
        }
        for field, (value, allowed) in choices.items():
            if value not in allowed:
                raise self._error(f"{field} is {value!r}; choose one of {', '.join(allowed)}")
        if not 0 <= self.min_depth < self.max_depth:
            raise self._error(
                f"min_depth {self.min_depth} and max_depth {self.max_depth} leave no range; "
                "0 <= min_depth < max_depth"
            )
        low, high = self.clamp_range
        least, most = SINGLE
        if not least <= low < high <= most:
            raise self._error(
                f"clamp {low:g}..{high:g}: logarithms need 0 < low < high < infinity, within "
                f"{least:.2g}..{most:.2g}"
            )
        if self.working_size and not all(1 <= side <= LARGEST_SIDE for side in self.working_size):
            raise self._error(
                f"working_size {self.working_size} is not (H, W) with sides of 1 to {LARGEST_SIDE}"
            )
        self._check_crop()

    def _take_numbers_as_floats(self) -> None:
        """Make 10 the same protocol as 10.0: the hash reads what JSON writes."""
        for name in ("min_depth", "max_depth"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("clamp", "crop_fractions"):
            if (numbers := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(float(number) for number in numbers))

    def _check_crop(self) -> None:
        if (self.crop is None) != (self.crop_size is None):
            raise self._error("crop and crop_size go together")
        if self.crop is not None and self.crop_fractions is not None:
            raise self._error("give crop or crop_fractions, not both")
        box = self.crop or self.crop_fractions
        if box is None:
            return
        height, width = self.crop_size or (1, 1)
        top, bottom, left, right = box
        if not (0 <= top < bottom <= height and 0 <= left < right <= width):
            raise self._error(
                f"crop {box} is not (top, bottom, left, right) within {height} x {width}"
            )

    def _error(self, text: str) -> LeadlineError:
        return LeadlineError(f"protocol {self.name}: {text}")

    @property
    def hash(self) -> str:
        """First 12 hex digits of the SHA-256 of everything that affects a score.

        It covers every field that differs from its default, except the prose of `source`. A
        reworded source or a field added later therefore does not change the hash of older results.
        """
        return hash_of_fields({field.name: getattr(self, field.name) for field in fields(self)})

    def to_json(self) -> dict[str, Any]:
        """Return every field and the hash, ready for `json.dumps`."""
        return {**asdict(self), "hash": self.hash}

    @property
    def clamp_range(self) -> tuple[float, float]:
        """The range to which predictions are clamped, metres."""
        return self.clamp or (self.min_depth, self.max_depth)

    @property
    def table_metrics(self) -> tuple[str, ...]:
        """The nine metrics that a table under this protocol shows."""
        return DEVKIT_COLUMNS if set(DEVKIT_METRICS) <= set(self.extra_metrics) else METRICS

    @property
    def metric_set(self) -> MetricSet:
        """The nine metrics of every protocol, and the extra ones of this protocol."""
        return metric_set((*METRICS, *self.extra_metrics), self.variants)

    def describe(self) -> str:
        """Return the protocol in one line, without its name and source."""
        low, high = self.clamp_range
        mirrored = "flip averaging" if self.flip_averaging else "no flip averaging"
        aligned = f"alignment {self.alignment}"
        if self.alignment != "none":
            aligned += f" ({self.alignment_space})"
        parts = [
            f"truth {self.min_depth:g}..{self.max_depth:g} m, beyond {self.beyond_max}",
            self._describe_crop(),
            f"predictions {self.resize} to the truth's size, clamped to {low:g}..{high:g} m",
            aligned,
            mirrored,
            "pooled over all pixels" if self.aggregation == "pooled" else "per image, then mean",
            *self.variants,
        ]
        if self.working_size:
            parts.append(f"all at {self.working_size[0]}x{self.working_size[1]}")
        if self.swapped:
            parts.append("prediction and truth swapped")
        return "; ".join(parts)

    def describe_holes(self) -> str:
        """Return what scored pixels without a prediction count as, in words."""
        if self.holes != "smallest depth":
            return self.holes
        low, high = self.clamp_range
        return f"{self.holes}, {low:g} m, or as {high:g} m where they are infinite"

    def _describe_crop(self) -> str:
        if self.crop_fractions is not None:
            return "crop {:g}..{:g} of the height, {:g}..{:g} of the width".format(
                *self.crop_fractions
            )
        if self.crop is None or self.crop_size is None:
            return "no crop"
        top, bottom, left, right = self.crop
        height, width = self.crop_size
        return f"crop [{top}:{bottom}, {left}:{right}] of {height}x{width}"

    def window(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Return the rows and columns of the crop for truth of `size` (H, W).

        Errors: LeadlineError if the crop is defined for another size.
        """
        if self.crop_fractions is not None:
            top, bottom, left, right = self.crop_fractions
            return (
                slice(int(top * size[0]), int(bottom * size[0])),
                slice(int(left * size[1]), int(right * size[1])),
            )
        if self.crop is None:
            return slice(0, size[0]), slice(0, size[1])
        if size != self.crop_size:
            raise LeadlineError(
                f"protocol {self.name} is defined for truth of {self.crop_size} (H, W), got "
                f"{size}; choose the protocol full, which crops nothing"
            )
        top, bottom, left, right = self.crop
        return slice(top, bottom), slice(left, right)

    def in_range(self, truth: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the mask of true depths that count; `truth` is in metres."""
        scored = valid & (truth > self.min_depth)
        if self.beyond_max == "ignored":
            scored &= truth < self.max_depth
        return scored

    def score(
        self,
        prediction: NDArray[np.float32],
        truth: NDArray[np.float32],
        valid: NDArray[np.bool_],
        mirrored: NDArray[np.float32] | None = None,
    ) -> Comparison:
        """Compare the prediction and the truth of one image; the result has the metrics.

        A predicted zero, NaN or infinity at a scored pixel is clamped like any value outside the
        range (NaN to the minimum, infinity to the maximum).

        Shapes: `prediction` (h,w) metres; `truth` (H,W) metres; `valid` (H,W) bool; `mirrored`
        (h,w), the prediction of the mirrored photograph, not mirrored back; needed for flip
        averaging. CPU tensors are accepted too.
        Errors: ValueError for other shapes; LeadlineError if the crop does not fit or `mirrored` is
        missing.
        """
        prediction, truth, valid = np.asarray(prediction), np.asarray(truth), np.asarray(valid)
        if prediction.ndim != 2 or truth.ndim != 2 or valid.shape != truth.shape:
            raise ValueError(
                "expected a prediction (h,w), and truth and valid of one size (H,W); got "
                f"{prediction.shape}, {truth.shape} and {valid.shape}"
            )
        if self.working_size is not None:
            truth = resize_to(truth, self.working_size, "nearest")
            valid = resize_to(valid.astype(np.float32), self.working_size, "nearest") > 0.5
        size = (truth.shape[0], truth.shape[1])
        rows, columns = self.window(size)
        known = valid[rows, columns]
        scored = self.in_range(truth[rows, columns], known)
        count = _count(known)
        everywhere = count if known.size == valid.size else _count(valid)
        truth_use = TruthUse(everywhere, count, _count(scored))
        if self.beyond_max == "clipped":
            farther = scored & (truth[rows, columns] > self.max_depth)
            truth_use = replace(truth_use, clipped=_count(farther))
            truth = np.minimum(truth, np.float32(self.max_depth))
        full = self._resized(prediction, size)
        present = _present(full[rows, columns])
        if self.flip_averaging:
            if mirrored is None:
                raise self._error("needs the prediction of the mirrored photograph as well")
            other = self._resized(np.asarray(mirrored), size)[:, ::-1]
            present &= _present(other[rows, columns])
            full = self._average(full, other)
        has_prediction = scored & present
        if self.holes == "nearer neighbour in the row":
            full = fill_holes(full)
        window = truth[rows, columns]
        if self.alignment != "none" and has_prediction.any():
            predicted, known_there = full[rows, columns][has_prediction], window[has_prediction]
            full = align(full, predicted, known_there, self.alignment, self.alignment_space)
        return Comparison(self, full, (rows, columns), window, scored, has_prediction, truth_use)

    @property
    def _is_inverse(self) -> bool:
        """Whether predictions are inverse depth, of which metres are a mere reciprocal."""
        return self.alignment != "none" and self.alignment_space == "inverse"

    def _resized(self, depth: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        return resize_depth(depth, size, self.resize, inverse=self._is_inverse)

    def _average(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.alignment == "none":
            one, other = self.clamped(one), self.clamped(other)
        else:  # the mean with a hole is one
            one, other = (np.where(each > 0, each, np.float32(np.nan)) for each in (one, other))
        if self._is_inverse:
            with np.errstate(divide="ignore"):  # two infinite ones are infinite
                return np.asarray(np.float32(2) / (1 / one + 1 / other), dtype=np.float32)
        return np.asarray((one + other) / np.float32(2), dtype=np.float32)

    def clamped(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `depth` within `clamp_range`; NaN becomes its lower end."""
        low, high = (np.float32(limit) for limit in self.clamp_range)
        clamped = np.clip(depth, low, high)
        if np.isnan(clamped.min(initial=high)):
            clamped[np.isnan(clamped)] = low
        return np.asarray(clamped, dtype=np.float32)


def hash_of_fields(values: Mapping[str, Any]) -> str:
    """Return the `hash` that a protocol's fields have as they stand.

    An earlier version gave 10 and 10.0 two of them.
    """
    chosen = {
        field.name: values[field.name]
        for field in fields(Protocol)
        if field.name != "source" and values.get(field.name, field.default) != field.default
    }
    text = json.dumps(chosen, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class TruthUse:
    """How a protocol uses the pixels whose true depth is known: pixel counts, which can be added.

    `known` counts all of them, `in_crop` those within the crop, and `scored` those that are also
    within the depth range. `clipped` counts the scored pixels that lie beyond the range and count
    as its end.
    """

    known: int = 0
    in_crop: int = 0
    scored: int = 0
    clipped: int = 0

    def __add__(self, other: TruthUse) -> TruthUse:
        """Return the sums."""
        return TruthUse(
            self.known + other.known,
            self.in_crop + other.in_crop,
            self.scored + other.scored,
            self.clipped + other.clipped,
        )

    @property
    def outside_crop(self) -> float:
        """Share of the known truth that the crop leaves out."""
        return 1 - self.in_crop / max(1, self.known)

    @property
    def outside_range(self) -> float:
        """Share of the known truth within the crop that is not scored."""
        return 1 - self.scored / self.in_crop if self.in_crop else 0.0

    @property
    def clipped_share(self) -> float:
        """Share of the scored pixels whose depth is clipped to the far end of the range."""
        return self.clipped / max(1, self.scored)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The prediction and the truth of one image, compared as `protocol` says.

    `full` (H,W): the prediction at the truth's size, flip-averaged and aligned, not clamped;
    `window`: the rows and columns of the crop; `truth` and `scored`: metres and the mask of pixels
    that count, within the crop; `has_prediction`: the mask of these that have a prediction of their
    own (the others hold the protocol's value for a missing prediction); `truth_use`: how the known
    truth is used.
    """

    protocol: Protocol
    full: NDArray[np.float32]
    window: tuple[slice, slice]
    truth: NDArray[np.float32]
    scored: NDArray[np.bool_]
    has_prediction: NDArray[np.bool_]
    truth_use: TruthUse

    @property
    def answered(self) -> NDArray[np.bool_]:
        """The earlier name of `has_prediction`."""
        return self.has_prediction

    @property
    def use(self) -> TruthUse:
        """The earlier name of `truth_use`."""
        return self.truth_use

    @cached_property
    def prediction(self) -> NDArray[np.float32]:
        """The clamped prediction within the crop."""
        return self.protocol.clamped(self.full[self.window])

    @property
    def pixels(self) -> int:
        """Number of scored pixels."""
        return self.truth_use.scored

    @cached_property
    def missing(self) -> int:
        """How many counted pixels have no prediction."""
        return self.pixels - _count(self.has_prediction)

    @cached_property
    def _counted(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.scored)

    @cached_property
    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Prediction and truth at the counted pixels, (n,) each, in the order of the metrics."""
        pair = self.at_scored(self.prediction), self.at_scored(self.truth)
        return (pair[1], pair[0]) if self.protocol.swapped else pair

    def at_scored(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return the values of a plane of the crop's size at the scored pixels, as `vectors`."""
        values = plane.ravel()
        return values if self.pixels == values.size else values[self._counted]

    def crop(self, plane: NDArray[np.int32]) -> NDArray[np.int32]:
        """Resize class ids (H,W) of the sample's own size to the working size, and crop them."""
        size = self.protocol.working_size
        if size is not None:
            plane = np.rint(resize_to(plane.astype(np.float32), size, "nearest")).astype(np.int32)
        return plane[self.window]

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """The number of counted pixels and the sums of the protocol's metrics."""
        return self.protocol.metric_set.sums(*self.vectors)

    @cached_property
    def metrics(self) -> dict[str, float] | None:
        """The protocol's metrics of this image, None where no pixel counts."""
        return self.protocol.metric_set.values(self.sums) if self.pixels else None


def _count(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))


def _present(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray((depth > 0) & (depth < np.inf))
