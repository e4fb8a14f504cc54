"""Build a model from its configuration, or load one from a folder."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.models.catalog import CATALOG, find_architecture
from leadline.models.config import ModelConfig, read_config
from leadline.models.encoders import read_state_dict
from leadline.models.options import check_options
from leadline.models.storage import CONFIG_FILE, WEIGHTS_FILE


def create_model(config: ModelConfig, seed: int = 0) -> DepthModel:
    """Build the network described by `config`, with random weights drawn from `seed`.

    The global random state is not changed.
    Errors: LeadlineError for an unknown architecture, encoder or option.
    """
    factory = checked_factory(config.architecture, config.options)
    options = {**CATALOG[config.architecture].options, **config.options}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory(config, **options)


def checked_factory(architecture: str, options: Mapping[str, Any]) -> Callable[..., DepthModel]:
    """Return the factory of an architecture, after checking that it takes these options.

    Errors: LeadlineError for an unknown architecture, or an option it does not have.
    """
    factory = _open_factory(find_architecture(architecture).factory)
    check_options(factory, options, key="model.options", given=("self", "config"))
    return factory


def _open_factory(factory: str | Callable[..., DepthModel]) -> Callable[..., DepthModel]:
    if not isinstance(factory, str):
        return factory
    module, _, name = factory.partition(":")
    opened: Callable[..., DepthModel] = getattr(importlib.import_module(module), name)
    return opened


def whole_options(config: ModelConfig) -> dict[str, Any]:
    """Return all options of the network described by `config`, including defaults.

    Errors: LeadlineError for an unknown architecture or option.
    """
    factory = checked_factory(config.architecture, config.options)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(factory).parameters.items()
        if parameter.default is not parameter.empty
    }
    return {**defaults, **CATALOG[config.architecture].options, **config.options}


def load_model(folder: Path | str) -> DepthModel:
    """Rebuild the model saved in `folder` (`config.json`, `model.safetensors`), in eval mode.

    Nothing is downloaded: the file holds all weights.
    Errors: LeadlineError if a file is missing, damaged or of another model.
    """
    folder = Path(folder)
    config = read_config(folder / CONFIG_FILE)
    try:
        model = create_model(config)
    except LeadlineError as error:
        raise LeadlineError(f"{folder / CONFIG_FILE}: {error}") from error
    state = read_state_dict(folder / WEIGHTS_FILE)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise LeadlineError(
            f"{folder / WEIGHTS_FILE}: does not fit {CONFIG_FILE} beside it ({lines[-1][:160]})"
        ) from error
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise LeadlineError(
                f"{folder / WEIGHTS_FILE}: tensor {name!r} holds numbers that are not finite; "
                "the file is damaged, or of a training that diverged"
            )
    return model.eval()
