"""Class ids as a grey PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.io.metadata import LABELS_KIND, PREFIX
from leadline.io.photos import write_png


def write_labels(path: Path, labels: NDArray[np.integer]) -> None:
    """Write class ids (H,W) as a grey PNG that says what it holds: 8 bits, 16 for ids above 255."""
    ids = labels.astype(np.uint8) if labels.max() < 256 else labels.astype(np.uint16)
    write_png(path, ids, {PREFIX + "kind": LABELS_KIND})
