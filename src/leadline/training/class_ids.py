"""Which label ids a run understands, looked up where the file that holds another can be named."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
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
        """Refuse labels (H,W) of the file `name` that hold an id which is neither.

        Errors: LeadlineError naming the file, the id and what to set.
        """
        if labels.size == 0 or labels.max() < self.count:
            return
        ids, pixels = np.unique(labels[labels >= self.count], return_counts=True)
        strange = [(int(i), int(n)) for i, n in zip(ids, pixels, strict=True)]
        strange = [(i, n) for i, n in strange if i not in self.ignored]
        if strange:
            label, number = strange[-1]
            raise LeadlineError(
                f"{name}: has label {label} at {number:,} of {labels.size:,} pixels, and the "
                f"network has classes 0 to {self.count - 1}; set model.options.classes above the "
                "highest id of the data ('leadline check-data' tells it), or name the id in "
                f"{' and '.join(self.keys)}"
            )


def class_ids(recipe: Recipe, model: DepthModel) -> ClassIds | None:
    """Return what a run of `recipe` makes of label ids, None where it looks at none."""
    terms = {place: term for place, term in enumerate(recipe.loss) if term.space == "labels"}
    if model.classes is None or not terms:
        return None
    ignored = [frozenset(map(int, term.options.get("ignore", ()))) for term in terms.values()]
    keys = tuple(f"loss.{place}.options.ignore" for place in terms)
    return ClassIds(model.classes, frozenset.intersection(*ignored), keys)


def label_file(files: Mapping[str, Path], sample_id: str) -> str:
    """Return what to call the labels of a sample: their file where they have one."""
    return str(files.get("label", f"{sample_id}, labels"))
