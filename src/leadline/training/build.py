"""The network that a run trains: which one, at which input size, from which weights."""

from typing import NamedTuple

from leadline.datasets.sample import DepthDataset
from leadline.models.base import DepthModel, ModelConfig
from leadline.models.build import checked_factory
from leadline.models.catalog import CATALOG
from leadline.models.size_policy import processing_size
from leadline.training.camera import recipe_focal
from leadline.training.encoder_weights import (
    InitialWeights,
    build_from_encoder,
    default_normalization,
    initial_weights,
)
from leadline.training.from_trained import build_from_trained, open_trained
from leadline.training.recipe import Recipe


class BuiltModel(NamedTuple):
    """A network, its input size (h, w), and where its weights are from, in words."""

    model: DepthModel
    input_size: tuple[int, int]
    source: str


def build_model(
    recipe: Recipe, samples: DepthDataset, weights: InitialWeights | None = None
) -> BuiltModel:
    """Build the network of a recipe, sized for these samples.

    `weights` takes the place of what the recipe names: a resumed run needs no file of weights, its
    checkpoint holds every weight.
    Errors: LeadlineError for an option or weights that do not exist or do not fit.
    """
    section = recipe.model
    options = dict(section.options)
    if section.encoder is not None:
        options["encoder"] = section.encoder
    # Before any weights are fetched for a network that cannot be built.
    checked_factory(section.architecture, options)
    stride = CATALOG[section.architecture].stride
    height, width = samples[0].image.shape[:2]
    size = processing_size(height, width, recipe.data.area, stride)
    config = ModelConfig(
        architecture=section.architecture,
        options=options,
        normalization=default_normalization(section),
        depth_space=section.depth_space,
        min_depth=section.min_depth,
        max_depth=section.max_depth,
        stride=stride,
        training_area=size[0] * size[1],
        channel_order=section.channel_order,
        training_focal=recipe_focal(recipe, samples, size),
    )
    seed = recipe.trainer.seed
    if weights is None and section.init is not None:
        trained = open_trained(section.init)
        model, source = build_from_trained(config, section, trained, seed)
    else:
        model, source = build_from_encoder(config, weights or initial_weights(section), seed)
    return BuiltModel(model, size, source)
