"""The table of contents of the models: readable without torch.

Adding a system: one file with a `DepthModel`, one entry here. The entry is the registration;
nothing imports a model file until somebody builds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """What can be said of an architecture without building it.

    `factory` is `module:class`; `parameters` is the exact count with the default `options`;
    `training_size` is (H, W); `stride` is what sides of an input are rounded to.
    """

    name: str
    factory: str
    summary: str
    source: str
    parameters: int
    training_size: tuple[int, int]
    stride: int = 32
    depth_space: str = "log"
    options: Mapping[str, Any] = field(default_factory=dict)


CATALOG: dict[str, ModelInfo] = {
    info.name: info
    for info in (
        ModelInfo(
            name="compact",
            factory="leadline.models.compact:CompactModel",
            summary="MobileNetV2 encoder, light bilinear decoder; fast on a CPU",
            source="Leadline",
            parameters=3_669_177,
            training_size=(240, 320),
            stride=16,
            options={"encoder": "mobilenet_v2"},
        ),
        ModelInfo(
            name="densedepth",
            factory="leadline.models.densedepth:DenseDepth",
            summary="DenseNet-169 encoder, wide bilinear decoder, reciprocal depth",
            source="Alhashim and Wonka 2018, High Quality Monocular Depth Estimation",
            parameters=42_657_689,
            training_size=(480, 640),
            depth_space="reciprocal",
            options={"encoder": "densenet169"},
        ),
    )
}
"""Every architecture by name."""
