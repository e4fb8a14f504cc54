"""The card of a model: a README whose head the hub reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from leadline.evaluation.result import Result
from leadline.models.storage import LIBRARY

TASK = "depth-estimation"
HEAD = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Score:
    """Metrics on some data: its name, the protocol, the number of images, None where unknown."""

    data: str
    dataset: str
    protocol: str
    metrics: Mapping[str, float]
    images: int | None = None

    @classmethod
    def of_result(cls, result: Result) -> Score:
        """Take what a stored evaluation says."""
        return cls(
            # The name of the folder alone: where it lay on somebody's machine is nobody's business.
            re.split(r"[/\\]", result.data.rstrip("/\\"))[-1],
            result.dataset or "custom",
            result.protocol.name,
            result.metrics,
            result.images_scored,
        )


def model_card(
    name: str,
    config: Mapping[str, Any],
    scores: Sequence[Score],
    license: str | None,
    existing: str | None = None,
) -> str:
    """Return the README of a model: a head in YAML, and what it is in words.

    `existing` is a card that it has already, whose words and entries stay. Distances are metres of
    planar z.
    """
    found = HEAD.match(existing or "")
    head: dict[str, Any] = (yaml.safe_load(found[1]) if found else None) or {}
    head |= {"pipeline_tag": TASK, "library_name": LIBRARY}
    head["tags"] = sorted({*head.get("tags", ()), "metric-depth"})
    if license is not None:
        head["license"] = license
    if scores:
        head["model-index"] = [{"name": name, "results": [_entry(score) for score in scores]}]
    body = (existing or "")[found.end() if found else 0 :].strip()
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n\n{body or _words(name, config, scores)}\n"


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
    return "\n".join([*lines, "", "[Leadline]: https://pypi.org/project/leadline"])
