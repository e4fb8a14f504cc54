"""How a network is stored in a folder: file names, and the type of the weights."""

from pathlib import Path
from typing import Literal, get_args

from leadline.errors import LeadlineError
from leadline.io.checksums import safetensors_header
from leadline.io.files import read_bytes

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
LIBRARY_KEY = "library_name"
"""Config key of the library a model is for, in folders that other libraries may read."""
LIBRARY = "leadline"

WeightType = Literal["f32", "fp16"]
"""Storage type of weights; fp16 halves the size of a file."""

SMALLEST_HALVED = 1024
"""Tensors with fewer numbers stay float32: they take little space and hold biases and scales."""


def model_folder(path: Path) -> Path | None:
    """Return the model folder of `path`, a run or a model folder; None if it is neither."""
    folders = (path, path / "model")
    return next((folder for folder in folders if (folder / CONFIG_FILE).is_file()), None)


def check_weight_type(weights: str) -> None:
    """Raise LeadlineError for an unknown storage type of weights."""
    if weights not in get_args(WeightType):
        raise LeadlineError(f"weights {weights!r}: choose one of {', '.join(get_args(WeightType))}")


def stored_type(path: Path) -> WeightType:
    """Return the storage type of the large tensors of a `.safetensors` file.

    Errors: LeadlineError for a missing or invalid file.
    """
    header, _ = safetensors_header(path, read_bytes(path, "weights file"))
    tensors = [entry for name, entry in header.items() if name != "__metadata__"]
    return "fp16" if any(entry["dtype"] == "F16" for entry in tensors) else "f32"
