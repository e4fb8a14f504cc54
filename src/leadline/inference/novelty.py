"""Warnings about photographs that are unlike the training data of a model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeGuard

from leadline.errors import LeadlineWarning


def is_novel(novelty: float | None) -> TypeGuard[float]:
    """Return whether a novelty means unlike the training data; None means unknown."""
    return novelty is not None and novelty > 1


def novelty_words(which: str, model: str | Path, worst: str, whose: str = "their") -> str:
    """Return a warning text on pictures; `which` includes the verb, as in "a.jpg is"."""
    return (
        f"{which} unlike those that {model} was trained on ({worst}; usual is up to 1), and "
        f"{whose} metres may be wrong"
    )


def warn_of_novelty(
    model: str | Path, seen: Sequence[tuple[float | None, str]], noun: str = "pictures"
) -> None:
    """Warn in one line of the pictures, given as (novelty, name), that are unlike the training's.

    If there is only one picture, the warning names it.
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
