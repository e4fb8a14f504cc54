"""Build the network of a run: architecture, input size and initial weights."""

from collections.abc import Sequence
from typing import NamedTuple

from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.build import checked_factory
from leadline.models.catalog import CATALOG
from leadline.models.config import ModelConfig
from leadline.models.size_policy import processing_size
from leadline.training.camera import DataCamera
from leadline.training.encoder_weights import (
    InitialWeights,
    build_from_encoder,
    default_normalization,
    initial_weights,
)
from leadline.training.from_trained import (
    TrainedModel,
    build_from_trained,
    open_trained,
    some_names,
)
from leadline.training.optim import frozen_names
from leadline.training.recipe import Recipe


class BuiltModel(NamedTuple):
    """A network, its input size (h, w), and a description of the source of its weights.

    `warning` is the warning about an unknown training camera, if any.
    """

    model: DepthModel
    input_size: tuple[int, int]
    source: str
    warning: str | None = None


def build_model(
    recipe: Recipe, samples: DepthDataset, weights: InitialWeights | None = None
) -> BuiltModel:
    """Build the network of a recipe, sized for these samples.

    `weights` replaces those of the recipe: a resumed run needs no weights file, since its
    checkpoint holds all weights.
    Errors: LeadlineError for an option or weights that do not exist or do not fit.
    """
    section = recipe.model
    if weights is None and section.init is None:
        _refuse_frozen_start(recipe)
    config, camera = configure(recipe, samples)
    trained = None
    if weights is None and section.init is not None:
        trained = open_trained(section.init)
        model, source, random = build_from_trained(config, section, trained, recipe.trainer.seed)
        _refuse_frozen_random(recipe, trained, random)
    else:
        weights = weights or initial_weights(section)
        model, source = build_from_encoder(config, weights, recipe.trainer.seed)
    had_one = trained.name if trained is not None and trained.training_focal else None
    return BuiltModel(model, camera.size, source, camera.explain_missing(had_one))


def _refuse_frozen_start(recipe: Recipe) -> None:
    """Raise LeadlineError if all but a part is frozen, and the frozen weights are random."""
    last = recipe.optimizer.groups[-1:]
    if last and last[0].frozen and last[0].match == "*":
        raise LeadlineError(
            f"recipe {recipe.name} freezes all but a part of the weights, which would stay random: "
            "give the trained model that it fine-tunes, --init RUN"
        )


def _refuse_frozen_random(recipe: Recipe, trained: TrainedModel, random: Sequence[str]) -> None:
    """Raise LeadlineError if the initial model lacks weights that the recipe freezes."""
    frozen = frozen_names(random, recipe.optimizer)
    if not frozen:
        return
    options = None if trained.config is None else dict(trained.config.options)
    known = "" if options is None else f" (it was trained with model.options={options})"
    raise LeadlineError(
        f"{trained.file}: lacks {some_names(frozen)}, which recipe {recipe.name} freezes: they "
        f"would stay random; start from a model that has them, train them first, or set "
        f"model.options to those of that model{known}"
    )


def configure(recipe: Recipe, samples: DepthDataset) -> tuple[ModelConfig, DataCamera]:
    """Return the configuration of a recipe's network for these samples, and their camera.

    The camera's `size` is the network's input size: the processing size of a picture as large as
    the first sample.
    Errors: LeadlineError for an unknown architecture or option.
    """
    section = recipe.model
    options = dict(section.options)
    if section.encoder is not None:
        options["encoder"] = section.encoder
    # Before any weights are downloaded for a network that cannot be built.
    checked_factory(section.architecture, options)
    stride = CATALOG[section.architecture].stride
    height, width = samples[0].image.shape[:2]
    camera = DataCamera.from_samples(
        recipe, samples, processing_size(height, width, recipe.data.area, stride)
    )
    config = ModelConfig(
        architecture=section.architecture,
        options=options,
        normalization=default_normalization(section),
        depth_space=section.depth_space,
        min_depth=section.min_depth,
        max_depth=section.max_depth,
        stride=stride,
        # Not the area of the rounded size, which prediction would round again, to another size.
        training_area=recipe.data.area,
        channel_order=section.channel_order,
        training_focal=camera.training_focal,
    )
    return config, camera
