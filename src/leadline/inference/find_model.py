"""Find the files of a model name: a shipped model, a run or folder, an exported file, the hub."""

from __future__ import annotations

from pathlib import Path

from leadline.errors import LeadlineError
from leadline.inference.transformers_runtime import is_of_transformers
from leadline.io.files import check_ordinary
from leadline.io.hub import HUB, fetch_model, is_on_hub
from leadline.models.storage import model_folder
from leadline.weights import GRAPH_FILE, shipped_checkpoint, shipped_models


def find_checkpoint(name_or_path: str | Path) -> Path:
    """Return the model folder of a shipped model, a run, a `model/` folder or a hub model.

    Errors: LeadlineError if there is none, as for an exported file.

    >>> find_checkpoint("compact-nyu").name
    'compact-nyu'
    """
    path = _find(name_or_path)
    if not path.is_dir():
        raise LeadlineError(
            f"{path}: an exported file is no checkpoint; give a run folder, a model/ folder or "
            f"a shipped model ({', '.join(shipped_models())})"
        )
    return path


def find_model(name_or_path: str | Path) -> Path:
    """Return the exported file or the model folder of a name or path.

    If a folder holds both, the exported file is returned.
    """
    path = _find(name_or_path)
    graph = path / GRAPH_FILE
    return graph if graph.is_file() and not is_of_transformers(path) else path


def _find(name_or_path: str | Path) -> Path:
    """Return an exported file or a model folder."""
    if str(name_or_path) in shipped_models():
        return shipped_checkpoint(str(name_or_path))
    path = fetch_model(str(name_or_path)) if is_on_hub(name_or_path) else Path(name_or_path)
    if path.is_dir():
        if (folder := model_folder(path)) is not None:
            return folder
        raise LeadlineError(
            f"{path}: no model in this folder (no config.json, no model/config.json); "
            "a run writes model/ after its first validation"
        )
    if not path.exists():
        known = ", ".join(shipped_models()) or "none"
        raise LeadlineError(
            f"model {str(name_or_path)!r}: no such file or folder, nor a shipped model ({known})"
        )
    check_ordinary(path)
    if path.suffix not in {".onnx", ".xml"}:
        raise LeadlineError(
            f"{path}: not a model file; give a run folder, a model/ folder, an .onnx or an .xml"
        )
    return path


def model_name(name_or_path: str | Path, path: Path) -> str:
    """Return the name of the model in `path`: of a shipped model, of its run, or of its file."""
    if str(name_or_path) in shipped_models():
        return str(name_or_path)
    if is_on_hub(name_or_path):
        return Path(str(name_or_path).removeprefix(HUB).partition("@")[0]).resolve().name
    if path.is_file() and Path(name_or_path).is_file():
        return path.stem
    folder = (path.parent if path.is_file() else path).resolve()
    return folder.parent.name if folder.name == "model" else folder.name


def absolute_model(name_or_path: str | Path) -> str | Path:
    """Return a name of the same model that is valid in another working folder."""
    if str(name_or_path) in shipped_models():
        return name_or_path
    if not is_on_hub(name_or_path):
        return Path(name_or_path).absolute()
    folder = Path(str(name_or_path).removeprefix(HUB))
    return f"{HUB}{folder.absolute()}" if folder.is_dir() else name_or_path
