"""Lettering for depth pictures: the metre scale beside them and the title over them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_STAND_INS = str.maketrans({"×": "x", "–": "-", "—": "-", "ß": "ss", "ø": "o", "µ": "u"})
_ROUNDING = 1e-6  # 2.4 / 0.05 is 47.99999999999999


@dataclass(frozen=True)
class Theme:
    """The colours, RGB, of lettering and what it stands on."""

    paper: tuple[int, int, int]
    ink: tuple[int, int, int]
    tick: tuple[int, int, int]
    frame: tuple[int, int, int]


DARK = Theme(paper=(17, 18, 21), ink=(235, 235, 235), tick=(150, 150, 150), frame=(90, 90, 96))
LIGHT = Theme(paper=(255, 255, 255), ink=(28, 30, 34), tick=(110, 112, 118), frame=(160, 162, 168))


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` (at least 2) increasing multiples of 1, 2 or 5 x 10^k in low..high.

    Falls back to the middle of the range if no such multiple lies inside it.
    """
    most = max(2, most)
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10, 20):
        first = math.ceil(low / (factor * step) - _ROUNDING)
        last = math.floor(high / (factor * step) + _ROUNDING)
        if last - first + 1 <= most:
            ticks = [index * factor * step for index in range(first, last + 1)]
            return ticks or [(low + high) / 2]
    return [(low + high) / 2]


def tick_labels(ticks: list[float]) -> list[str]:
    """Return "1.0 m", "1.5 m", ...: enough decimals to tell the ticks apart, one below 10 m."""
    step = min((b - a for a, b in pairwise(ticks)), default=ticks[0] or 1.0)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if ticks[-1] < 10:
        decimals = max(1, decimals)
    return [f"{tick:.{decimals}f} m" for tick in ticks]


def nearness_labels(ticks: list[float]) -> list[str]:
    """Return "far" and "near" at the ends of a scale without unit, and nothing between."""
    between = [""] * (len(ticks) - 2)
    return ["far", *between, "near"] if len(ticks) > 1 else ["near"]


def draw_scale_bar(
    picture: NDArray[np.uint8],
    table: NDArray[np.uint8],
    low: float,
    high: float,
    labels: Callable[[list[float]], list[str]] = tick_labels,
) -> NDArray[np.uint8]:
    """Return (H,W',3): the picture (H,W,3) with a scale from `low` (bottom) to `high` m beside it.

    `table` is (256,3), the colours from `low` to `high`. A picture too low for lettering gets the
    colours without figures.
    """
    height, size = int(picture.shape[0]), letter_size(picture)
    panel = scale_panel(height, size, table, low, high, labels=labels)
    return np.concatenate([picture, panel], axis=1)


def scale_panel(
    height: int,
    size: int,
    table: NDArray[np.uint8],
    low: float,
    high: float,
    *,
    labels: Callable[[list[float]], list[str]] = tick_labels,
    theme: Theme = DARK,
) -> NDArray[np.uint8]:
    """Return a scale alone, (height,W,3) uint8, lettered `size` pixels high.

    `table` is (256,3), the colours from `low` (bottom) to `high`; `labels` writes the figures at
    its round values. A panel too low for lettering gets the colours without figures.
    """
    from PIL import Image, ImageDraw

    lettered = height >= 4 * size
    margin = round(0.9 * size) if lettered else 0
    bar_height = height - 2 * margin
    most = min(11, int(bar_height / (2.6 * size)) + 1)
    ticks = round_ticks(low, high, most) if lettered else []
    texts = labels(ticks) if ticks else []
    font = letters(size)
    pad, bar_width, gap = round(0.8 * size), round(1.1 * size), round(0.45 * size)
    text_width = math.ceil(max((font.getlength(text) for text in texts), default=-2 * gap))
    panel = np.full(
        (height, pad + bar_width + 2 * gap + text_width + pad, 3), theme.paper, np.uint8
    )
    ramp = np.linspace(255, 0, bar_height).round().astype(np.uint8)
    panel[margin : margin + bar_height, pad : pad + bar_width] = table[ramp][:, None]

    image = Image.fromarray(panel)
    draw = ImageDraw.Draw(image)
    stroke = max(1, round(size / 14))
    box = (pad - 1, margin - 1, pad + bar_width, margin + bar_height)
    draw.rectangle(box, outline=theme.frame)  # a map's dark end would melt into the panel
    for tick, text in zip(ticks, texts, strict=True):
        y = margin + (high - tick) / (high - low) * (bar_height - 1)
        left = pad + bar_width
        draw.line([(left, y), (left + gap - 1, y)], fill=theme.tick, width=stroke)
        draw.text((left + 2 * gap, y), text, fill=theme.ink, font=font, anchor="lm")
    return np.asarray(image)


def draw_title(picture: NDArray[np.uint8], title: str) -> NDArray[np.uint8]:
    """Return the picture, (H,W,3), with `title` on a dark plate in its top left corner.

    A title wider than the picture is cut short with an ellipsis; a picture too low or too narrow
    for lettering is returned as it is.
    """
    from PIL import Image, ImageDraw

    height, width = int(picture.shape[0]), int(picture.shape[1])
    size = letter_size(picture)
    font = letters(size)
    inset, pad = round(0.6 * size), round(0.5 * size)
    title = fit_text(spellable(title), font, width - 2 * (inset + pad))
    if not title or height < 3 * size:
        return picture
    box = (inset, inset, inset + math.ceil(font.getlength(title)) + 2 * pad, inset + 2 * size)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rounded_rectangle(box, radius=round(0.4 * size), fill=(*DARK.paper, 200))
    draw.text((inset + pad, inset + size), title, fill=DARK.ink, font=font, anchor="lm")
    return np.asarray(image)


def letter_size(picture: NDArray[np.uint8]) -> int:
    """Letters grow with the picture, but never below what can be read."""
    height, width = int(picture.shape[0]), int(picture.shape[1])
    return max(11, round(min(0.05 * height, 0.034 * math.sqrt(float(height * width)))))


def letters(size: int) -> Font:
    """Return the built-in letters, `size` pixels high."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def spellable(title: str) -> str:
    """Return `title` without the accents and signs that Pillow's built-in letters lack."""
    plain = unicodedata.normalize("NFKD", title.translate(_STAND_INS))
    return " ".join("".join(sign for sign in plain if not unicodedata.combining(sign)).split())


def fit_text(title: str, font: Font, room: int) -> str:
    """Return `title`, cut short with an ellipsis where it is wider than `room` pixels."""
    if font.getlength(title) <= room:
        return title
    while title and font.getlength(title + "…") > room:
        title = title[:-1]
    return title + "…" if title else ""
