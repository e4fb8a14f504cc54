"""The files of an evaluation: `result.json`, `per_image.csv`, `cases/`, `worst.png`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline import __version__
from leadline.datasets.sample import DepthDataset, Sample
from leadline.depth.depth_map import DepthMap
from leadline.evaluation.cases import RANKED_BY, Case, CaseCollector, write_cases
from leadline.evaluation.evaluate import Evaluation
from leadline.io.atomic import atomic_path
from leadline.io.photos import write_png
from leadline.viz.color import robust_range
from leadline.viz.panels import ERROR_LIMIT, side_by_side


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything but the per-image rows, ready for `json.dumps`."""
    return {
        "leadline": __version__,
        "created": evaluation.created,
        "model": evaluation.model,
        "model_path": evaluation.model_path,
        "prediction_units": evaluation.units,
        "warnings": evaluation.warnings,
        "data": evaluation.data,
        "split": evaluation.split,
        "data_options": evaluation.data_options,
        "protocol": evaluation.protocol.to_json(),
        "images": len(evaluation.images),
        "images_scored": len(evaluation.scored),
        "limit": None if evaluation.first_of is None else len(evaluation.images),
        "images_in_data": evaluation.first_of or len(evaluation.images),
        "missing_share": evaluation.missing_share,
        "metrics": evaluation.metrics,
        "per_image": evaluation.per_image,
        "pooled": evaluation.pooled,
        "intervals": {name: list(bounds) for name, bounds in evaluation.intervals.items()},
        "baselines": evaluation.baselines,
        "semantic": evaluation.semantic,
        "breakdowns": evaluation.breakdowns,
    }


def write_evaluation(
    evaluation: Evaluation, folder: Path, data: DepthDataset, cases: CaseCollector
) -> None:
    """Write `result.json`, `per_image.csv`, `cases/*.npz` and `worst.png` into `folder`."""
    with atomic_path(folder / "per_image.csv") as temporary:
        _write_rows(evaluation, temporary)
    write_cases(cases.cases(), folder / "cases")
    if worst := cases.worst():
        write_png(folder / "worst.png", _worst_picture(worst, data), None)
    else:
        (folder / "worst.png").unlink(missing_ok=True)  # an earlier score's
    # Last: whoever finds it finds the rest.
    with atomic_path(folder / "result.json") as temporary:
        temporary.write_text(json.dumps(to_json(evaluation), indent=2) + "\n")


def _write_rows(evaluation: Evaluation, path: Path) -> None:
    names = list(evaluation.metrics)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "pixels", "missing", *names])
        for image in evaluation.images:
            values = [image.metrics[name] if image.metrics else "" for name in names]
            writer.writerow([image.id, image.pixels, image.missing, *values])


def _worst_picture(cases: list[Case], data: DepthDataset) -> NDArray[np.uint8]:
    """Rows of photograph | truth | prediction | error, the worst first."""
    rows = [_case_row(case, data[case.index]) for case in cases]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows]
    )


def _case_row(case: Case, sample: Sample) -> NDArray[np.uint8]:
    truth = DepthMap.from_metres(sample.depth, sample.valid)
    prediction = DepthMap.from_metres(case.prediction.astype(np.float32))
    low, high = robust_range(truth.depth, truth.valid)  # red to blue, as `side_by_side` has it
    limit = f"{100 * ERROR_LIMIT:.0f}"
    titles = [
        Path(sample.id).name,
        f"truth, {low:.1f} to {high:.1f} m",
        f"prediction, {RANKED_BY} {case.value:.3f}",
        f"error -{limit}..+{limit} %",
    ]
    return side_by_side(sample.image, truth, [prediction], titles=titles, error=True)
