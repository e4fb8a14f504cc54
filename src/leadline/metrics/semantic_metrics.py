"""Scores of class maps: pixel accuracy and mean intersection over union, from one count matrix."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    prediction: NDArray[np.integer],
    truth: NDArray[np.integer],
    classes: int,
    ignore: Sequence[int] = (),
) -> NDArray[np.int64]:
    """Return (classes, classes) pixel counts: row = true class, column = predicted class.

    Shapes: two equal arrays of ids. Pixels whose true id is in `ignore`, negative or not below
    `classes` do not count; matrices of several images may be added.
    Errors: ValueError where a counted pixel is predicted as something that is no class.
    """
    counted = (truth >= 0) & (truth < classes) & ~np.isin(truth, list(ignore))
    strange = prediction[counted]
    strange = strange[(strange < 0) | (strange >= classes)]
    if strange.size:
        raise ValueError(f"class {strange[0]} is predicted; expected 0 to {classes - 1}")
    pairs = truth[counted].astype(np.int64) * classes + prediction[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def semantic_metrics(matrix: NDArray[np.int64]) -> dict[str, float]:
    """Return `pixel_accuracy` and `mean_iou` of a confusion matrix.

    The mean is over the classes that occur in the truth or in the prediction; a class without a
    pixel in either says nothing. NaN where no pixel was counted.
    """
    hits = np.diag(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - hits
    present = union > 0
    if not present.any():
        return {"pixel_accuracy": float("nan"), "mean_iou": float("nan")}
    return {
        "pixel_accuracy": float(hits.sum() / matrix.sum()),
        "mean_iou": float((hits[present] / union[present]).mean()),
    }
