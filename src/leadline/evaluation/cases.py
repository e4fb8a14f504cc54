"""Select the images kept for viewing: some evenly spaced, the worst, the best."""

from __future__ import annotations

import heapq
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample, evenly_spaced
from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError, one_line
from leadline.evaluation.predictions import PredictedMaps
from leadline.io.atomic import atomic_path
from leadline.io.files import check_ordinary
from leadline.metrics import Comparison
from leadline.viz.color import robust_range
from leadline.viz.panels import ERROR_LIMIT, side_by_side, with_finite_end

EVEN_CASES = 8
EXTREME_CASES = 8
RANKED_BY = "abs_rel"
KEPT_WIDTH = 1280
"""Target width: photographs of at least twice this width are subsampled to about it."""


@dataclass(frozen=True, eq=False)
class Case:
    """An image kept for viewing: its index in the data, its id and why it was kept.

    `roles` are among even, worst and best. `stored` is the prediction as half floats, or its file.
    `sample` is the photograph with its truth while it is in memory: after scoring, but not in a
    loaded result.
    """

    index: int
    id: str
    roles: tuple[str, ...]
    stored: NDArray[np.float16] | Path
    sample: Sample | None = None

    def prediction(self) -> NDArray[np.float32]:
        """Return the prediction (H,W) in metres as scored: 0 where missing, inf where too far.

        Errors: LeadlineError for a damaged file.
        """
        if not isinstance(self.stored, Path):
            return self.stored.astype(np.float32)
        prediction = _read_arrays(self.stored, "prediction")["prediction"]
        if prediction.ndim != 2 or prediction.dtype.kind != "f":
            raise LeadlineError(f"{self.stored}: its prediction is not a (H,W) array of metres")
        return prediction.astype(np.float32)


@dataclass
class CaseCollector:
    """Keeps `even` images of `total` and the `extreme` worst and best; memory is bounded."""

    total: int
    even: int = EVEN_CASES
    extreme: int = EXTREME_CASES
    _even_indices: frozenset[int] = field(init=False)
    _spaced: dict[int, Case] = field(default_factory=dict)
    # Heaps of (rank, -index, case): the smallest rank is removed first.
    _worst: list[tuple[float, int, Case]] = field(default_factory=list)
    _best: list[tuple[float, int, Case]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._even_indices = frozenset(evenly_spaced(self.total, self.even))

    def update(
        self, index: int, sample: Sample, predicted: PredictedMaps, comparison: Comparison
    ) -> None:
        """Consider image `index`."""
        metrics = comparison.metrics
        value = metrics[RANKED_BY] if metrics is not None else float("nan")
        is_spaced = index in self._even_indices
        is_ranked = metrics is not None and self.extreme > 0
        entered = [
            (heap, rank)
            for heap, rank in ((self._worst, value), (self._best, -value))
            if is_ranked and (len(heap) < self.extreme or (rank, -index) > heap[0][:2])
        ]
        if not is_spaced and not entered:
            return
        case = Case(index, sample.id, (), _half(comparison.full), _thinned(sample))
        if is_spaced:
            self._spaced[index] = case
        for heap, rank in entered:
            heapq.heappush(heap, (rank, -index, case))
            if len(heap) > self.extreme:
                heapq.heappop(heap)

    def cases(self) -> tuple[Case, ...]:
        """Return every kept image with its roles, in the data's order."""
        groups = {
            "even": set(self._spaced),
            "worst": {entry[2].index for entry in self._worst},
            "best": {entry[2].index for entry in self._best},
        }
        ranked = (entry[2] for entry in (*self._worst, *self._best))
        kept = self._spaced | {case.index: case for case in ranked}
        return tuple(
            replace(case, roles=tuple(role for role, each in groups.items() if index in each))
            for index, case in sorted(kept.items())
        )


def write_cases(cases: Sequence[Case], folder: Path) -> None:
    """Write `<index>.npz` for each case into `folder`."""
    for case in cases:
        half = case.prediction().astype(np.float16)
        with atomic_path(folder / f"{case.index}.npz") as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, prediction=half, id=case.id, role=",".join(case.roles))


def read_cases(folder: Path) -> tuple[Case, ...]:
    """Return the cases stored in `folder`, in the data's order.

    Errors: LeadlineError for a file that is damaged or not a case.
    """
    cases = []
    for path in folder.glob("*.npz"):
        content = _read_arrays(path, "id", "role")
        if not path.stem.isdigit():
            raise LeadlineError(f"{path}: is not named by an image's number; remove it")
        roles = tuple(str(content["role"]).split(","))
        cases.append(Case(int(path.stem), str(content["id"]), roles, path))
    return tuple(sorted(cases, key=lambda case: case.index))


def draw_cases(cases: Sequence[Case], values: Sequence[float]) -> NDArray[np.uint8]:
    """Return rows of photograph | truth | prediction | error, for cases in memory.

    `values` are their `RANKED_BY` metrics, for the titles.
    """
    rows = [
        _draw_row(case.sample, case.prediction(), value)
        for case, value in zip(cases, values, strict=True)
        if case.sample is not None
    ]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows]
    )


def _draw_row(sample: Sample, prediction: NDArray[np.float32], value: float) -> NDArray[np.uint8]:
    truth = sample.depth_map
    low, high = robust_range(truth.depth, truth.valid)  # red to blue, as in `side_by_side`
    limit = f"{100 * ERROR_LIMIT:.0f}"
    titles = [
        Path(sample.id).name,
        f"truth, {low:.1f} to {high:.1f} m",
        f"prediction, {RANKED_BY} {value:.3f}",
        f"error -{limit}..+{limit} %",
    ]
    predicted = DepthMap.from_metres(with_finite_end(prediction, truth))
    return side_by_side(sample.image, truth, [predicted], titles=titles, error=True)


def _half(depth: NDArray[np.float32]) -> NDArray[np.float16]:
    largest = np.float32(np.finfo(np.float16).max)
    half = np.where(depth > 0, np.minimum(depth, largest), 0).astype(np.float16)
    half[depth == np.inf] = np.inf  # too far, which is not missing
    return half


def _thinned(sample: Sample) -> Sample:
    """Return a sample for pictures, subsampled if it has many pixels."""
    step = max(1, sample.depth.shape[1] // KEPT_WIDTH)
    every = np.s_[::step, ::step]
    image, depth, valid = sample.image[every], sample.depth[every], sample.valid[every]
    return Sample.from_metres(sample.id, np.ascontiguousarray(image), depth, valid)


def _read_arrays(path: Path, *names: str) -> Mapping[str, NDArray[Any]]:
    """Read the named arrays of a case, without unpickling."""
    check_ordinary(path)
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in names}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise LeadlineError(
            f"{path}: is damaged or no kept case ({one_line(error)}); evaluate again"
        ) from error
