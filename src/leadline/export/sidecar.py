"""The description of an exported file, for people and servers: a small JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.datasets.trained_on import RECIPE_FILE
from leadline.inference.runtime import LEAST_VALIDITY, NOVELTY, UNCERTAINTY, VALIDITY
from leadline.io.atomic import write_json
from leadline.io.checksums import safetensors_seal, sha256
from leadline.io.metadata import KIND
from leadline.models.storage import CONFIG_FILE, WEIGHTS_FILE


def describe(
    name: str,
    folder: Path,
    input_channels: str,
    weights: str,
    precision: str = "f32",
    beside: str | Path | None = None,
) -> dict[str, Any]:
    """Return unit, size policy, camera, recipe and origin of an export of the model in `folder`.

    The file itself holds the same under `ABOUT_KEY`. `beside` is a copy of the checkpoint beside
    which the file will be placed, if any.
    """
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    recipe, checkpoint = folder.parent / RECIPE_FILE, Path(beside or folder / WEIGHTS_FILE)
    options = config.get("options", {})
    return {
        **{
            output: {"name": output, "type": "float32", **about(config)}
            for output, about in _FURTHER_OUTPUTS.items()
            if options.get(output)
        },
        "model": name,
        "checkpoint_sha256": sha256(checkpoint) if checkpoint.is_file() else None,
        "checkpoint_seal": safetensors_seal(checkpoint) if checkpoint.is_file() else None,
        "recipe_sha256": sha256(recipe) if recipe.is_file() else None,
        "input": {"name": "image", "type": "uint8", "shape": "N,H,W,3", "channels": input_channels},
        "output": {"name": "depth", "type": "float32", "shape": "N,H,W", "holds": KIND},
        "size_policy": {
            "training_area": config.get("training_area"),
            "stride": config.get("stride"),
            "rule": "aspect ratio kept, about training_area pixels, sides rounded to stride",
        },
        "camera": {
            "training_focal": config.get("training_focal"),
            "rule": "metres x focal length of the picture / training_focal, both in pixels of the "
            "processed size",
        },
        "weights": weights,
        "precision": precision,
    }


def _describe_uncertainty(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "shape": "N,H,W",
        "holds": "b, the scale of a Laplace distribution of ln(metres)",
        "rule": "of the true depths, P % lie in depth * exp(-+ interval_factors[P] * b)",
        "interval_factors": config.get("interval_factors", {}),
    }


def _describe_validity(_config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "shape": "N,H,W",
        "holds": "the probability that there is a depth; the sky has none",
        "rule": f"where it is below {LEAST_VALIDITY}, depth means nothing",
    }


def _describe_novelty(_config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "shape": "N",
        "holds": "how unlike a photograph is to those that the model was trained on",
        "rule": "above 1 it is farther from them than 95 % of them are, and depth may be wrong",
    }


_FURTHER_OUTPUTS = {
    UNCERTAINTY: _describe_uncertainty,
    VALIDITY: _describe_validity,
    NOVELTY: _describe_novelty,
}
"""Optional float32 outputs beside depth, by the name of the option and of the output."""


def write_export_sidecar(path: Path, about: Mapping[str, Any], gate: Mapping[str, Any]) -> Path:
    """Write `<name>.json` beside an exported file: the description `about`, SHA-256 and gate."""
    files = [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
    sums = {file.name: sha256(file) for file in files}
    sidecar = sidecar_path(path)
    write_json(sidecar, {**about, "sha256": sums, "gate": gate})
    return sidecar


def sidecar_path(path: Path) -> Path:
    """Return the path of the JSON that describes an exported file."""
    return path.with_name(path.name + ".json")
