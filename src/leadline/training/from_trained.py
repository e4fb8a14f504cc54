"""Initialise a network from a trained model (`model.init`, `leadline train --init`)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.inference.find_model import find_checkpoint
from leadline.models.base import DepthModel
from leadline.models.build import create_model, whole_options
from leadline.models.config import ModelConfig, read_config
from leadline.models.encoders import BATCH_COUNT, read_state_dict
from leadline.models.storage import CONFIG_FILE, WEIGHTS_FILE
from leadline.training.encoder_weights import build_from_encoder, initial_weights
from leadline.training.recipe import ModelSection
from leadline.training.run_folder import MODEL

ENCODER = "encoder."
"""Name prefix of an encoder's tensors."""

NAMES_SHOWN = 4

INIT_FOCAL_TOLERANCE = 0.01
"""Focal lengths with a smaller relative difference count as equal."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model from which a network starts (`model.init`): its file and tensors.

    `name` is its name in a model card; `config` is None for a file without a `config.json` beside
    it.
    """

    name: str
    file: Path
    config: ModelConfig | None
    tensors: dict[str, Tensor]

    @property
    def training_focal(self) -> float | None:
        """The focal length of its training camera in pixels, None if unknown."""
        return None if self.config is None else self.config.training_focal


def open_trained(name_or_path: str) -> TrainedModel:
    """Open the model of `model.init`: a shipped model, a run or `model/` folder, or a weights file.

    Errors: LeadlineError if there is no such model, or its file is damaged.
    """
    path = Path(name_or_path)
    file = path if path.is_file() else find_checkpoint(name_or_path) / WEIGHTS_FILE
    if file.suffix not in {".safetensors", ".pth", ".pt"}:
        raise LeadlineError(
            f"{file}: not a file of weights; give a run folder, a model/ folder, a "
            ".safetensors file or a shipped model"
        )
    config_file = file.with_name(CONFIG_FILE)
    config = read_config(config_file) if config_file.is_file() else None
    tensors = read_state_dict(file)
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise LeadlineError(
                f"{file}: tensor {name!r} holds numbers that are not finite; the file is damaged, "
                "or of a training that diverged"
            )
    return TrainedModel(_name_of(name_or_path), file, config, tensors)


def _name_of(name_or_path: str) -> str:
    """Return the name of a shipped model, of a file, or of the run that holds a `model/` folder."""
    path = Path(name_or_path).resolve()
    return path.parent.name if path.name == MODEL and path.is_dir() else path.name


class StartedModel(NamedTuple):
    """A network initialised from a trained one, and a description of what was taken over.

    `random` are the names of the parameters that no file provided.
    """

    model: DepthModel
    source: str
    random: tuple[str, ...]


def build_from_trained(
    config: ModelConfig, section: ModelSection, trained: TrainedModel, seed: int
) -> StartedModel:
    """Return a network with every tensor of `trained` that fits, and a description of the rest.

    The encoder is taken completely or not at all; from a model of another architecture only the
    encoder is taken. An encoder that is not taken starts from `model.encoder_weights`.
    """
    config = _check_compatible(config, section, trained)
    model = create_model(config, seed)
    state = model.state_dict()
    fits = {
        name
        for name, tensor in trained.tensors.items()
        if name in state and state[name].shape == tensor.shape
    }
    source, is_random_encoder = trained.name, False
    # Batch counters, which some files lack, are taken if present but not counted.
    tensors = {name for name in state if not name.endswith(BATCH_COUNT)}
    encoder = {name for name in tensors if name.startswith(ENCODER)}
    if not encoder <= fits:
        fits = {name for name in fits if not name.startswith(ENCODER)}
    if _takes_encoder_alone(config, trained):
        fits = {name for name in fits if name.startswith(ENCODER)}
    if not fits & tensors:
        raise LeadlineError(_nothing_fits(trained, config))
    if encoder and not encoder <= fits:
        base = initial_weights(section)
        model, encoder_source = build_from_encoder(config, base, seed)
        source += f" with another encoder ({encoder_source})"
        is_random_encoder = base.encoder_file is None
        state = model.state_dict()
    model.load_state_dict({**state, **{name: trained.tensors[name] for name in fits}})
    fresh = [name for name in state if name in tensors - fits - encoder]
    taken = _describe_taken(len(fits & tensors), len(tensors), fresh)
    unknown = "" if fits & tensors <= encoder else _describe_unknown(config, trained)
    lens = _correct_for_focal_length(model, trained, fits)
    left = {*fresh, *(encoder if is_random_encoder else ())}
    random = tuple(name for name, _ in model.named_parameters() if name in left)
    other = _describe_options(config, trained) if fresh else ""
    return StartedModel(model, f"{source} ({taken}{other}{unknown}{lens})", random)


def _takes_encoder_alone(config: ModelConfig, trained: TrainedModel) -> bool:
    return trained.config is not None and trained.config.architecture != config.architecture


def _describe_unknown(config: ModelConfig, trained: TrainedModel) -> str:
    """Return a description of the assumptions on a file without a configuration."""
    if trained.config is not None:
        return ""
    return (
        f"; no {CONFIG_FILE} beside it: taken for {config.depth_space} depth of up to "
        f"{config.max_depth:g} m"
    )


def _correct_for_focal_length(model: DepthModel, trained: TrainedModel, taken: set[str]) -> str:
    """Convert the network's metres to another focal length; return a description.

    Depth is proportional to the focal length in pixels. A randomly initialised output layer is left
    as it is.
    """
    ours, theirs = model.config.training_focal, trained.training_focal
    if not (ours and theirs) or not _output_names(model) <= taken:
        return ""
    ratio = ours / theirs
    if abs(ratio - 1) < INIT_FOCAL_TOLERANCE:
        return ""
    if model.scale_metres(ratio):
        return f"; metres times {ratio:.3g} for the other focal length"
    return f"; metres not multiplied by {ratio:.3g}, the ratio of focal lengths: to be learnt"


def _output_names(model: DepthModel) -> set[str]:
    """Return the parameter names of the output layer; of all layers if there is none."""
    layer = model.output_layer() or model
    own = {id(parameter) for parameter in layer.parameters()}
    return {name for name, parameter in model.named_parameters() if id(parameter) in own}


def _check_compatible(
    config: ModelConfig, section: ModelSection, trained: TrainedModel
) -> ModelConfig:
    """Return the configuration with the normalisation of `trained`, after checking the others.

    Metres and their logarithms do not depend on the depth range; `max_depth / depth` does.
    """
    parent = trained.config
    if parent is None:
        if section.normalization == "auto":
            raise LeadlineError(
                f"{trained.file}: has no {CONFIG_FILE} beside it, which says how the input is "
                "normalised; copy it there, or set model.normalization to imagenet, symmetric "
                "([-1,1]) or unit ([0,1])"
            )
        return config
    # Encoder features have no unit; only a complete network must regress the same quantity.
    is_whole = not _takes_encoder_alone(config, trained)
    fixed = {"channel_order": parent.channel_order}
    if is_whole:
        fixed["depth_space"] = parent.depth_space
    if section.normalization != "auto":
        fixed["normalization"] = parent.normalization
    for key, value in fixed.items():
        if getattr(config, key) != value:
            raise LeadlineError(
                f"model.{key}={getattr(config, key)}: {trained.name} was trained with {value}; "
                f"set model.{key}={value}"
            )
    is_reciprocal = is_whole and config.depth_space == "reciprocal"
    if is_reciprocal and config.max_depth != parent.max_depth:
        raise LeadlineError(
            f"model.max_depth={config.max_depth:g}: {trained.name} regresses "
            f"{parent.max_depth:g} m / depth; set model.max_depth={parent.max_depth:g} "
            "(data.max_depth may be smaller)"
        )
    return replace(config, normalization=parent.normalization)


def _nothing_fits(trained: TrainedModel, config: ModelConfig) -> str:
    if trained.config is None or trained.config.architecture == config.architecture:
        kind, remedy = "", "use the recipe and the options that it was trained with"
    else:
        name = trained.config.architecture
        kind = f", a {name},"
        remedy = f"set model.architecture={name}, or the encoder that it has"
    return (
        f"{trained.file}: none of its {len(trained.tensors)} tensors{kind} fits the network "
        f"{config.architecture} of the recipe; {remedy}"
    )


def _describe_taken(taken: int, total: int, fresh: Sequence[str]) -> str:
    """Return how many tensors a network took over, and the names of the others."""
    if taken == total:
        return f"all {total} tensors"
    if not fresh:
        return f"{taken} of {total} tensors"
    return f"{taken} of {total} tensors; random: {some_names(fresh)}"


def _describe_options(config: ModelConfig, trained: TrainedModel) -> str:
    """Return the options in which a model of the same architecture differs, as for --set."""
    if trained.config is None or trained.config.architecture != config.architecture:
        return ""
    ours, theirs = whole_options(config), whole_options(trained.config)
    other = [
        f"model.options.{name}={json.dumps(value)}"
        for name, value in theirs.items()
        if name != "encoder" and json.dumps(value) != json.dumps(ours[name])
    ]
    return f"; {trained.name} has {', '.join(other)}" if other else ""


def some_names(names: Sequence[str]) -> str:
    """Return the first few names, and the number of the others."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"{', '.join(names[:NAMES_SHOWN])}{more}"
