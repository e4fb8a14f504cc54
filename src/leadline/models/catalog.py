"""The table of all models, readable without torch.

To add a system, write one file with a `DepthModel` and one entry here. The entry is the
registration; a model file is imported only when a model is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.errors import LeadlineError, nearest


@dataclass(frozen=True)
class ModelInfo:
    """The facts about an architecture that need no building.

    `factory` is `module:class`, or the class; `parameters` is the exact count with the default
    `options`, None if not stated; `training_size` is (H, W); input sides are rounded to multiples
    of `stride`.
    """

    name: str
    factory: str | Callable[..., Any]
    summary: str = ""
    source: str = ""
    parameters: int | None = None
    training_size: tuple[int, int] = (240, 320)
    stride: int = 32
    depth_space: str = "log"
    options: Mapping[str, Any] = field(default_factory=dict)


HUANG_YU = "Huang and Yu, Depth Estimation with Fully Convolutional Neural Network"
GULVE_GUPTA = "Gulve and Gupta, Monocular depth estimation from single image"
WANG_FU_DONG = (
    "Wang, Fu and Dong 2019, Image Depth Estimation Model Based on Fully Convolutional U-Net"
)
LAINA = "Laina et al. 2016, Deeper Depth Prediction with Fully Convolutional Residual Networks"
SCIUTO = (
    "Sciuto, Monocular image Depth estimation, using virtual datasets and embedding the semantic "
    "information"
)
ALHASHIM_WONKA = "Alhashim and Wonka 2018, High Quality Monocular Depth Estimation"

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
            name="crisp",
            factory="leadline.models.crisp:CrispModel",
            summary="compact with pooled context and learned upsampling to full size; "
            "3,173,689 parameters with `light`, as the recipes have it",
            source="Leadline",
            parameters=3_844_797,
            training_size=(240, 320),
            stride=16,
            options={"encoder": "mobilenet_v2"},
        ),
        ModelInfo(
            name="vgg19-fcn-a1",
            factory="leadline.models.vgg19_fcn:Vgg19Fcn",
            summary="VGG-19 encoder, three transposed convolutions",
            source=HUANG_YU,
            parameters=22_648_641,
            training_size=(120, 160),
            stride=8,
            depth_space="linear",
            options={"encoder": "vgg19", "convolutions": False},
        ),
        ModelInfo(
            name="vgg19-fcn",
            factory="leadline.models.vgg19_fcn:Vgg19Fcn",
            summary="VGG-19 encoder, transposed and plain convolutions in turn",
            source=HUANG_YU,
            parameters=23_516_417,
            training_size=(120, 160),
            stride=8,
            depth_space="linear",
            options={"encoder": "vgg19"},
        ),
        ModelInfo(
            name="vgg19-fcn-skip",
            factory="leadline.models.vgg19_fcn:Vgg19Fcn",
            summary="vgg19-fcn with every pooled map linked to the decoder",
            source=f"{HUANG_YU}; its future work",
            parameters=26_269_505,
            training_size=(120, 160),
            stride=8,
            depth_space="linear",
            options={"encoder": "vgg19", "skip": True},
        ),
        ModelInfo(
            name="unet-2m",
            factory="leadline.models.unet:UNet",
            summary="U-Net from nothing, widths 16 to 256, nearest upsampling",
            source=GULVE_GUPTA,
            parameters=1_964_545,
            training_size=(240, 320),
            stride=16,
            depth_space="linear",
            options={"encoder": "unet"},
        ),
        ModelInfo(
            name="unet-8.6m",
            factory="leadline.models.unet:UNet",
            summary="U-Net from nothing, widths 32 to 512, transposed convolutions",
            source=GULVE_GUPTA,
            parameters=8_634_337,
            training_size=(240, 320),
            stride=16,
            depth_space="linear",
            options={
                "encoder": "unet",
                "widths": [32, 64, 128, 256, 512],
                "upsampling": "transposed",
            },
        ),
        ModelInfo(
            name="resnet34-unet",
            factory="leadline.models.resnet34_unet:ResNet34UNet",
            summary="ResNet-34 encoder, bilinear decoder to full input size",
            source=GULVE_GUPTA,
            parameters=24_783_521,
            training_size=(240, 320),
            stride=16,
            depth_space="linear",
            options={"encoder": "resnet34"},
        ),
        ModelInfo(
            name="fcrn",
            factory="leadline.models.resnet50_upproj:ResNet50UpProjection",
            summary="ResNet-50 encoder, four up-projections, no skips",
            source=LAINA,
            parameters=63_563_008,
            training_size=(228, 304),
            stride=4,
            depth_space="linear",
            options={"encoder": "resnet50", "skip": "none"},
        ),
        ModelInfo(
            name="resnet50-upproj",
            factory="leadline.models.resnet50_upproj:ResNet50UpProjection",
            summary="fcrn with skips, concatenated and reduced",
            source=WANG_FU_DONG,
            parameters=64_605_312,
            training_size=(228, 304),
            stride=4,
            depth_space="linear",
            options={"encoder": "resnet50", "skip": "reduce"},
        ),
        ModelInfo(
            name="resnet50-upproj-concat",
            factory="leadline.models.resnet50_upproj:ResNet50UpProjection",
            summary="fcrn with skips, concatenated",
            source=WANG_FU_DONG,
            parameters=80_766_784,
            training_size=(228, 304),
            stride=4,
            depth_space="linear",
            options={"encoder": "resnet50", "skip": "concat"},
        ),
        ModelInfo(
            name="resnet50-upproj-dilated",
            factory="leadline.models.resnet50_upproj:ResNet50UpProjection",
            summary="resnet50-upproj on a dilated encoder (output stride 16)",
            source=f"{WANG_FU_DONG}; its future work",
            parameters=63_798_464,
            training_size=(228, 304),
            stride=4,
            depth_space="linear",
            options={"encoder": "resnet50_os16", "skip": "reduce", "dilated": True},
        ),
        ModelInfo(
            name="depth-mancini",
            factory="leadline.models.mancini:DepthMancini",
            summary="VGG-19 encoder, four deconvolutions to full input size",
            source=SCIUTO,
            parameters=21_245_637,
            training_size=(160, 256),
            stride=16,
            depth_space="linear",
            options={"encoder": "vgg19"},
        ),
        ModelInfo(
            name="ds-net",
            factory="leadline.models.ds_net:DSNet",
            summary="depth-mancini with a second branch for classes",
            source=SCIUTO,
            parameters=22_478_519,
            training_size=(160, 256),
            stride=16,
            depth_space="linear",
            options={"encoder": "vgg19", "classes": 30},
        ),
        ModelInfo(
            name="densedepth",
            factory="leadline.models.densedepth:DenseDepth",
            summary="DenseNet-169 encoder, wide bilinear decoder, reciprocal depth",
            source=ALHASHIM_WONKA,
            parameters=42_657_689,
            training_size=(480, 640),
            stride=32,
            depth_space="reciprocal",
            options={"encoder": "densenet169"},
        ),
        ModelInfo(
            name="densedepth-201",
            factory="leadline.models.densedepth:DenseDepth",
            summary="densedepth with a DenseNet-201 encoder",
            source=ALHASHIM_WONKA,
            parameters=57_806_089,
            training_size=(480, 640),
            stride=32,
            depth_space="reciprocal",
            options={"encoder": "densenet201"},
        ),
        ModelInfo(
            name="densedepth-half",
            factory="leadline.models.densedepth:DenseDepth",
            summary="densedepth with half the decoder's features",
            source=ALHASHIM_WONKA,
            parameters=21_365_405,
            training_size=(480, 640),
            stride=32,
            depth_space="reciprocal",
            options={"encoder": "densenet169", "width": 0.5},
        ),
    )
}
"""Every architecture by name."""


def find_architecture(name: str) -> ModelInfo:
    """Return the entry of an architecture.

    Errors: LeadlineError for an unknown name.
    """
    if name not in CATALOG:
        raise LeadlineError(
            f"architecture {name!r} is not known{nearest(name, CATALOG)}; "
            f"choose one of {', '.join(CATALOG)}"
        )
    return CATALOG[name]
