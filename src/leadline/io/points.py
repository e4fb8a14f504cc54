"""Known distances from files: a depth map, or lines of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.depth.known_points import KnownPoints
from leadline.depth.units import UndeclaredUnitsError, undeclared_units
from leadline.errors import LeadlineError, size_words
from leadline.io.files import read_bytes
from leadline.io.formats import read_depth

TEXT_SUFFIXES = (".txt", ".csv", ".xyz")


def read_points(
    path: Path, shape: tuple[int, int], units_per_metre: float | None = None
) -> KnownPoints:
    """Read a depth file of `shape` (height, width), or lines of text with column, row and metres.

    `units_per_metre` is the unit of whole-number depth files that do not say it.
    Errors: LeadlineError, naming the file, for another size or an unreadable line.
    """
    if path.suffix.lower() in TEXT_SUFFIXES:
        if units_per_metre is not None:
            raise LeadlineError(f"{path}: is a list in metres; leave --sparse-scale out")
        return _points_of_text(path)
    try:
        truth = read_depth(path, units_per_metre)
    except UndeclaredUnitsError:
        raise undeclared_units(path, "--sparse-scale 1000 for millimetres") from None
    if truth.shape != shape:
        raise LeadlineError(
            f"{path}: is {size_words(truth.shape)} but the prediction is "
            f"{size_words(shape)}; both must belong to one picture"
        )
    return KnownPoints.from_depth_map(truth)


def _points_of_text(path: Path) -> KnownPoints:
    rows = []
    text = read_bytes(path, "list of points").decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            x, y, metres = (float(word) for word in words)
            if not np.isfinite((x, y, metres)).all():
                raise ValueError
        except ValueError:
            raise LeadlineError(
                f"{path}: line {number} is {line.strip()[:60]!r}; expected three numbers: "
                "column, row and metres"
            ) from None
        rows.append((x, y, metres))
    if not rows:
        raise LeadlineError(f"{path}: holds no points; expected lines of column, row and metres")
    table = np.array(rows, dtype=np.float64)
    columns, lines = np.rint(table[:, :2].T).astype(np.intp)
    return KnownPoints(columns, lines, table[:, 2])
