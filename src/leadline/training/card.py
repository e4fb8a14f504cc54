"""The model card: what a saved model is, in words and numbers, beside its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.io.atomic import atomic_path
from leadline.metrics import METRICS
from leadline.training.recipe import Recipe


def write_card(
    folder: Path, recipe: Recipe, *, facts: Mapping[str, Any], scores: Mapping[str, float]
) -> None:
    """Write `README.md` in the layout that model hubs read (YAML head, then Markdown)."""
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
        *(f"| {name} | {value} |" for name, value in facts.items()),
    ]
    if scores:
        lines += ["", "| validation | |", "| --- | --- |"]
        lines += [f"| {name} | {scores[name]:.4f} |" for name in METRICS]
    lines += ["", "Use: `leadline predict photo.jpg -o out --model .`", ""]
    with atomic_path(folder / "README.md") as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")
