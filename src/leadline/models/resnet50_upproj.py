"""ResNet-50 and fast up-projections: Laina's FCRN, and the U-shaped network derived from it.

Source: Laina et al. 2016 for `skip="none"`; Wang, Fu and Dong 2019, "Image Depth Estimation Model
Based on Fully Convolutional U-Net", section 3, for the skip concatenations. The latter does not
say where the skips enter; here each joins after the up-projection that reaches its size. With
`concat` the next up-projection reads both; with `reduce` a 1x1 convolution first restores the width
of the up-projection, so that "channels are halved" still holds.
"""

from torch import Tensor, cat, nn

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.blocks import conv_bn_relu, crop_to, size_at, up_steps
from leadline.models.config import ModelConfig
from leadline.models.encoders import create_encoder
from leadline.models.upproj import UpProjection

SKIPS = ("none", "reduce", "concat")


class ResNet50UpProjection(DepthModel):
    """Up-projections, each halving the width, starting at half the encoder's deepest channels.

    `padding` is that of the up-projections (`exact` or `published`). A dilated encoder
    (`resnet50_os16`, `resnet50_os8`) needs one or two up-projections fewer; `dilated` requires
    one.
    """

    def __init__(
        self,
        config: ModelConfig,
        encoder: str = "resnet50",
        skip: str = "reduce",
        padding: str = "exact",
        dilated: bool = False,
    ):
        super().__init__(config)
        if skip not in SKIPS:
            raise LeadlineError(f"skip {skip!r} is not known; choose one of {', '.join(SKIPS)}")
        self.encoder = create_encoder(encoder)
        if dilated and max(self.encoder.reductions) > 16:
            raise LeadlineError(
                f"{config.architecture}: encoder {encoder} is not dilated, its last map is a "
                f"{max(self.encoder.reductions)}th of the input; choose one with _os16 or _os8 in "
                "its name, or the architecture resnet50-upproj"
            )
        self.skip = skip
        channels = self.encoder.channels
        deepest = channels[max(self.encoder.reductions)]
        width = deepest // 2
        self.neck = nn.Sequential(nn.Conv2d(deepest, width, 1, bias=False), nn.BatchNorm2d(width))
        self.steps = up_steps(self.encoder.reductions, finest=2)
        self.ups = nn.ModuleList()
        self.reduces = nn.ModuleList()
        inputs = width
        for reduction in self.steps:
            width //= 2
            self.ups.append(UpProjection(inputs, width, padding))
            joined = width + (channels.get(reduction, 0) if skip != "none" else 0)
            self.reduces.append(
                conv_bn_relu(joined, width, kernel=1) if skip == "reduce" else nn.Identity()
            )
            inputs = joined if skip == "concat" else width
        self.head = nn.Conv2d(inputs, 1, 3, padding=1, bias=False)
        for part in (self.neck, self.ups, self.reduces, self.head):
            part.apply(_initialise)

    def output_layer(self) -> nn.Conv2d:
        """Return the head."""
        return self.head

    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"target": (B,1,H/2,W/2) metres}."""
        features = self.encoder(images)
        x = self.neck(features[max(features)])
        for up, reduce, reduction in zip(self.ups, self.reduces, self.steps, strict=True):
            # Cropped, not resized, so that rows doubled from an odd size keep their position.
            x = crop_to(up(x), size_at(images, features, reduction))
            if self.skip != "none" and reduction in features:
                x = cat([x, features[reduction]], dim=1)
            x = reduce(x)
        return {"target": self.head(x)}


def _initialise(module: nn.Module) -> None:
    # He initialisation with each small kernel's own fan-in gives the four phases equal variance.
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
