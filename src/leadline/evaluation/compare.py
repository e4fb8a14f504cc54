"""`leadline.compare`: results side by side as a table, a page or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from leadline.datasets.sample import DepthDataset
from leadline.errors import LeadlineError
from leadline.evaluation.comparison_table import ComparisonTable, compare_results
from leadline.evaluation.report.case_pictures import (
    CaseRow,
    case_rows,
    choose_cases,
    comparison_figure,
    read_samples,
)
from leadline.evaluation.report.pages import write_comparison
from leadline.evaluation.report.tables import TEXT_FORMATS, TextFormat
from leadline.evaluation.result import (
    CASES_FOLDER,
    REPORT_FILE,
    RESULT_FILE,
    TABLE_FILE,
    Result,
)
from leadline.io.atomic import write_text
from leadline.io.photos import DRAWN, write_png

TableFormat = Literal[TextFormat, "html"]

FORMAT_OF_SUFFIX: dict[str, TableFormat] = {
    ".html": "html",
    ".md": "markdown",
    ".tex": "latex",
    ".json": "json",
    ".txt": "terminal",
}


def compare(
    results: Sequence[str | Path | Result],
    *,
    labels: Sequence[str] = (),
    metrics: Sequence[str] | Literal["all"] | None = None,
    mixed: bool = False,
    baselines: bool = True,
    published: bool = True,
    seed: int = 0,
    block: int | None = None,
    out: str | Path | None = None,
    format: TableFormat | None = None,
    panel: str | Path | None = None,
    images: int | Sequence[str] | None = None,
    errors: bool = False,
    data: str | Path | None = None,
) -> ComparisonTable:
    """Compare results side by side, and test the others against the first, image by image.

    `results` are folders written by `leadline evaluate -o`, or `Result` objects; `labels` their
    names, by default the names of their models. `metrics` are the columns, by default those of the
    first result's protocol. Results that were not made alike are refused, or with `mixed` marked.
    `baselines` shows those of the first result, `published` rows of documents. `seed` is for
    resampling, in which `block` neighbouring images are drawn and flipped together, by default as
    many as in the first result. With `out` the table is written in `format`, by default that of the
    suffix. `panel` is a PNG with input, truth and every model side by side; `images` is the number
    or the ids of the images in the panel and in a page; `errors` adds error maps; `data` is the
    path of the scored data, if it was moved.

    Errors: LeadlineError for results that were not made alike, a metric or an image that is not
    in all of them, data that is not what was scored, or an output that is a file of a result.

    >>> table = compare(["scored", "other"], metrics=["abs_rel"], out="table.md")
    >>> [row.name for row in table.rows], list(table.differences)
    (['one', 'two'], ['two'])
    """
    if not results:
        raise LeadlineError("a comparison needs at least one result")
    loaded = [each if isinstance(each, Result) else Result.load(each) for each in results]
    chosen = choose_format(format, out)
    for path in (out, panel):
        if path is not None:
            _check_no_part(Path(path), loaded)
    if panel is not None and Path(panel).suffix.lower() != ".png":
        raise LeadlineError(f"{panel}: a panel is a PNG; give it the suffix .png")
    table = compare_results(
        loaded,
        labels=labels,
        metrics=list(loaded[0].metrics) if metrics == "all" else metrics,
        mixed=mixed,
        baselines=baselines,
        published=published,
        seed=seed,
        block=block,
    )
    rows: list[CaseRow] = []
    if panel is not None or chosen == "html":
        names = choose_cases(loaded, images)
        samples = read_samples(loaded, names, _scored_data(loaded[0], data))
        rows = case_rows(loaded, samples, one_range=True)
    if panel is not None:
        figure = comparison_figure(rows, table.marked_labels, errors=errors)
        write_png(Path(panel), figure, DRAWN)
    if out is not None:
        _write_table(Path(out), table, chosen, rows, errors=errors)
    return table


def _check_no_part(path: Path, results: Sequence[Result]) -> None:
    """Raise LeadlineError if an output file belongs to one of the compared results."""
    place = path.resolve()
    for folder in (result.folder.resolve() for result in results if result.folder is not None):
        if place in (folder / RESULT_FILE, folder / TABLE_FILE, folder / REPORT_FILE) or (
            folder / CASES_FOLDER in place.parents
        ):
            raise LeadlineError(f"{path}: is a file of the result {folder}; give another name")


def choose_format(format: TableFormat | None, out: str | Path | None) -> TableFormat:
    """Return the format given, or the one of the suffix of the file `out`.

    Errors: LeadlineError for an unknown format or suffix, or a page without a file.
    """
    known = sorted(set(FORMAT_OF_SUFFIX.values()))
    if format is not None and format not in known:
        raise LeadlineError(f"format {format!r} is not known; choose one of {', '.join(known)}")
    if format == "html" and out is None:
        raise LeadlineError("a page with pictures needs a file: -o compare.html")
    if format is not None or out is None:
        return format or "terminal"
    suffix = Path(out).suffix.lower()
    if suffix not in FORMAT_OF_SUFFIX:
        raise LeadlineError(
            f"{out}: its suffix names no format; use {', '.join(FORMAT_OF_SUFFIX)}, or say --format"
        )
    return FORMAT_OF_SUFFIX[suffix]


def _scored_data(first: Result, moved: str | Path | None) -> DepthDataset:
    """Open the data on which the first result was scored, in the same way."""
    path = Path(first.data if moved is None else moved)
    if not path.exists():
        raise LeadlineError(
            f"{path}: the scored data does not exist, and pictures need it; "
            "give its path with --data"
        )
    return first.data_options.open(path, first.split)


def _write_table(
    path: Path,
    table: ComparisonTable,
    format: TableFormat,
    rows: Sequence[CaseRow],
    *,
    errors: bool,
) -> None:
    if format == "html":
        write_comparison(path, table, rows, errors=errors)
        return
    write_text(path, TEXT_FORMATS[format](table) + "\n")
