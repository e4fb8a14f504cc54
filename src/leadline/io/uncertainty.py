"""The uncertainty of a depth map as a file of its own, which is refused as depth."""

from __future__ import annotations

import json
from pathlib import Path

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.float_files import write_plane
from leadline.io.metadata import PREFIX, UNCERTAINTY_KIND, atomic_with_sidecar, read_sidecar


def write_uncertainty(path: Path, depth_map: DepthMap) -> None:
    """Write the Laplace scale of ln(metres) as NPY, (H,W) float32, 0 where depth is not valid.

    The JSON beside it says what it is, and the factors q of the intervals depth * exp(-+ q b).
    Errors: LeadlineError for a map without uncertainty.
    """
    if depth_map.uncertainty is None:
        raise LeadlineError(f"{path}: the depth map has no uncertainty to be written")
    texts = {
        "kind": UNCERTAINTY_KIND,
        "unit": "1 (of ln(metres))",
        "invalid": "0",
        "provenance": json.dumps(dict(depth_map.provenance)),
        "interval_factors": json.dumps(dict(depth_map.interval_factors)),
    }
    sidecar = {PREFIX + key: value for key, value in texts.items()}
    with atomic_with_sidecar(path, sidecar) as temporary:
        write_plane(temporary, depth_map.uncertainty * depth_map.valid)


def is_uncertainty_file(path: Path) -> bool:
    """Return whether a file says that it holds uncertainty."""
    try:
        return read_sidecar(path).get(PREFIX + "kind") == UNCERTAINTY_KIND
    except LeadlineError:
        return False
