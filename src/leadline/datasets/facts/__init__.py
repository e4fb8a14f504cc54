"""Published split lists and class mappings, stored as compact text files in this folder."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

EigenFrame = tuple[str, int]
"""(drive such as 2011_09_26_drive_0002_sync, frame number); the camera is image_02."""


def _lines(name: str) -> list[str]:
    text = (resources.files("leadline.datasets.facts") / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


@cache
def eigen_test(annotated: bool = False) -> tuple[EigenFrame, ...]:
    """Return the 697 test frames of Eigen et al. 2014, or the 652 annotated by the benchmark."""
    frames = []
    for line in _lines("kitti_eigen_test.txt"):
        drive, *numbers = line.split()
        for number in numbers:
            if not (annotated and number.endswith("*")):
                frames.append((f"{drive}_sync", int(number.rstrip("*"))))
    return tuple(frames)


@cache
def eigen_train_drives() -> frozenset[str]:
    """Return the 33 drives of the training lists of the Eigen split."""
    drives = set()
    for line in _lines("kitti_eigen_train.txt"):
        date, *numbers = line.split()
        drives |= {f"{date}_drive_{number}_sync" for number in numbers}
    return frozenset(drives)


@cache
def nyu_labeled_test() -> tuple[int, ...]:
    """Return the 654 official test images of the 1449 of NYU Depth v2, counted from 0."""
    indices: list[int] = []
    for part in " ".join(_lines("nyu_labeled_test.txt")).split():
        first, _, last = part.partition("-")
        indices += range(int(first) - 1, int(last or first))
    return tuple(indices)


@cache
def _nyu_classes() -> dict[str, str]:
    sections: dict[str, str] = {}
    name = ""
    for line in _lines("nyu_classes.txt"):
        if line.startswith("["):
            name = line.strip("[]")
            sections[name] = ""
        else:
            sections[name] = f"{sections[name]} {line}".strip()
    return sections


@cache
def nyu_label_map(classes: int) -> NDArray[np.int32]:
    """Return (895,) int32: the class (of 894, 40 or 13) of each label; 0 stays unlabelled."""
    labels = np.arange(895, dtype=np.int32)
    if classes == 894:
        return labels
    to_40 = np.array([0, *map(int, _nyu_classes()["40 of 894"].split())], dtype=np.int32)
    if classes == 40:
        return to_40
    to_13 = np.array([0, *map(int, _nyu_classes()["13 of 40"].split())], dtype=np.int32)
    return to_13[to_40]


def nyu_class_names(classes: int) -> tuple[str, ...]:
    """Return the names of NYU's 40 or 13 classes; the first is class 1."""
    return tuple(_nyu_classes()[f"names of {classes}"].split(", "))
