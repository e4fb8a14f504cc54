"""A run as a repository of the hub: what `leadline push` does."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.evaluation.result import Result
from leadline.export import WeightType
from leadline.export.export_model import export_model
from leadline.export.files import CARD, copy_checkpoint, copy_graph
from leadline.hub.card import Score, model_card, without_scores
from leadline.inference.find_model import find_checkpoint, model_name
from leadline.inference.transformers_runtime import is_of_transformers
from leadline.io.atomic import check_writable, write_json, write_text
from leadline.io.files import read_json
from leadline.io.hub import HUB, fetch_text, send_folder
from leadline.io.staging import staged
from leadline.metrics import METRICS
from leadline.models.storage import CONFIG_FILE, LIBRARY, LIBRARY_KEY, WEIGHTS_FILE, stored_type
from leadline.training.run_folder import Run, is_run
from leadline.weights import GRAPH_FILE, shipped_graph, shipped_models

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class PushedModel:
    """The destination of a model, its files with their sizes in bytes, and its number of scores.

    `address` is that of the repository, or the folder.
    """

    address: str
    name: str
    files: dict[str, int]
    license: str | None
    scores: int


def push(
    checkpoint: str | Path,
    to: str | None = None,
    *,
    out: str | Path | None = None,
    private: bool = False,
    license: str | None = None,
    results: Sequence[str | Path] = (),
    weights: WeightType | None = None,
    message: str = "A model of Leadline",
) -> PushedModel:
    """Upload a run, a model folder or a shipped model to the hub, or write it to a folder.

    `to` is USER/NAME, which is created if necessary; `out` is a folder with the same layout:
    checkpoint, configuration, card, and the exported `model.onnx`, which is written only if it
    gives the metres of the checkpoint. The text of an existing card in the folder, or else in the
    repository, is kept. The card's `model-index` are the `results`, folders of `leadline evaluate
    -o`, whose warnings are repeated; by default the best validation of the run. `license` is a
    licence name of the hub, for instance apache-2.0; by default that of the card in the folder, if
    any. `weights` is their storage type, f32 or fp16, by default unchanged. Needs `leadline[hub]`,
    and `leadline[train]` for a model that is not shipped.

    Errors: LeadlineError for a missing model, an invalid name, or if the hub refuses.
    """
    if (to is None) == (out is None):
        raise LeadlineError("give --to USER/NAME or -o FOLDER, one of both")
    if out is not None:
        _check_free(Path(out))
    repo = None if to is None else to.removeprefix(HUB)
    if repo is not None and not _REPOSITORY.fullmatch(repo):
        raise LeadlineError(f"{to}: expected USER/NAME")
    folder = find_checkpoint(checkpoint)
    if is_of_transformers(folder):
        raise LeadlineError(
            f"{checkpoint}: is a model of transformers; its own push_to_hub sends it"
        )
    name = model_name(checkpoint, folder) if repo is None else repo.partition("/")[2]
    card = _existing_card(folder, repo)
    scores = [Score.of_result(Result.load(path)) for path in results] or _own_scores(folder)
    for warning in dict.fromkeys(each for score in scores for each in score.warnings):
        warnings.warn(warning, LeadlineWarning, stacklevel=2)
    with TemporaryDirectory() as temporary:
        made = Path(temporary) / name
        licensed = _write(checkpoint, made, weights, name, scores, license, card)
        if out is not None:
            address = str(_copy(made, Path(out)))
        else:
            address = send_folder(made, str(repo), private=private, message=message)
        files = {path.name: path.stat().st_size for path in sorted(made.iterdir())}
    return PushedModel(address, name, files, licensed, len(scores))


def _write(
    checkpoint: str | Path,
    folder: Path,
    weights: WeightType | None,
    name: str,
    scores: Sequence[Score],
    license: str | None,
    existing: str | None,
) -> str | None:
    """Write the files of a repository into `folder`; return the licence stated in its card."""
    model_folder = find_checkpoint(checkpoint)
    stored = stored_type(model_folder / WEIGHTS_FILE)
    copy_checkpoint(model_folder, folder, weights or stored)
    if str(checkpoint) in shipped_models() and weights in (None, stored):
        copy_graph(shipped_graph(str(checkpoint)), folder / GRAPH_FILE)
    else:
        with TemporaryDirectory() as temporary:
            graph = Path(temporary) / GRAPH_FILE
            export_model(checkpoint, graph, weights=weights, beside=folder / WEIGHTS_FILE)
            shutil.move(graph, folder / GRAPH_FILE)
    config = read_json(folder / CONFIG_FILE, "model's configuration")
    write_json(folder / CONFIG_FILE, {LIBRARY_KEY: LIBRARY, **config})
    text = model_card(name, config, scores, license, existing)
    write_text(folder / CARD, text)
    stated = re.search(r"^license: *(.+)$", text.partition("\n---\n")[0], re.MULTILINE)
    return stated[1] if stated else None


def _existing_card(folder: Path, repo: str | None) -> str | None:
    """Return the card of a model folder, else that of the repository without its scores."""
    card = folder / CARD
    if card.is_file():
        return card.read_text(encoding="utf-8")
    there = None if repo is None else fetch_text(repo, CARD)
    return None if there is None else without_scores(there)


def _own_scores(folder: Path) -> list[Score]:
    """Return the validation scores of the saved model, if its folder belongs to a run."""
    if not is_run(folder.parent):
        return []
    run = Run.open(folder.parent)
    kept = run.kept
    metrics = {metric: kept[metric] for metric in METRICS if kept.get(metric) is not None}
    if not metrics:
        return []
    protocol = (run.status.protocol if run.status else None) or "unknown"
    data = "validation images" + (f" of {Path(run.data).name}" if run.data else "")
    return [Score(data, "custom", protocol, metrics)]


def _check_free(out: Path) -> None:
    """Raise LeadlineError if a folder cannot be written, or is not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LeadlineError(f"{out}: exists already; choose another -o")
    check_writable(out)


def _copy(made: Path, out: Path) -> Path:
    with staged(out, last=CONFIG_FILE) as stage:
        for path in made.iterdir():
            shutil.copyfile(path, stage / path.name)
    return out
