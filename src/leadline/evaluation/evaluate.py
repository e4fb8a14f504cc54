"""Scoring: a model, or anybody's prediction files, on a data set under a named protocol."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import DepthDataset, Sample
from leadline.depth.atomic import atomic_path
from leadline.depth.depth_map import DepthMap
from leadline.depth.errors import LeadlineError
from leadline.depth.formats import read_depth
from leadline.depth.images import write_png
from leadline.depth.panels import side_by_side
from leadline.metrics import DOCUMENT_METRICS, METRICS, Protocol, mean_over_images, protocol_for
from leadline.metrics.protocols import missing_pixels

Predict = Callable[[Sample], NDArray[np.float32]]
"""A sample's photograph to (h,w) metres; 0 or NaN where there is no prediction."""

PREDICTION_SUFFIXES = (".npy", ".npz", ".png", ".exr", ".pfm", ".tif", ".tiff")


@dataclass(frozen=True)
class ImageScore:
    """One image's metrics, None where no pixel counted.

    `missing` counts the scored pixels without a prediction: they are scored as the protocol's
    smallest depth.
    """

    id: str
    pixels: int
    metrics: dict[str, float] | None
    missing: int = 0


@dataclass
class Evaluation:
    """A score that says how it was made."""

    model: str
    data: str
    protocol: Protocol
    images: list[ImageScore]
    means: dict[str, float]
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def scored(self) -> int:
        """Number of images with at least one counted pixel."""
        return sum(image.metrics is not None for image in self.images)

    @property
    def missing_share(self) -> float:
        """Share of the scored pixels that had no prediction."""
        pixels = sum(image.pixels for image in self.images)
        return sum(image.missing for image in self.images) / max(1, pixels)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the per-image rows, ready for `json.dumps`."""
        return {
            "model": self.model,
            "data": self.data,
            "protocol": {**asdict(self.protocol), "hash": self.protocol.hash},
            "images": len(self.images),
            "images_scored": self.scored,
            "missing_share": self.missing_share,
            "metrics": self.means,
            "baselines": self.baselines,
        }


def evaluate(
    predict: Predict,
    data: DepthDataset,
    *,
    model: str,
    data_name: str,
    protocol: str = "auto",
    track: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Evaluation:
    """Score `predict` on every sample; memory does not grow with the number of images.

    `track` wraps the iteration over indices, for a progress bar. Metrics are computed per image
    in float64 and averaged over the images that have a pixel to score.
    Errors: LeadlineError where the protocol does not fit or no image can be scored.
    """
    settled: Protocol | None = None
    images: list[ImageScore] = []
    for index in track(range(len(data))):
        sample = data[index]
        if settled is None:
            settled = protocol_for(protocol, (sample.depth.shape[0], sample.depth.shape[1]))
        scored = int(np.count_nonzero(settled.mask(sample.depth, sample.valid)))
        prediction = predict(sample)
        row = settled.score(prediction, sample.depth, sample.valid)
        missing = missing_pixels(settled, prediction, sample.depth, sample.valid)
        images.append(ImageScore(sample.id, scored, row, missing))
    rows = [image.metrics for image in images if image.metrics is not None]
    if settled is None or not rows:
        raise LeadlineError(f"{data_name}: no image has a pixel to score; check the depth scale")
    return Evaluation(model, data_name, settled, images, mean_over_images(rows))


def prediction_files(folder: Path, data: DepthDataset, units_per_metre: float | None) -> Predict:
    """Return a `Predict` that reads somebody's files, found by each sample's id.

    A file sits at the image's own relative path, or directly in `folder`, with any of the depth
    suffixes. Errors: LeadlineError naming the first image without a prediction.
    """
    if not folder.is_dir():
        raise LeadlineError(f"{folder}: no such folder of predictions")
    ids = [data.sample_id(index) for index in range(len(data))]
    flat = len({Path(name).stem for name in ids}) == len(ids)
    found = {name: _prediction_file(folder, name, flat) for name in ids}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise LeadlineError(
            f"{folder}: no prediction for {len(missing)} of {len(ids)} images, the first is "
            f"{missing[0]}; expected {Path(missing[0]).with_suffix('.npy')} or another depth format"
        )

    def predict(sample: Sample) -> NDArray[np.float32]:
        path = found[sample.id]
        assert path is not None
        return read_depth(path, units_per_metre).depth

    return predict


def _prediction_file(folder: Path, name: str, flat: bool) -> Path | None:
    relative = Path(name)
    places = [folder / relative.with_suffix(""), folder / Path(*relative.parts[1:]).with_suffix("")]
    if flat:
        places.append(folder / relative.stem)
    for place in places:
        for suffix in PREDICTION_SUFFIXES:
            path = place.with_name(place.name + suffix)
            if path.is_file():
                return path
    return None


def write_evaluation(
    evaluation: Evaluation, folder: Path, predict: Predict, data: DepthDataset, worst: int = 8
) -> None:
    """Write `result.json`, `per_image.csv` and `worst.png` into `folder`."""
    with atomic_path(folder / "per_image.csv") as temporary:
        _write_rows(evaluation, temporary)
    with atomic_path(folder / "result.json") as temporary:
        temporary.write_text(json.dumps(evaluation.to_json(), indent=2) + "\n")
    write_png(folder / "worst.png", _worst_picture(evaluation, predict, data, worst), None)


def _write_rows(evaluation: Evaluation, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = (*METRICS, *DOCUMENT_METRICS)
        writer.writerow(["id", "pixels", *names])
        for image in evaluation.images:
            values = [image.metrics[name] if image.metrics else "" for name in names]
            writer.writerow([image.id, image.pixels, *values])


def _worst_picture(
    evaluation: Evaluation, predict: Predict, data: DepthDataset, count: int
) -> NDArray[np.uint8]:
    """Rows of photograph | truth | prediction | error, the largest abs_rel first."""
    scored = [
        (image.metrics["abs_rel"], index)
        for index, image in enumerate(evaluation.images)
        if image.metrics is not None
    ]
    rows = [
        _case_row(predict, data[index], f"abs_rel {value:.3f}")
        for value, index in sorted(scored, reverse=True)[:count]
    ]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows]
    )


def _case_row(predict: Predict, sample: Sample, title: str) -> NDArray[np.uint8]:
    truth = DepthMap.from_metres(sample.depth, sample.valid)
    prediction = DepthMap.from_metres(predict(sample))
    titles = [Path(sample.id).name, "truth", title, "error 0..50 %"]
    return side_by_side(sample.image, truth, [prediction], titles=titles, error=True)


def always(depth: NDArray[np.float32]) -> Predict:
    """Return a `Predict` that answers every photograph with the same (h,w) map."""
    return lambda _sample: depth
