"""Initial weights of an encoder: ImageNet's, those in the package, a file, or none."""

from dataclasses import dataclass, replace
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.io.files import check_ordinary
from leadline.models.base import DepthModel
from leadline.models.build import create_model, whole_options
from leadline.models.config import ModelConfig
from leadline.models.encoders import imagenet_weights_file, plain_name
from leadline.training.recipe import ModelSection
from leadline.weights import SHIPPED_ENCODERS


@dataclass(frozen=True)
class InitialWeights:
    """The encoder's weights file, if any, and the normalisation of its input.

    `source` is a description for the model card.
    """

    encoder_file: Path | None
    normalization: str
    source: str


def build_from_encoder(
    config: ModelConfig, weights: InitialWeights, seed: int
) -> tuple[DepthModel, str]:
    """Return a network with weights in the encoder alone, and a description of their source."""
    model = create_model(replace(config, normalization=weights.normalization), seed)
    if weights.encoder_file is not None:
        model.load_encoder(weights.encoder_file)
    return model, weights.source


def initial_weights(section: ModelSection) -> InitialWeights:
    """Return the weights of `model.encoder_weights`; ImageNet's are downloaded if needed."""
    name = section.encoder_weights
    normalization = default_normalization(section)
    if name == "none":
        return InitialWeights(None, normalization, "random weights")
    if name == "imagenet":
        path = imagenet_weights_file(_encoder_name(section))
        source = f"ImageNet weights of torchvision ({path.name})"
        return InitialWeights(path, normalization, source)
    if name == "shipped":
        return _shipped_weights(_encoder_name(section))
    path = Path(name)
    if not path.is_file():
        check_ordinary(path)
        raise LeadlineError(
            f"encoder weights {name}: no such file; imagenet, shipped and none work too"
        )
    if section.normalization == "auto":
        raise LeadlineError(
            f"encoder weights {name}: a local file does not say how its input is normalised; add "
            "--set model.normalization=imagenet (torchvision's files), symmetric ([-1,1]) or unit"
        )
    return InitialWeights(path, normalization, f"encoder weights {path.name}")


def default_normalization(section: ModelSection) -> str:
    """Return the input normalisation if the weights do not determine it."""
    return "imagenet" if section.normalization == "auto" else section.normalization


def _encoder_name(section: ModelSection) -> str:
    if section.encoder is not None:
        return section.encoder
    options = whole_options(ModelConfig(section.architecture, section.options))
    if "encoder" not in options:
        raise LeadlineError(
            f"{section.architecture} has no encoder to load weights into; set "
            "model.encoder_weights=none"
        )
    return str(options["encoder"])


def _shipped_weights(encoder: str) -> InitialWeights:
    # A dilated network ("mobilenet_v2_os16") uses the weights of the plain one.
    encoder = plain_name(encoder)
    if encoder not in SHIPPED_ENCODERS:
        raise LeadlineError(
            f"no ImageNet weights of {encoder} ship with the package, only of "
            f"{', '.join(SHIPPED_ENCODERS)}; set model.encoder_weights to imagenet, none or a file"
        )
    shipped = SHIPPED_ENCODERS[encoder]
    source = f"shipped ImageNet weights ({shipped.file.name})"
    return InitialWeights(shipped.file, shipped.normalization, source)
