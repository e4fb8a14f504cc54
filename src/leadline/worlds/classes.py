"""The classes of what stands in a world, and the class sets of other data they map to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leadline.errors import LeadlineError
from leadline.worlds.arrays import Array


class ClassRow(NamedTuple):
    """A class and its id in the sets of NYU Depth v2, Virtual KITTI and Cityscapes; 0 is none."""

    name: str
    nyu40: int = 0
    vkitti: int = 0
    cityscapes: int = 0


CLASSES: tuple[ClassRow, ...] = (
    ClassRow("void"),
    ClassRow("wall", 1, 5, 12),
    ClassRow("floor", 2),
    ClassRow("ceiling", 22),
    ClassRow("window", 9, 5, 11),
    ClassRow("door", 8, 5, 11),
    ClassRow("cabinet", 3),
    ClassRow("bed", 4),
    ClassRow("chair", 5),
    ClassRow("sofa", 6),
    ClassRow("table", 7),
    ClassRow("bookshelf", 10),
    ClassRow("picture", 11),
    ClassRow("counter", 12),
    ClassRow("blinds", 13),
    ClassRow("desk", 14),
    ClassRow("shelves", 15),
    ClassRow("curtain", 16),
    ClassRow("dresser", 17),
    ClassRow("pillow", 18),
    ClassRow("mirror", 19),
    ClassRow("rug", 20),
    ClassRow("clothes", 21),
    ClassRow("books", 23),
    ClassRow("refrigerator", 24),
    ClassRow("television", 25),
    ClassRow("paper", 26),
    ClassRow("towel", 27),
    ClassRow("box", 29),
    ClassRow("whiteboard", 30),
    ClassRow("night stand", 32),
    ClassRow("toilet", 33),
    ClassRow("sink", 34),
    ClassRow("lamp", 35),
    ClassRow("bathtub", 36),
    ClassRow("bag", 37),
    ClassRow("structure", 38),
    ClassRow("furniture", 39),
    ClassRow("object", 40, 11),
    ClassRow("plant", 40, 4, 21),
    ClassRow("sky", 0, 2, 23),
    ClassRow("road", 0, 6, 7),
    ClassRow("sidewalk", 0, 6, 8),
    ClassRow("terrain", 0, 1, 22),
    ClassRow("building", 0, 5, 11),
    ClassRow("fence", 0, 5, 13),
    ClassRow("guard rail", 0, 7, 14),
    ClassRow("vegetation", 0, 4, 21),
    ClassRow("tree", 0, 3, 21),
    ClassRow("pole", 0, 10, 17),
    ClassRow("traffic sign", 0, 8, 20),
    ClassRow("traffic light", 0, 9, 19),
    ClassRow("car", 0, 13, 26),
    ClassRow("van", 0, 14, 26),
    ClassRow("truck", 0, 12, 27),
    ClassRow("bus", 0, 12, 28),
    ClassRow("two-wheeler", 0, 11, 33),
    ClassRow("person", 31, 11, 24),
)
"""Every class; its place is its id."""

CLASS_ID: dict[str, int] = {row.name: number for number, row in enumerate(CLASSES)}
NYU_13 = (0, 12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5, 7, 3, 2, 6, 11, 7,
          7, 7, 7, 7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7)  # fmt: skip
"""From NYU's 40 classes to the 13 of Couprie et al. (2013); 0 is unlabelled."""

CLASS_SETS: tuple[str, ...] = ("worlds", "nyu40", "nyu13", "vkitti", "cityscapes")


def class_map(name: str) -> Array:
    """Table (classes,) uint8 from our class ids to those of a class set; 0 where it has none.

    Virtual KITTI counts its 14 classes from 1; Cityscapes' are its label ids.
    Raises LeadlineError for an unknown set.
    """
    if name == "worlds":
        ids = list(range(len(CLASSES)))
    elif name == "nyu13":
        ids = [NYU_13[row.nyu40] for row in CLASSES]
    elif name in CLASS_SETS:
        ids = [getattr(row, name) for row in CLASSES]
    else:
        raise LeadlineError(f"unknown class set {name!r}; choose one of {', '.join(CLASS_SETS)}")
    return np.array(ids, dtype=np.uint8)
