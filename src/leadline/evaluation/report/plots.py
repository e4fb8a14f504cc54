"""Small plots as inline SVG, without a plotting library, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from leadline.viz.scale_bar import round_ticks

DASHES = ("none", "8 4", "2 4", "8 4 2 4")
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 26, 46
LETTER = 7.5  # average width of a letter in the style sheet
LANDSCAPE, SQUARE = (560, 270), (424, 416)  # the square one has 344 x 344 for its dots


@dataclass(frozen=True)
class Axes:
    """The drawing area: x and y from their low to their high value, on a (width, height) sheet."""

    x: tuple[float, float]
    y: tuple[float, float]
    sheet: tuple[int, int] = LANDSCAPE

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a point in the drawing, rounded to a tenth of a unit."""
        width, height = self.sheet
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            round(LEFT + across * (width - LEFT - RIGHT), 1),
            round(height - BOTTOM - up * (height - TOP - BOTTOM), 1),
        )


def histogram(values: NDArray[np.float64], name: str, unit: str = "images") -> Markup:
    """Draw a histogram of `values` (n,), finite and n >= 1, with bins of equal width.

    The mean and the median are marked.
    """
    edges = _round_edges(float(values.min()), float(values.max()), len(values))
    counts, _ = np.histogram(values, edges)
    axes = Axes((float(edges[0]), float(edges[-1])), (0.0, float(max(1, counts.max()))))
    parts = [_y_axis(axes, unit, whole=True), _x_axis(axes, name)]
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        words = f"{low:.3g} to {high:.3g}: {count} {unit}"
        parts.append(_bar(axes, float(low), float(high), float(count), words))
    mean, median = float(values.mean()), float(np.median(values))
    left, right = sorted([(mean, "mean"), (median, "median")])
    parts += [_mark(axes, *left, "end"), _mark(axes, *right, "start")]
    title = f"Histogram of {name} over {len(values)} {unit}: mean {mean:.3f}, median {median:.3f}"
    return _svg(axes, title, parts)


def bars(edges: Sequence[float], values: Sequence[float | None], name: str, axis: str) -> Markup:
    """Draw a bar between successive `edges` (n + 1), all equally wide; None draws no bar.

    `values` (n) are finite and not negative.
    """
    top = max((value for value in values if value is not None), default=0.0)
    axes = Axes((0.0, float(len(values))), (0.0, 1.05 * (top or 1.0)))
    parts = [_y_axis(axes, name), _line(axes.at(0, 0), axes.at(len(values), 0), "axis")]
    words = []
    for place, value in enumerate(values):
        if value is not None:
            words.append(f"{edges[place]:g} to {edges[place + 1]:g}: {value:.3f}")
            parts.append(_bar(axes, place + 0.06, place + 0.94, value, words[-1]))
    for place, edge in enumerate(edges):
        x, y = axes.at(place, 0)
        parts.append(_text(x, y + 19, f"{edge:.3g}", "middle"))
    parts.append(_x_name(axes, axis))
    return _svg(axes, f"{name} by {axis}: {'; '.join(words)}", parts)


def curves(
    x: Sequence[float], lines: Mapping[str, Sequence[float]], x_name: str, y_name: str
) -> Markup:
    """Draw a curve (x, y) for each of `lines`, at most four, distinguished by dashes.

    The values (n,) are finite and not negative. The legend is above the drawing area.
    """
    top = 1.05 * max((max(values) for values in lines.values()), default=1.0) or 1.0
    axes = Axes((float(x[0]), float(x[-1])), (0.0, top))
    parts = [_y_axis(axes, y_name), _x_axis(axes, x_name)]
    words = []
    left, row = LEFT, TOP // 2
    for number, (name, values) in enumerate(lines.items()):
        places = [axes.at(*point) for point in zip(x, values, strict=True)]
        for way in (places, [(left, row), (left + 30, row)]):
            points = " ".join(f"{across},{up}" for across, up in way)
            line = Markup('<polyline class="curve" stroke-dasharray="{}" points="{}"/>')
            parts.append(line.format(DASHES[number], points))
        parts.append(_text(left + 36, row + 5, name, "start"))
        left += 54 + round(LETTER * len(name))
        words.append(f"{name} {values[len(values) // 2]:.3f} in the middle")
    return _svg(axes, f"{y_name} by {x_name}: {'; '.join(words)}", parts)


def scatter(
    x: NDArray[np.float64], y: NDArray[np.float64], x_name: str, y_name: str, metric: str
) -> Markup:
    """Draw a dot per image, from (n,) finite values; the dashed line marks equality."""
    top = 1.05 * float(max(x.max(), y.max())) or 1.0
    axes = Axes((0.0, top), (0.0, top), SQUARE)
    parts = [_y_axis(axes, y_name), _x_axis(axes, x_name)]
    parts.append(_line(axes.at(0, 0), axes.at(top, top), "same"))
    for across, up in zip(x, y, strict=True):
        place = axes.at(float(across), float(up))
        parts.append(Markup('<circle class="dot" cx="{}" cy="{}" r="4"/>').format(*place))
    title = f"{metric} of {len(x)} images: {y_name} against {x_name}"
    return _svg(axes, title, parts)


def _round_edges(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Return bin edges at round values, with about two bins per square root of `count`."""
    if high - low < 1e-9:
        high = low + max(1e-3, abs(low) * 0.1)
    bins = min(24, max(6, round(2 * math.sqrt(count))))
    ticks = round_ticks(low, high, bins)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    edges = np.arange(first, max(last, first + 1) + 1, dtype=np.float64) * step
    # 2 * 0.1 may exceed the value that it must enclose by rounding.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _x_axis(axes: Axes, name: str) -> Markup:
    base = axes.at(axes.x[0], axes.y[0])
    parts = [_line(base, axes.at(axes.x[1], axes.y[0]), "axis")]
    ticks = round_ticks(*axes.x, 8)
    for tick in ticks:
        x, y = axes.at(tick, axes.y[0])
        parts += [
            _line((x, y), (x, y + 4), "axis"),
            _text(x, y + 19, _plain(tick, ticks), "middle"),
        ]
    parts.append(_x_name(axes, name))
    return Markup("").join(parts)


def _x_name(axes: Axes, name: str) -> Markup:
    width, height = axes.sheet
    return _text((LEFT + width - RIGHT) / 2, height - 6, name, "middle")


def _y_axis(axes: Axes, name: str, *, whole: bool = False) -> Markup:
    ticks = [tick for tick in round_ticks(*axes.y, 5) if not whole or tick == round(tick)]
    parts = []
    for tick in ticks:
        x, y = axes.at(axes.x[0], tick)
        parts += [_line((x, y), axes.at(axes.x[1], tick), "axis")]
        parts.append(_text(x - 7, y + 5, _plain(tick, ticks), "end"))
    middle = (TOP + axes.sheet[1] - BOTTOM) / 2
    turned = Markup('<text x="0" y="0" transform="translate(16 {}) rotate(-90)" {}>{}</text>')
    parts.append(turned.format(middle, Markup('text-anchor="middle"'), name))
    return Markup("").join(parts)


def _plain(tick: float, ticks: Sequence[float]) -> str:
    step = min((b - a for a, b in pairwise(ticks)), default=1.0)
    return f"{tick:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def _bar(axes: Axes, low: float, high: float, value: float, words: str) -> Markup:
    left, top = axes.at(low, value)
    right, base = axes.at(high, 0.0)
    return Markup(
        '<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
    ).format(left + 0.5, top, max(0.5, right - left - 1), max(0.0, base - top), words)


def _mark(axes: Axes, x: float, words: str, anchor: str) -> Markup:
    foot, head = axes.at(x, axes.y[0]), axes.at(x, axes.y[1])
    shift = -6 if anchor == "end" else 6
    text = Markup('<text class="mark-text" x="{}" y="{}" text-anchor="{}">{}</text>')
    label = text.format(head[0] + shift, TOP - 10, anchor, f"{words} {x:.3f}")
    return _line(foot, head, "mark") + label


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, *start, *end)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _svg(axes: Axes, title: str, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(*axes.sheet, title)
    return head + Markup("").join(parts) + Markup("</svg>")
