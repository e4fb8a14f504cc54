"""What class scores are worth: answers that look at no photograph, scored on the validation images.

    python benchmarks/class_baselines.py --data DATA [--classes 41] [--void 0]

"commonest class" calls every pixel by the class most frequent in the training labels, "commonest
class of each pixel" by the one most frequent at its place. All images must have one size.
"""

import argparse
from pathlib import Path

import numpy as np

from leadline.datasets import open_pairs
from leadline.metrics import confusion_matrix, semantic_metrics


def class_counts(data: Path, classes: int, void: int) -> np.ndarray:
    """Return (H,W,classes): how often each pixel of the training labels has each class."""
    counts: np.ndarray | None = None
    for sample in open_pairs(data, "train"):
        if counts is None:
            counts = np.zeros((*sample.labels.shape, classes), np.int32)
        rows, columns = np.indices(sample.labels.shape, sparse=True)
        counts[rows, columns, sample.labels] += 1
    counts[..., void] = 0
    return counts


def main() -> None:
    """Print pixel accuracy and mean IoU of both baselines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--classes", type=int, default=41)
    parser.add_argument("--void", type=int, default=0)
    options = parser.parse_args()
    counts = class_counts(options.data, options.classes, options.void)
    each = counts.argmax(axis=-1)
    answers = {
        "commonest class": np.full_like(each, counts.sum(axis=(0, 1)).argmax()),
        "commonest class of each pixel": each,
    }
    truths = [sample.labels for sample in open_pairs(options.data, "val")]
    for name, answer in answers.items():
        matrix = sum(
            confusion_matrix(answer, truth, options.classes, (options.void,)) for truth in truths
        )
        scores = semantic_metrics(matrix)
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in scores.items()))


if __name__ == "__main__":
    main()
