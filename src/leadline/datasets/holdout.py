"""Hold out samples for validation: single samples, or whole scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError

SplitBy = Literal["sample", "scene"]


def hold_out(
    data: DepthDataset, order: Sequence[int], fraction: float, split_by: SplitBy
) -> list[int]:
    """Return the validation samples of `order`, a random order of indices.

    `sample`: the first `fraction` of them. `scene`: whole scenes, in order of appearance, as long
    as they bring the number closer to that fraction, but at least one.
    Errors: LeadlineError if nothing would be left to train on.
    """
    count = round(len(order) * fraction)
    if fraction == 0 or (count == 0 and split_by == "sample"):
        return []
    held = list(order[:count]) if split_by == "sample" else _scenes(data, order, count)
    if len(held) >= len(order):
        scene = "; all are of one scene" if split_by == "scene" else ""
        raise LeadlineError(
            f"{data.root}: val_fraction {fraction} of {len(order)} samples leaves none to train on"
            f"{scene}"
        )
    return held


def _scenes(data: DepthDataset, order: Sequence[int], count: int) -> list[int]:
    names = data.scenes()
    members: dict[str, list[int]] = {}
    for index in order:
        members.setdefault(names[index], []).append(index)
    held: list[int] = []
    for scene in members.values():
        if not held or abs(len(held) + len(scene) - count) < abs(len(held) - count):
            held += scene
    return held
