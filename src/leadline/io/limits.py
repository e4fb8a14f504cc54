"""One limit on how much a picture or a depth map may unpack to, whatever its format."""

from __future__ import annotations

import os
from pathlib import Path

from leadline.errors import LeadlineError

USUAL_MOST_PIXELS = 178_956_970
"""Where Pillow refuses a picture as a decompression bomb."""

OPTION = "LEADLINE_MAX_PIXELS"
"""The environment variable that raises the limit."""


def most_pixels() -> int:
    """Return how many pixels a picture or a depth map may have.

    Errors: LeadlineError where the environment variable is no number.
    """
    given = os.environ.get(OPTION, "")
    if not given:
        return USUAL_MOST_PIXELS
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise LeadlineError(f"{OPTION}={given[:80]}: expected a number of pixels, at least 1")
    return int(given)


def check_pixels(path: Path | str, pixels: int) -> None:
    """Raise LeadlineError where a file holds more pixels than the limit."""
    if pixels > most_pixels():
        raise LeadlineError(
            f"{path}: holds {pixels:,} values, more than {most_pixels():,}; crop it, or raise the "
            f"limit with the environment variable {OPTION}"
        )
