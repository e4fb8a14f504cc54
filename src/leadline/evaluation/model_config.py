"""Find the config in which a measured property of a model is stored."""

from __future__ import annotations

from pathlib import Path

from leadline.errors import LeadlineError
from leadline.inference.find_model import find_checkpoint, find_model
from leadline.io.atomic import check_writable
from leadline.io.hub import HUB, is_on_hub
from leadline.models.storage import CONFIG_FILE


def config_to_store_in(model: str | Path, number: str) -> Path:
    """Return the `config.json` of a model folder in which `number` can be stored.

    An exported file in the folder must then be exported again.
    Errors: LeadlineError for an exported file, the hub's own copy, or a read-only folder.
    """
    if is_on_hub(model) and not Path(str(model).removeprefix(HUB)).is_dir():
        raise LeadlineError(
            f"{model}: is the hub's own copy; store the {number} with a folder of yours"
        )
    is_folder = Path(str(model).removeprefix(HUB)).is_dir()
    folder = find_checkpoint(model) if is_folder else find_model(model)
    if not folder.is_dir():
        raise LeadlineError(
            f"{folder}: its config lies inside of the file; store the {number} with its model "
            "folder, then export that again"
        )
    check_writable(folder)
    return folder / CONFIG_FILE
