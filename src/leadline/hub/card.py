"""The card of a model: a README with a header that the hub reads."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from leadline.errors import LeadlineError, one_line
from leadline.evaluation.result import Result
from leadline.models.storage import LIBRARY

TASK = "depth-estimation"
HEAD = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
MARK = (
    "<!-- Written by leadline push, anew each time; remove this line to keep words of your own. -->"
)


@dataclass(frozen=True)
class Score:
    """Metrics on some data: its name, protocol and number of images (None if unknown)."""

    data: str
    dataset: str
    protocol: str
    metrics: Mapping[str, float]
    images: int | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of_result(cls, result: Result) -> Score:
        """Build a score from a stored evaluation."""
        return cls(
            # Only the name of the folder, since its local path is private.
            re.split(r"[/\\]", result.data.rstrip("/\\"))[-1],
            result.dataset or "custom",
            result.protocol.name,
            result.metrics,
            result.images_scored,
            tuple(_without_folders(warning, result) for warning in result.warnings),
        )


def model_card(
    name: str,
    config: Mapping[str, Any],
    scores: Sequence[Score],
    license: str | None,
    existing: str | None = None,
) -> str:
    """Return the README of a model: a YAML header, and a description.

    `existing` is its present card, whose header entries are kept, and whose text is kept unless an
    earlier call wrote it. Distances are metres of planar z.
    Errors: LeadlineError for a header that is no YAML.
    """
    existing = (existing or "").replace("\r\n", "\n")
    found = HEAD.match(existing)
    head = _read_head(found[1]) if found else {}
    head |= {"pipeline_tag": TASK, "library_name": LIBRARY}
    head["tags"] = sorted({*head.get("tags", ()), "metric-depth"})
    if license is not None:
        head["license"] = license
    if scores:
        head["model-index"] = [{"name": name, "results": [_entry(score) for score in scores]}]
    body = existing[found.end() if found else 0 :].strip()
    if not body or body.startswith(MARK):
        body = f"{MARK}\n\n{_words(name, config, scores)}"
    return f"{_as_head(head)}\n{body}\n"


def without_scores(card: str) -> str:
    """Return a card without the scores in its header, which belong to other weights.

    Errors: LeadlineError for a header that is no YAML.
    """
    card = card.replace("\r\n", "\n")
    found = HEAD.match(card)
    if found is None:
        return card
    head = _read_head(found[1])
    head.pop("model-index", None)
    return _as_head(head) + card[found.end() :]


def _without_folders(text: str, result: Result) -> str:
    """Remove from a text the folders of a result's model and data."""
    for path in (result.model_path, result.data):
        for folder in Path(path or "").parents:
            if folder.name:
                # Not within a longer path or word: "a/" is no part of "data/".
                text = re.sub(rf"(?<![\w./\\-]){re.escape(f'{folder}{os.sep}')}", "", text)
    return text


def _as_head(head: dict[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n"


def _read_head(text: str) -> dict[str, Any]:
    try:
        head = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LeadlineError(
            f"the head of the card is no YAML ({one_line(error)[:200]}); mend its README.md"
        ) from error
    return head if isinstance(head, dict) else {}


def _entry(score: Score) -> dict[str, Any]:
    metrics = [
        {"type": metric, "name": f"{metric} ({score.protocol})", "value": round(value, 6)}
        for metric, value in score.metrics.items()
    ]
    return {
        "task": {"type": TASK, "name": "Depth estimation"},
        "dataset": {"type": score.dataset, "name": score.data},
        "metrics": metrics,
    }


def _words(name: str, config: Mapping[str, Any], scores: Sequence[Score]) -> str:
    lines = [
        f"# {name}",
        "",
        f"A `{config.get('architecture')}` network of [Leadline]: one RGB photograph in, depth in "
        f"metres out (planar z along the optical axis), up to {config.get('max_depth', 0):g} m.",
        "`model.safetensors` is the checkpoint; `model.onnx` holds the same network with resizing "
        "and normalisation inside, and needs no torch.",
        "",
        "```python",
        "import leadline",
        "",
        f'depth_map = leadline.load("hf:USER/{name}")("photo.jpg")',
        "```",
    ]
    for score in scores:
        images = "" if score.images is None else f", {score.images} images"
        lines += ["", f"| {score.data} (protocol `{score.protocol}`{images}) | |", "| --- | --- |"]
        lines += [f"| {metric} | {value:.4f} |" for metric, value in score.metrics.items()]
        lines += [f"\nWarning: {warning}." for warning in score.warnings]
    return "\n".join([*lines, "", "[Leadline]: https://pypi.org/project/leadline"])
