"""What is said of photographs that are unlike those that a model was trained on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeGuard

from leadline.errors import LeadlineWarning


def is_novel(novelty: float | None) -> TypeGuard[float]:
    """Return whether a picture of this novelty is unlike the training's; None says nothing."""
    return novelty is not None and novelty > 1


def novelty_words(which: str, model: str | Path, worst: str, whose: str = "their") -> str:
    """Say that pictures are unlike those of the training: "a.jpg is", of a novelty in words."""
    return (
        f"{which} unlike those that {model} was trained on ({worst}; usual is up to 1), and "
        f"{whose} metres may be wrong"
    )


def warn_of_novelty(
    model: str | Path, seen: Sequence[tuple[float | None, str]], noun: str = "pictures"
) -> None:
    """Warn in one line of which pictures, (novelty, name) each, are unlike the training's.

    A single one is called by its name.
    """
    unlike = [(novelty, name) for novelty, name in seen if is_novel(novelty)]
    if not unlike:
        return
    novelty, name = max(unlike)
    if len(seen) == 1:
        words = novelty_words(f"{name} is", model, f"novelty {novelty:.2f}", "its")
    else:
        which = f"{len(unlike)} of {len(seen)} {noun} are"
        words = novelty_words(which, model, f"most {name}, {novelty:.2f}")
    remedy = "fine-tune it on such pictures, or calibrate"
    warnings.warn(f"{words}; {remedy}", LeadlineWarning, stacklevel=3)
