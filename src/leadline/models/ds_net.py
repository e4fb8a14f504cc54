"""DS-Net: depth-mancini with a second, equal branch that predicts the class of every pixel.

Source: Sciuto, section 3.1.2 (see `mancini.py`). The branch returns N scores per pixel; their
softmax is part of the loss. Two things of the author's code are not followed: its ReLU before the
softmax, and a reshape that mixes classes with image rows.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from leadline.depth.classes import MAX_CLASSES
from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.config import ModelConfig
from leadline.models.encoders import create_encoder
from leadline.models.mancini import WIDTHS, DeconvolutionBranch, positive_output


class DSNet(DepthModel):
    """`classes` is the number of scores per pixel; 30 covers the Cityscapes ids of the source."""

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = "vgg19",
        classes: int = 30,
        output: str = "softplus",
        widths: Sequence[int] = WIDTHS,
    ):
        super().__init__(config)
        self.classes = classes
        if not 2 <= classes <= MAX_CLASSES:
            raise LeadlineError(
                f"classes = {classes}: ds-net needs at least 2 and at most {MAX_CLASSES}"
            )
        self.positive = positive_output(output)
        self.encoder = create_encoder(encoder)
        self.depth_branch = DeconvolutionBranch(self.encoder, 1, widths)
        self.class_branch = DeconvolutionBranch(self.encoder, classes, widths)

    def output_layer(self) -> nn.Conv2d | None:
        """Return the depth head if a ReLU follows, with which a factor commutes; else None."""
        return self.depth_branch.head if self.positive is functional.relu else None

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H,W) metres, positive, "logits": (B,classes,H,W)}."""
        features = self.encoder(images)
        return {
            "target": self.positive(self.depth_branch(images, features)),
            "logits": self.class_branch(images, features),
        }
