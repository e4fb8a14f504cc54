"""What ships with the package: models, as checkpoint and exported, and an ImageNet encoder."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
DEFAULT_MODEL = "crisp-nyu"
GRAPH_FILE = "model.onnx"
"""The exported file in a model folder, where there is one."""


def shipped_models() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(path.parent.name for path in FOLDER.glob("*/config.json"))


def shipped_graph(name: str) -> Path:
    """Return the exported file of the shipped model `name`, for OpenVINO and ONNX Runtime.

    Its weights are those of the checkpoint beside it.
    """
    return FOLDER / name / GRAPH_FILE


def shipped_checkpoint(name: str) -> Path:
    """Return the model folder (weights, configuration, card) of the shipped model `name`."""
    return FOLDER / name


@dataclass(frozen=True)
class ShippedEncoder:
    """Encoder weights in the package, and how their input is normalised."""

    file: Path
    normalization: str


SHIPPED_ENCODERS = {
    "mobilenet_v2": ShippedEncoder(FOLDER / "mobilenet_v2-imagenet.safetensors", "symmetric"),
}
"""ImageNet encoders that need no download. MobileNetV2: TensorFlow's 8-bit TFLite file,
de-quantised, BatchNorm re-estimated; a little noisy beside torchvision's."""
