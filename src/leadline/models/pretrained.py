"""Loading models in the style of Hugging Face: from a folder or the hub."""

from __future__ import annotations

from pathlib import Path

from leadline.errors import LeadlineError
from leadline.io.hub import HUB, fetch_model
from leadline.models.base import DepthModel
from leadline.models.build import load_model
from leadline.models.storage import CONFIG_FILE, model_folder


def load_pretrained(name_or_path: str | Path) -> DepthModel:
    """Return the model of a folder, a run, or USER/NAME on the hub; see `DepthModel`."""
    name = str(name_or_path).removeprefix(HUB)
    path = Path(name)
    folder = path if path.is_dir() else fetch_model(HUB + name)
    found = model_folder(folder)
    if found is None:
        raise LeadlineError(f"{folder}: no model in this folder (no {CONFIG_FILE})")
    return load_model(found)
