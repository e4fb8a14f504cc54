"""The protocols as one `torchmetrics.Metric`: streaming, and correct across processes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from leadline.datasets.sample import Sample
from leadline.errors import LeadlineError
from leadline.evaluation.predictions import PredictedMaps
from leadline.evaluation.scoring import score
from leadline.metrics.protocol import Protocol
from leadline.metrics.protocols import get_protocol


class DepthScore(Metric):
    """The mean over images and the pooled value of every metric of a protocol.

    The numbers equal those of `leadline evaluate`: each image is scored on the CPU in float64 by
    `scoring.score`. The states are sums, so that shards of any size add up, even empty ones; a
    sampler that repeats images to fill the last batch still counts them twice.
    """

    full_state_update = False
    is_differentiable = False

    pooled_sums: Tensor
    image_sums: Tensor
    images: Tensor

    def __init__(self, protocol: Protocol | str, **options: Any) -> None:
        super().__init__(**options)
        self.protocol = get_protocol(protocol) if isinstance(protocol, str) else protocol
        chosen = self.protocol.metric_set
        for name, size in (
            ("pooled_sums", 1 + len(chosen.terms)),
            ("image_sums", len(chosen.metrics)),
            ("images", 1),
        ):
            zeros = torch.zeros(size, dtype=torch.float64)
            self.add_state(name, default=zeros, dist_reduce_fx="sum")

    def update(
        self, prediction: Tensor, truth: Tensor, valid: Tensor, mirrored: Tensor | None = None
    ) -> None:
        """Score a batch: `prediction` (B,h,w) and `truth` (B,H,W) metres, `valid` (B,H,W) bool.

        `mirrored` (B,h,w) are the predictions of the mirrored photographs, for flip averaging. An
        axis of one channel, (B,1,H,W), is dropped. Images without a scored pixel do not count.
        """
        batch = _Batch(
            _maps(prediction), _maps(truth), _maps(valid).astype(bool),
            None if mirrored is None else _maps(mirrored),
        )  # fmt: skip
        for image in score(batch, batch, self.protocol).images:
            if image.metrics is None or image.sums is None:
                continue
            row = np.array(list(image.metrics.values()))
            self.pooled_sums += torch.from_numpy(image.sums).to(self.pooled_sums)
            self.image_sums += torch.from_numpy(row).to(self.image_sums)
            self.images += 1

    def compute(self) -> dict[str, Tensor]:
        """Return {metric: float64} under the protocol's aggregation, NaN without an image."""
        names = self.protocol.metric_set.metrics
        if self.images.item() == 0:
            values = [float("nan")] * len(names)
        elif self.protocol.aggregation == "per_image":
            values = (self.image_sums / self.images).tolist()
        else:
            sums = self.pooled_sums.cpu().numpy()
            values = list(self.protocol.metric_set.values(sums).values())
        scalars = torch.tensor(values, dtype=torch.float64, device=self.images.device)
        return dict(zip(names, scalars, strict=True))


@dataclass(frozen=True)
class _Batch:
    """A batch of maps (B,H,W) as samples without photographs, and as their predictions."""

    prediction: NDArray[np.float32]
    truth: NDArray[np.float32]
    valid: NDArray[np.bool_]
    mirrored: NDArray[np.float32] | None

    def __post_init__(self) -> None:
        others = [each for each in (self.truth, self.valid, self.mirrored) if each is not None]
        if any(len(each) != len(self.prediction) for each in others):
            raise ValueError(
                f"expected maps of as many images as the {len(self.prediction)} predictions, got "
                f"{', '.join(str(len(each)) for each in others)}"
            )

    def __len__(self) -> int:
        return len(self.prediction)

    def __getitem__(self, index: int) -> Sample:
        photo = np.zeros((0, 0, 3), np.uint8)
        return Sample.from_metres(str(index), photo, self.truth[index], self.valid[index])

    def predict(self, sample: Sample) -> PredictedMaps:
        return PredictedMaps(self.prediction[int(sample.id)])

    def predict_mirrored(self, sample: Sample) -> NDArray[np.float32]:
        if self.mirrored is None:
            raise LeadlineError(
                "the protocol averages flips: give update() the predictions of the mirrored "
                "photographs as well"
            )
        return np.asarray(self.mirrored[int(sample.id)])


def _maps(given: Tensor | NDArray[Any]) -> NDArray[Any]:
    batch = torch.as_tensor(given)
    if batch.ndim == 4:
        batch = batch[:, 0]
    if batch.ndim != 3:
        raise ValueError(f"expected (B,H,W) or (B,1,H,W), got {tuple(batch.shape)}")
    kept = batch if batch.dtype == torch.bool else batch.float()
    return np.asarray(kept.detach().cpu().numpy())
