"""Files saved by a run: checkpoints to resume from, and the best model with its card."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from leadline.errors import LeadlineError
from leadline.export.sidecar import sidecar_path
from leadline.io.atomic import atomic_path, write_text
from leadline.io.locks import LOCK_FILE
from leadline.metrics import METRICS
from leadline.models.base import DepthModel
from leadline.training.recipe import Recipe
from leadline.training.run_folder import CHECKPOINTS, MODEL, resume_command
from leadline.weights import GRAPH_FILE

LAST, BEFORE = "last.ckpt", "before_last.ckpt"


def save_checkpoint(folder: Path, state: dict[str, Any], same_step: bool = False) -> None:
    """Write `state` as the newest checkpoint of a run; keep the previous one as a fallback.

    With `same_step` the newest is replaced, since the fallback should be of an earlier step.
    Errors: LeadlineError if the file cannot be written; the previous checkpoint is then intact.
    """
    newest = folder / LAST
    try:
        with atomic_path(newest) as temporary:
            torch.save(state, temporary)
            _flush_to_disk(temporary)
            if newest.exists() and not same_step:
                newest.replace(folder / BEFORE)
    except RuntimeError as error:  # torch's zip writer does not raise OSError on a full disk
        safe = any((folder / name).exists() for name in (LAST, BEFORE))
        remedy = (
            f"the one before it is intact: free space, then {resume_command(folder.parent)}"
            if safe
            else f"no earlier one exists: free space, remove {folder.parent} and train again"
        )
        raise LeadlineError(
            f"{newest}: the checkpoint cannot be written (is the disk full?); {remedy}"
        ) from error


def _flush_to_disk(path: Path) -> None:
    """Flush a file to disk: if renamed before that, a power cut could leave it empty."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def remove_leftovers(run: Path) -> None:
    """Remove partial files left by a killed process in the folder of a run."""
    for folder in (run, run / CHECKPOINTS, run / MODEL):
        for path in folder.glob(".leadline-*"):
            if path.is_file() and path.name != LOCK_FILE:
                path.unlink(missing_ok=True)


def load_checkpoint(folder: Path) -> tuple[dict[str, Any], str | None]:
    """Return the newest readable checkpoint, and a warning if it is not the newest file.

    Only tensors and plain values are read; no code in a checkpoint is run.
    Errors: LeadlineError if no checkpoint can be read.
    """
    problems: list[str] = []
    for name in (LAST, BEFORE):
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
            continue
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if not isinstance(state, dict) or "step" not in state:
                raise ValueError("not a checkpoint of a run")
        except Exception as error:  # torch raises many types for a damaged file
            problems.append(f"{name} is unreadable ({type(error).__name__})")
            continue
        return state, (f"{'; '.join(problems)}: going on from {name}" if problems else None)
    raise LeadlineError(
        f"{folder}: no checkpoint to resume from: {'; '.join(problems)}; start it again as it was "
        f"started, with --out {folder.parent}"
    )


def save_best_model(
    folder: Path,
    model: DepthModel,
    recipe: Recipe,
    *,
    training: Mapping[str, Any],
    scores: Mapping[str, float],
) -> None:
    """Write weights, configuration and model card into the folder `model/` of a run.

    `training` are the rows of the card about the training, `scores` those of the validation.
    An exported file of earlier weights is removed first, since it would no longer fit.
    """
    for graph in (folder / GRAPH_FILE, sidecar_path(folder / GRAPH_FILE)):
        graph.unlink(missing_ok=True)
    model.save(folder)
    write_text(folder / "README.md", _card(recipe, training, scores))


def _card(recipe: Recipe, training: Mapping[str, Any], scores: Mapping[str, float]) -> str:
    """Return a model card in the layout of model hubs (YAML header, then Markdown)."""
    lines = [
        "---",
        "pipeline_tag: depth-estimation",
        "library_name: leadline",
        "---",
        "",
        f"# {recipe.name}",
        "",
        recipe.description,
        "",
        "One RGB photograph in, depth in metres out (planar z along the optical axis).",
        "",
        "| training | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in training.items()),
    ]
    if scores:
        lines += ["", "| validation | |", "| --- | --- |"]
        lines += [f"| {name} | {scores[name]:.4f} |" for name in METRICS]
    lines += ["", "Use: `leadline predict photo.jpg -o out --model .`", ""]
    return "\n".join(lines)
