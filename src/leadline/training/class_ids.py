"""Which label ids a run understands, looked up where the file that holds another can be named."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.training.recipe import Recipe


@dataclass(frozen=True)
class ClassIds:
    """Ids 0 to `count` - 1 are classes; negative ones and `ignored` ones are no labels.

    `keys` are the recipe's keys that say what is ignored.
    """

    count: int
    ignored: frozenset[int] = frozenset()
    keys: tuple[str, ...] = ()

    def check(self, labels: NDArray[np.int32], name: str) -> None:
        """Raise where labels (H,W) of the file `name` hold an id that is neither.

        Errors: LeadlineError naming the file, the id and what to set.
        """
        if labels.size == 0 or labels.max() < self.count:
            return
        ids, pixels = np.unique(labels[labels >= self.count], return_counts=True)
        unknown = [(int(i), int(n)) for i, n in zip(ids, pixels, strict=True)]
        unknown = [(i, n) for i, n in unknown if i not in self.ignored]
        if unknown:
            label, number = unknown[-1]
            raise LeadlineError(
                f"{name}: has label {label} at {number:,} of {labels.size:,} pixels, and the "
                f"network has classes 0 to {self.count - 1}; set model.options.classes above the "
                "highest id of the data ('leadline check-data' shows it), or name the id in "
                f"{' and '.join(self.keys)}"
            )


def class_ids(recipe: Recipe, classes: int | None) -> ClassIds | None:
    """Return the label ids of a run whose network has `classes`; None where it reads no labels."""
    if classes is None or not recipe.class_terms:
        return None
    keys = tuple(f"loss.{place}.options.ignore" for place in recipe.class_terms)
    return ClassIds(classes, recipe.ignored_classes, keys)


def label_file(files: Mapping[str, Path], sample_id: str) -> str:
    """Return what to call the labels of a sample: their file where they have one."""
    return str(files.get("label", f"{sample_id}, labels"))
