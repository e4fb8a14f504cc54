"""What predicted numbers are: metres, or inverse depth of unknown scale and shift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.metrics import Protocol

OUTPUTS = ("metric", "inverse")
SMALLEST_DISPARITY = 1e-6


def check_output(output: str | None) -> None:
    """Raise LeadlineError unless `output` is one of `OUTPUTS` or None."""
    if output is not None and output not in OUTPUTS:
        raise LeadlineError(f"--pred-output {output!r}: choose one of {', '.join(OUTPUTS)}")


def check_aligned(name: str, output: str, protocol: Protocol) -> None:
    """Raise LeadlineError where `protocol` does not align the inverse depth that `name` gives."""
    aligned = protocol.alignment != "none" and protocol.alignment_space == "inverse"
    if output == "inverse" and not aligned:
        raise LeadlineError(
            f"{name} predicts inverse depth without a scale, not metres; score it with "
            "--align scale-shift --align-space inverse"
        )


def depth_of_disparity(disparity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the reciprocal, which means something only after alignment of inverse depth.

    Nothing is smaller than `SMALLEST_DISPARITY`; NaN stays.
    """
    return np.asarray(np.reciprocal(np.maximum(disparity, np.float32(SMALLEST_DISPARITY))))
