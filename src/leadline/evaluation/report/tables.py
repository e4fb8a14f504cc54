"""A comparison as text: for the terminal, as Markdown, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Literal

from leadline.evaluation.comparison_table import (
    ComparisonTable,
    PairedDifference,
    Row,
    Value,
    published_beside,
)
from leadline.metrics import HIGHER_IS_BETTER

TextFormat = Literal["terminal", "markdown", "latex", "json"]

BEST_WORDS = "best of its column among results made alike"
SMALL = 0.02
"""Limit below which errors of inverse depth in 1/m lie (KITTI's site ranks by 1/km)."""


def number(value: float | None) -> str:
    """Format with three decimals, with five if small, and as a dash for None.

    >>> number(0.05), number(0.0108), number(0.0)
    ('0.050', '0.01080', '0.000')
    """
    if value is None:
        return "-"
    return f"{value:.5f}" if 0 < abs(value) < SMALL else f"{value:.3f}"


def signed(value: float) -> str:
    """Format a difference with its sign: three decimals, or one digit if it would round to 0."""
    return f"{value:+.3f}" if value == 0 or abs(value) >= 0.0005 else f"{value:+.0e}"


def p_value(p: float) -> str:
    """Format a p value for tables."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def blocks(table: ComparisonTable) -> list[tuple[str, list[Row]]]:
    """Return the rows in titled blocks: results (no title), baselines, published rows."""
    reference = published_beside(table.results[0])
    titles = {
        "result": "",
        "baseline": "baselines, which never look at the photograph",
        "published": f"published on {reference.title}: other images, other protocols, for "
        "orientation only"
        if reference
        else "",
    }
    all_blocks = [
        (title, [row for row in table.rows if row.kind == kind]) for kind, title in titles.items()
    ]
    return [(title, rows) for title, rows in all_blocks if rows]


def terminal(table: ComparisonTable) -> str:
    """Return aligned plain text; the best of a column has a star."""
    names = [_marked(row.name, row.marks) for row in table.rows]
    width = 2 + max(len(name) for name in (*names, *table.differences))
    head = _line("", table.metrics, width)
    lines = [f"data      {table.data}", f"protocol  {table.protocol}", "", head]
    for title, rows in blocks(table):
        lines += ["", title] if title else []
        for row in rows:
            values = [row.values[metric] for metric in table.metrics]
            lines.append(_line(_marked(row.name, row.marks), map(_starred, values), width))
            if any(value.interval for value in values):
                lines.append(_line("", (_range(value.interval) for value in values), width))
    lines += ["", *_terminal_key(table)]
    if table.differences:
        lines += _terminal_differences(table, width)
    lines += [""] if table.notes else []
    lines += [f"[{mark}] {text}" for mark, text in table.notes.items()]
    lines += ["", *(f"warning: {text}" for text in table.warnings)] if table.warnings else []
    return "\n".join(lines)


def _terminal_key(table: ComparisonTable) -> list[str]:
    values = [value for row in table.rows for value in row.values.values()]
    best = any(value.best for value in values)
    intervals = any(value.interval for value in values)
    key = [f"* {BEST_WORDS}."] if best else []
    return key + ([f"Second lines: {table.interval_words}."] if intervals else [])


def _terminal_differences(table: ComparisonTable, width: int) -> list[str]:
    lines = ["", f"against {table.labels[0]}, image by image:"]
    for name, by_metric in table.differences.items():
        each = [by_metric.get(metric) for metric in table.metrics]
        lines.append(_line(name, (f"{signed(d.mean)} " if d else "- " for d in each), width))
        lines.append(_line("", (_signed_range(d.interval) if d else "" for d in each), width))
        lines.append(_line("", (f"p {p_value(d.p)} " if d else "" for d in each), width))
    return [*lines, f"({table.paired_words})"]


def _line(name: str, cells: Iterable[str], width: int) -> str:
    return (f"{name:<{width}}" + "".join(f"{cell:>15}" for cell in cells)).rstrip()


def _starred(value: Value) -> str:
    return number(value.number) + ("*" if value.best else " ")


def _range(interval: tuple[float, float] | None) -> str:
    return f"{number(interval[0])}..{number(interval[1])} " if interval else ""


def _signed_range(interval: tuple[float, float]) -> str:
    return f"{signed(interval[0])}..{signed(interval[1])} "


def _marked(name: str, marks: Sequence[str]) -> str:
    return f"{name} [{','.join(marks)}]" if marks else name


def markdown(table: ComparisonTable) -> str:
    """Return GitHub Markdown; the best of a column is bold."""
    lines = [
        f"{_md(table.data)}; protocol `{table.protocol}`",
        "",
        "| | " + " | ".join(with_arrow(metric) for metric in table.metrics) + " |",
        "| --- |" + " ---: |" * len(table.metrics),
    ]
    for title, rows in blocks(table):
        if title:
            lines.append(f"| *{_md(title)}* |" + " |" * len(table.metrics))
        for row in rows:
            cells = [_md_value(row.values[metric]) for metric in table.metrics]
            marks = "".join(f"[{mark}]" for mark in row.marks)
            lines.append(f"| {_md(row.name)}{' ' + marks if marks else ''} | {' | '.join(cells)} |")
    lines += ["", f"**Bold**: {BEST_WORDS}. In brackets: {table.interval_words}."]
    if table.differences:
        lines += ["", f"Against {_md(table.labels[0])}, image by image: {table.paired_words}.", ""]
        lines += lines[2:4]
        for name, by_metric in table.differences.items():
            cells = [_md_difference(by_metric.get(metric)) for metric in table.metrics]
            lines.append(f"| {_md(name)} | {' | '.join(cells)} |")
    lines += ["", *(f"- [{mark}] {_md(text)}" for mark, text in table.notes.items())]
    lines += ["", *(f"- **warning**: {_md(text)}" for text in table.warnings)]
    return "\n".join(lines).rstrip()


def with_arrow(metric: str) -> str:
    """Return a metric's name with an arrow in its better direction."""
    return f"{metric} {'↑' if metric in HIGHER_IS_BETTER else '↓'}"


def _md(text: str) -> str:
    """Escape `text` for Markdown; line breaks become spaces."""
    escaped = "".join(f"\\{sign}" if sign in "\\`*_[]<>|#&~" else sign for sign in text)
    return " ".join(escaped.split())


def _md_value(value: Value) -> str:
    text = f"**{number(value.number)}**" if value.best else number(value.number)
    if value.interval is None:
        return text
    return f"{text} [{number(value.interval[0])}, {number(value.interval[1])}]"


def _md_difference(difference: PairedDifference | None) -> str:
    if difference is None:
        return "-"
    low, high = difference.interval
    return f"{signed(difference.mean)} [{signed(low)}, {signed(high)}], p {p_value(difference.p)}"


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def latex(table: ComparisonTable) -> str:
    """Return tabulars for a document that loads booktabs; the best of a column is bold."""
    columns = len(table.metrics)
    lines = []
    for title, rows in blocks(table):
        if title:
            words = (
                f"\\multicolumn{{{columns + 1}}}{{p{{0.95\\linewidth}}}}{{\\emph{{{_tex(title)}}}}}"
            )
            lines += ["\\midrule", f"{words} \\\\"]
        for row in rows:
            marks = f"$^{{{','.join(row.marks)}}}$" if row.marks else ""
            values = [row.values[metric] for metric in table.metrics]
            lines.append(_tex_row(_tex(row.name) + marks, map(_tex_value, values)))
            if any(value.interval for value in values):
                lines.append(_tex_row("", (_tex_range(value.interval) for value in values)))
    lines = [
        "% needs \\usepackage{booktabs}; seven metrics take a text width of 17 cm",
        f"% {_tex(table.data)}; protocol {_tex(table.protocol)}",
        *_tabular(table, lines),
        "",
        f"Bold: {BEST_WORDS}. Small: {_tex(table.interval_words)}.",
    ]
    if table.differences:
        lines += [
            "",
            f"Against {_tex(table.labels[0])}, image by image: {_tex(table.paired_words)}.",
        ]
        lines += ["", *_tabular(table, _tex_differences(table))]
    lines += [f"\n$^{{{mark}}}$ {_tex(text)}" for mark, text in table.notes.items()]
    lines += [f"\nWarning: {_tex(text)}" for text in table.warnings]
    return "\n".join(lines)


def _tabular(table: ComparisonTable, rows: Sequence[str]) -> list[str]:
    """Add a header to rows; small and narrow, so that seven metrics fit a page."""
    metrics = [_tex_metric(metric) for metric in table.metrics]
    return [
        "{\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        f"\\begin{{tabular}}{{l{'c' * len(metrics)}}}",
        "\\toprule",
        _tex_row("", metrics),
        "\\midrule",
        *rows,
        "\\bottomrule",
        "\\end{tabular}}",
    ]


def _tex_row(name: str, cells: Iterable[str]) -> str:
    return f"{' & '.join([name, *cells])} \\\\"


def _tex_differences(table: ComparisonTable) -> list[str]:
    lines = []
    for name, by_metric in table.differences.items():
        each = [by_metric.get(metric) for metric in table.metrics]
        lines.append(_tex_row(_tex(name), (f"${signed(d.mean)}$" if d else "--" for d in each)))
        lines.append(_tex_row("", (_tex_range(d.interval, signed) if d else "" for d in each)))
        lines.append(_tex_row("", (f"$p$ {_tex(p_value(d.p))}" if d else "" for d in each)))
    return lines


def _tex(text: str) -> str:
    return " ".join("".join(_LATEX.get(sign, sign) for sign in text).split())


def _tex_metric(metric: str) -> str:
    arrow = "\\uparrow" if metric in HIGHER_IS_BETTER else "\\downarrow"
    return f"{_tex(metric)} ${arrow}$"


def _tex_value(value: Value) -> str:
    if value.number is None:
        return "--"
    return f"\\textbf{{{number(value.number)}}}" if value.best else number(value.number)


def _tex_range(
    interval: tuple[float, float] | None, written: Callable[[float], str] = number
) -> str:
    if interval is None:
        return ""
    return f"{{\\tiny ${written(interval[0])}$..${written(interval[1])}$}}"


def as_json(table: ComparisonTable) -> str:
    """Return all numbers of the comparison as JSON."""
    content = {
        "data": table.data,
        "protocol": table.protocol,
        "block": table.block,
        "metrics": table.metrics,
        "rows": [asdict(row) for row in table.rows],
        "against": table.labels[0],
        "differences": {
            name: {metric: asdict(each) for metric, each in by_metric.items()}
            for name, by_metric in table.differences.items()
        },
        "notes": table.notes,
        "warnings": table.warnings,
    }
    return json.dumps(content, indent=2)


TEXT_FORMATS: dict[TextFormat, Callable[[ComparisonTable], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "latex": latex,
    "json": as_json,
}
"""Formats without pictures, by name."""
