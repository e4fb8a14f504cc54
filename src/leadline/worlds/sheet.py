"""Contact sheets: picture, depth and classes of many views at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.photos import DRAWN, write_png
from leadline.viz.color import colorize
from leadline.viz.labels import colorize_labels
from leadline.viz.normals import colorize_normals
from leadline.worlds.arrays import Array
from leadline.worlds.view import View

PANELS = ("image", "depth", "classes", "normals")
"""What a sheet may show of each view."""


def panel(view: View, what: str, far: float) -> Array:
    """One panel (H,W,3) uint8 of a view; depth is coloured by its logarithm up to `far` metres.

    Raises LeadlineError for an unknown panel.
    """
    if what == "image":
        return view.image
    if what == "classes":
        return colorize_labels(view.classes)
    if what == "normals":
        return colorize_normals(view.normals)
    if what == "depth":
        # Logarithms put a close thing and a far one on one scale.
        shade = np.log1p(np.minimum(view.depth.depth, far))
        return colorize(DepthMap.from_metres(shade), vmin=0.2, vmax=float(np.log1p(far)))
    raise LeadlineError(f"unknown panel {what!r}; choose one of {', '.join(PANELS)}")


def contact_sheet(
    views: Iterable[View],
    *,
    columns: int = 4,
    panels: tuple[str, ...] = ("image",),
    far: float = 10.0,
) -> Array:
    """Lay views (all of one size) out in rows; returns (H,W,3) uint8.

    Raises LeadlineError where there is no view or a panel is unknown.
    """
    cells = [np.concatenate([panel(view, what, far) for what in panels], axis=1) for view in views]
    if not cells:
        raise LeadlineError("a contact sheet needs at least one view")
    blank = np.zeros_like(cells[0])
    cells += [blank] * (-len(cells) % columns)
    rows = [np.concatenate(cells[k : k + columns], axis=1) for k in range(0, len(cells), columns)]
    return np.concatenate(rows, axis=0)


def write_sheet(path: Path | str, sheet: Array) -> None:
    """Write a contact sheet as PNG. Raises LeadlineError where that is not possible."""
    write_png(path, sheet, DRAWN)
