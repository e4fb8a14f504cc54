"""Figures as documents print them: captioned pictures in rows and columns, scales beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.viz.scale_bar import (
    LIGHT,
    Theme,
    fit_text,
    letters,
    scale_panel,
    spellable,
    tick_labels,
)

if TYPE_CHECKING:
    from leadline.viz.scale_bar import Font

LONGEST_SIDE = 65_500
"""Pixels: JPEG and many viewers take no more."""


LOWEST_SCALE = 9
"""Letter heights: lower, a scale has no room for figures."""


@dataclass(frozen=True, eq=False)
class Cell:
    """A picture, (H,W,3) uint8, and the line under it."""

    picture: NDArray[np.uint8]
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Scale:
    """A bar of colours, `table` (256,3) from `low` to `high`, with what it means over it."""

    title: str
    table: NDArray[np.uint8]
    low: float
    high: float
    labels: Callable[[list[float]], list[str]] = tick_labels


def draw_figure(
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell | None]],
    scales: Sequence[Scale] = (),
    *,
    width: int = 320,
    tallest: float | None = None,
    theme: Theme = LIGHT,
) -> NDArray[np.uint8]:
    """Return one picture (H,W,3) uint8: a headed column for each of `columns`, scales at the right.

    Every picture is drawn `width` pixels wide with its own aspect ratio, or narrower where it would
    be higher than `tallest` times that. A row is as high as its highest picture, and all stand on
    their captions; a None leaves its place empty. The scales share the height of the first row
    or two.
    Errors: LeadlineError where the figure would be larger than picture files allow.
    """
    size = max(12, round(width / 21))
    gap = round(0.6 * size)
    line = 2 * size
    sizes = [
        [None if cell is None else _shown_size(cell.picture, width, tallest) for cell in row]
        for row in rows
    ]
    heights = [max((size[1] for size in row if size), default=0) for row in sizes]
    below = [line + gap if any(cell and cell.caption for cell in row) else line for row in rows]
    total = line + sum(heights) + sum(below)
    if total > LONGEST_SIDE or len(columns) * (width + gap) > LONGEST_SIDE:
        raise LeadlineError(
            f"a figure of {len(rows)} rows and {len(columns)} columns is too large for a picture; "
            "ask for fewer images"
        )
    sheet = np.full((total, len(columns) * (width + gap) - gap, 3), theme.paper, dtype=np.uint8)
    lines: list[tuple[int, int, str]] = []
    for column, heading in enumerate(columns):
        lines.append((column * (width + gap), 0, heading))
    top = line
    for row, shown, height, space in zip(rows, sizes, heights, below, strict=True):
        for column, (cell, fitted) in enumerate(zip(row, shown, strict=True)):
            if cell is None or fitted is None:
                continue
            left = column * (width + gap)
            x, y = left + (width - fitted[0]) // 2, top + height - fitted[1]
            sheet[y : y + fitted[1], x : x + fitted[0]] = _resized(cell.picture, fitted)
            lines.append((left, top + height, cell.caption))
        top += height + space
    written = _write_lines(sheet, lines, letters(size), width, line, theme)
    if not scales:
        return written
    beside = _scale_column(scales, heights, size, theme)
    both = [_lengthened(part, max(total, beside.shape[0]), theme) for part in (written, beside)]
    return np.concatenate(both, axis=1)


def _lengthened(part: NDArray[np.uint8], height: int, theme: Theme) -> NDArray[np.uint8]:
    paper = np.full((height - part.shape[0], part.shape[1], 3), theme.paper, dtype=np.uint8)
    return np.concatenate([part, paper])


def _shown_size(picture: NDArray[np.uint8], width: int, tallest: float | None) -> tuple[int, int]:
    """Return (width, height) at which a picture is drawn."""
    aspect = picture.shape[0] / picture.shape[1]
    if tallest is not None and aspect > tallest:
        return max(1, round(width * tallest / aspect)), round(width * tallest)
    return width, max(1, round(width * aspect))


def _resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    import cv2

    way = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, size, interpolation=way), dtype=np.uint8)


def _write_lines(
    sheet: NDArray[np.uint8],
    lines: Sequence[tuple[int, int, str]],
    font: Font,
    width: int,
    line: int,
    theme: Theme,
) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image)
    for left, top, text in lines:
        fitting = fit_text(spellable(text), font, width)
        middle = (left + width / 2, top + line / 2)
        draw.text(middle, fitting, fill=theme.ink, font=font, anchor="mm")
    return np.asarray(image)


def _scale_column(
    scales: Sequence[Scale], heights: Sequence[int], size: int, theme: Theme
) -> NDArray[np.uint8]:
    """Return (H,W,3): the scales under one another from the top of the first row on."""
    from PIL import Image, ImageDraw

    line = 2 * size
    room = heights[0] + (line + heights[1] if len(heights) > 1 and len(scales) > 1 else 0)
    each = max(LOWEST_SCALE * size, (room - line * (len(scales) - 1)) // len(scales))
    panels = [
        scale_panel(each, size, s.table, s.low, s.high, labels=s.labels, theme=theme)
        for s in scales
    ]
    font = letters(size)
    inset = round(0.8 * size)
    widths = [panel.shape[1] for panel in panels]
    widths += [round(font.getlength(spellable(scale.title))) + 2 * inset for scale in scales]
    shape = (len(scales) * (line + each), max(widths), 3)
    column = np.full(shape, theme.paper, dtype=np.uint8)
    for number, panel in enumerate(panels):
        top = number * (line + each) + line
        column[top : top + each, : panel.shape[1]] = panel
    image = Image.fromarray(column)
    draw = ImageDraw.Draw(image)
    for number, scale in enumerate(scales):
        place = (inset, number * (each + line) + size)
        draw.text(place, spellable(scale.title), fill=theme.ink, font=font, anchor="lm")
    return np.asarray(image)
