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
    `classes` do not count. Matrices of several images can be added.
    Errors: ValueError if a counted pixel has a predicted id that is not a class.
    """
    counted = (truth >= 0) & (truth < classes) & ~np.isin(truth, list(ignore))
    strange = prediction[counted]
    strange = strange[(strange < 0) | (strange >= classes)]
    if strange.size:
        raise ValueError(f"class {strange[0]} is predicted; expected 0 to {classes - 1}")
    pairs = truth[counted].astype(np.int64) * classes + prediction[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def semantic_metrics(
    matrix: NDArray[np.int64], ignore: Sequence[int] = ()
) -> dict[str, float] | None:
    """Return `pixel_accuracy` and `mean_iou` of a confusion matrix, None if it has no pixel.

    The mean is over the classes that occur in the truth or in the prediction. Ids in `ignore` are
    not part of the mean: a pixel predicted as one only counts as missed in its true class, as in
    Cityscapes.
    """
    hits = np.diag(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - hits
    present = (union > 0) & ~np.isin(np.arange(len(union)), list(ignore))
    if not matrix.any():
        return None
    return {
        "pixel_accuracy": float(hits.sum() / matrix.sum()),
        "mean_iou": float((hits[present] / union[present]).mean()),
    }
