"""How a run begins: which network, at which size, from which weights."""

from dataclasses import dataclass
from pathlib import Path

import torch

from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError
from leadline.models.base import DepthModel, ModelConfig
from leadline.models.build import checked_factory, create_model
from leadline.models.catalog import CATALOG
from leadline.models.encoders import imagenet_weights_file, plain_name
from leadline.models.size_policy import processing_size
from leadline.training.groups import parameter_groups
from leadline.training.recipe import ModelSection, Recipe
from leadline.weights import SHIPPED_ENCODERS


@dataclass(frozen=True)
class Beginning:
    """A network ready to train, the (h, w) it is trained at, and where its weights come from."""

    model: DepthModel
    size: tuple[int, int]
    initialised_from: str


def begin(recipe: Recipe, samples: DepthDataset) -> Beginning:
    """Build the recipe's network with its starting weights, sized for these samples."""
    section = recipe.model
    options = dict(section.options)
    if section.encoder is not None:
        options["encoder"] = section.encoder
    # Before any weights are fetched for a network that cannot be built.
    checked_factory(section.architecture, options)
    stride = CATALOG[section.architecture].stride
    height, width = samples[0].image.shape[:2]
    size = processing_size(height, width, recipe.data.area, stride)
    weights, normalization, origin = _starting_weights(section)
    config = ModelConfig(
        architecture=section.architecture,
        options=options,
        normalization=normalization,
        depth_space=section.depth_space,
        min_depth=section.min_depth,
        max_depth=section.max_depth,
        stride=stride,
        training_area=size[0] * size[1],
        channel_order=section.channel_order,
    )
    model = create_model(config, seed=recipe.trainer.seed)
    if weights is not None:
        model.load_encoder(weights)
    return Beginning(model, size, origin)


def _starting_weights(section: ModelSection) -> tuple[Path | None, str, str]:
    """Return (file of encoder weights, input normalisation, what to call it in the card)."""
    wanted, normalization = section.encoder_weights, section.normalization
    fallback = "imagenet" if normalization == "auto" else normalization
    if wanted == "none":
        return None, fallback, "random weights"
    if wanted == "imagenet":
        path = imagenet_weights_file(_encoder_name(section))
        return path, fallback, f"ImageNet weights of torchvision ({path.name})"
    if wanted == "shipped":
        return _shipped_weights(_encoder_name(section))
    path = Path(wanted)
    if not path.is_file():
        raise LeadlineError(
            f"encoder weights {wanted}: no such file; imagenet, shipped and none work too"
        )
    if normalization == "auto":
        raise LeadlineError(
            f"encoder weights {wanted}: a local file does not say how its input is normalised; add "
            "--set model.normalization=imagenet (torchvision's files), symmetric ([-1,1]) or unit"
        )
    return path, normalization, f"encoder weights {path.name}"


def _encoder_name(section: ModelSection) -> str:
    return section.encoder or str(CATALOG[section.architecture].options["encoder"])


def _shipped_weights(encoder: str) -> tuple[Path, str, str]:
    # A dilated network ("mobilenet_v2_os16") uses the weights of the plain one.
    encoder = plain_name(encoder)
    if encoder not in SHIPPED_ENCODERS:
        raise LeadlineError(
            f"no ImageNet weights of {encoder} ship with the package, only of "
            f"{', '.join(SHIPPED_ENCODERS)}; set model.encoder_weights to imagenet, none or a file"
        )
    shipped = SHIPPED_ENCODERS[encoder]
    return shipped.file, shipped.normalization, f"shipped ImageNet weights ({shipped.file.name})"


def make_optimizer(model: DepthModel, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over `parameter_groups`."""
    section = recipe.optimizer
    groups = parameter_groups(model, recipe)
    if section.name == "sgd":
        return torch.optim.SGD(groups, momentum=section.momentum, weight_decay=section.weight_decay)
    kind = torch.optim.AdamW if section.name == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=section.weight_decay, amsgrad=section.amsgrad)
