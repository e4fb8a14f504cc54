"""Named evaluation protocols: how a number was made, frozen and hashed.

Half of the published depth numbers are not comparable because crop, cap, resize, alignment or
aggregation are silent. Here a score cannot be computed without a protocol.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.depth.errors import LeadlineError
from leadline.metrics.depth_metrics import depth_metrics, document_metrics


@dataclass(frozen=True)
class Protocol:
    """How predictions are compared with the truth.

    `min_depth`, `max_depth`: metres; truth outside is not scored, predictions are clamped to the
    range. `crop`: (top, bottom, left, right) as a half-open Python range on `crop_size` (H, W).
    A prediction of another size is brought to the truth's size by bilinear interpolation with
    half-pixel centres. No alignment, no flip averaging; metrics are averaged per image.
    """

    name: str
    source: str
    min_depth: float
    max_depth: float
    crop: tuple[int, int, int, int] | None = None
    crop_size: tuple[int, int] | None = None
    resize: str = "bilinear, half-pixel centres, to the truth's size"
    alignment: str = "none"
    flip_averaging: bool = False
    aggregation: str = "per image, then mean"

    @property
    def hash(self) -> str:
        """First 12 hex digits of the SHA-256 of every field."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def mask(self, truth: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which pixels (H,W) are scored."""
        scored = valid & (truth > self.min_depth) & (truth < self.max_depth)
        if self.crop is None:
            return scored
        if truth.shape != self.crop_size:
            raise LeadlineError(
                f"protocol {self.name} is defined for truth of {self.crop_size} (H, W), got "
                f"{truth.shape}; use --protocol full, which crops nothing"
            )
        top, bottom, left, right = self.crop
        inside = np.zeros_like(scored)
        inside[top:bottom, left:right] = True
        return scored & inside

    def score(
        self,
        prediction: NDArray[np.float32],
        truth: NDArray[np.float32],
        valid: NDArray[np.bool_],
    ) -> dict[str, float] | None:
        """Score one image by `METRICS` and `DOCUMENT_METRICS`; None when no pixel counts.

        Shapes: `prediction` (h,w) metres, finite where scored; `truth` (H,W) metres; `valid`
        (H,W). A predicted zero, NaN or infinity at a scored pixel is clamped like any value
        outside the range (NaN to the minimum).
        """
        scored = self.mask(truth, valid)
        if not scored.any():
            return None
        predicted = resize_to(prediction, (truth.shape[0], truth.shape[1]))[scored]
        predicted = np.nan_to_num(predicted, nan=self.min_depth, posinf=self.max_depth)
        predicted = np.clip(predicted, self.min_depth, self.max_depth)
        counted = truth[scored]
        return {**depth_metrics(predicted, counted), **document_metrics(predicted, counted)}


def missing_pixels(
    protocol: Protocol,
    prediction: NDArray[np.float32],
    truth: NDArray[np.float32],
    valid: NDArray[np.bool_],
) -> int:
    """Return how many scored pixels have no prediction (NaN, infinite, zero or negative)."""
    predicted = resize_to(prediction, (truth.shape[0], truth.shape[1]))
    present = np.isfinite(predicted) & (predicted > 0)
    return int(np.count_nonzero(protocol.mask(truth, valid) & ~present))


def resize_to(depth: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bilinear resize of (h,w) to `size` with half-pixel centres; the same array if it fits."""
    if depth.shape == size:
        return depth
    import cv2

    resized = cv2.resize(depth, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.float32)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="nyu-eigen",
            source="Eigen et al. 2014 as coded by BTS, AdaBins, ZoeDepth: crop [45:471, 41:601]",
            min_depth=1e-3,
            max_depth=10.0,
            crop=(45, 471, 41, 601),
            crop_size=(480, 640),
        ),
        Protocol(
            name="full",
            source="every valid pixel between 1 mm and 80 m; Leadline's default for own data",
            min_depth=1e-3,
            max_depth=80.0,
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """Return the protocol called `name`."""
    if name not in PROTOCOLS:
        raise LeadlineError(
            f"protocol {name!r} is not known; choose one of {', '.join(PROTOCOLS)}, or auto"
        )
    return PROTOCOLS[name]


def protocol_for(name: str, size: tuple[int, int]) -> Protocol:
    """Return the protocol called `name`; `auto` is nyu-eigen for 480x640 truth, else full."""
    if name == "auto":
        name = "nyu-eigen" if size == (480, 640) else "full"
    return get_protocol(name)
