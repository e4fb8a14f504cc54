"""Plots of matplotlib to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from leadline.io.atomic import atomic_path
from leadline.io.photos import DRAWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_plot(figure: Figure, path: Path, dpi: float | str = "figure") -> None:
    """Write a figure atomically, as its suffix says; a PNG says that it is no photograph.

    Errors: LeadlineError where the file cannot be written.
    """
    about = DRAWN if path.suffix.lower() == ".png" else None
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata=about)
