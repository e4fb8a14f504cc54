"""`leadline compare`: results side by side, if they were made alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leadline.datasets import DepthDataset
    from leadline.evaluation.case_pictures import CaseRow
    from leadline.evaluation.comparison import ComparisonTable
    from leadline.evaluation.stored import Result

FORMAT_OF_SUFFIX = {
    ".html": "html",
    ".md": "markdown",
    ".tex": "latex",
    ".json": "json",
    ".txt": "terminal",
}


def compare_command(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT...", help="Folders that `leadline evaluate -o` wrote."),
    ],
    format: Annotated[
        str | None,
        typer.Option(help="terminal, markdown, latex, html or json; default: by -o's suffix."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write instead of printing.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Metrics to show, separated by commas, or all.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Name of a result in tables; give it once for each.")
    ] = None,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Allow other protocols, data or images, and mark them.")
    ] = False,
    baselines: Annotated[bool, typer.Option(help="Show the first result's baselines.")] = True,
    published: Annotated[bool, typer.Option(help="Show published rows, where they belong.")] = True,
    panel: Annotated[
        Path | None, typer.Option(help="PNG with input, truth and every model side by side.")
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(help="How many images to draw, or which: ids separated by commas."),
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Draw error maps as well.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Where the scored data is now, if it was moved.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of resampling.")] = 0,
) -> None:
    """Compare evaluations: one table, a paired test against the first, pictures of all models.

    Results under another protocol, on other data or on other images are refused.
    """
    from leadline.cli.inputs import check_needed
    from leadline.evaluation.comparison import compare
    from leadline.evaluation.stored import load_result

    loaded = [load_result(path) for path in results]
    chosen = choose_format(format, out)
    drawn = panel is not None or chosen == "html"
    for option, given in (("--errors", errors), ("--images", images), ("--data", data)):
        check_needed(option, given, "--panel or -o FILE.html", drawn)
    shown: Sequence[str] | None = None
    if metrics is not None:
        shown = list(loaded[0].content.metrics) if metrics == "all" else metrics.split(",")
    comparison = compare(
        loaded,
        labels=label or (),
        metrics=shown,
        mixed=mixed,
        baselines=baselines,
        published=published,
        seed=seed,
    )
    rows: list[CaseRow] = []
    if drawn:
        rows = pictures(loaded, images, data)
    if panel is not None:
        write_panel(panel, comparison, rows, errors)
    write_table(comparison, chosen, out, rows, errors)


def choose_format(format: str | None, out: Path | None) -> str:
    """Return the format asked for, or the one that the file's suffix stands for."""
    from leadline.errors import LeadlineError

    known = sorted(set(FORMAT_OF_SUFFIX.values()))
    if format is None:
        if out is None:
            return "terminal"
        if out.suffix.lower() not in FORMAT_OF_SUFFIX:
            raise LeadlineError(
                f"{out}: its suffix names no format; use {', '.join(FORMAT_OF_SUFFIX)}, "
                "or say --format"
            )
        return FORMAT_OF_SUFFIX[out.suffix.lower()]
    if format not in known:
        raise LeadlineError(f"format {format!r} is not known; choose one of {', '.join(known)}")
    if format == "html" and out is None:
        raise LeadlineError("a page with pictures needs a file: -o compare.html")
    return format


def pictures(results: Sequence[Result], images: str | None, data: Path | None) -> list[CaseRow]:
    """Return the rows to draw, from the kept predictions and the data that was scored."""
    from leadline.evaluation.case_pictures import case_rows, choose_cases

    names = choose_cases(results, wanted_images(images))
    return case_rows(results, names, scored_data(results[0], data), one_range=True)


def wanted_images(images: str | None) -> int | list[str] | None:
    """Return a number of images, or ids; digits that begin with 0 are an id such as 003."""
    from leadline.errors import LeadlineError

    if images is None:
        return None
    if images == "0":
        raise LeadlineError("--images 0 draws nothing; give a number from 1 on, or ids")
    if images.isdigit() and not images.startswith("0"):
        return int(images)
    return [name for name in images.split(",") if name]


def scored_data(first: Result, moved: Path | None) -> DepthDataset:
    """Open the data that the first result was scored on, as it was opened then."""
    from leadline.datasets.open import open_data
    from leadline.errors import LeadlineError

    path = moved or Path(first.content.data)
    if not path.exists():
        raise LeadlineError(
            f"{path}: the scored data is not there, and pictures need it; "
            "say where it is with --data"
        )
    return open_data(path, first.content.split, **first.content.data_options.model_dump())


def write_panel(
    path: Path, comparison: ComparisonTable, rows: Sequence[CaseRow], errors: bool
) -> None:
    """Write the side-by-side figure and say where it is."""
    from leadline.errors import LeadlineError
    from leadline.evaluation.case_pictures import comparison_figure
    from leadline.io import write_png

    if path.suffix.lower() != ".png":
        raise LeadlineError(f"{path}: a panel is a PNG; give it the suffix .png")
    write_png(path, comparison_figure(rows, comparison.marked_labels, errors=errors))
    typer.echo(f"written: {path}", err=True)


def write_table(
    comparison: ComparisonTable,
    format: str,
    out: Path | None,
    rows: Sequence[CaseRow],
    errors: bool,
) -> None:
    """Print the comparison, or write it to `out` and say so."""
    from leadline.evaluation.tables import TEXT_FORMATS
    from leadline.io.atomic import atomic_path

    if format == "html":
        from leadline.evaluation.report import write_comparison

        assert out is not None
        write_comparison(out, comparison, rows, errors=errors)
    else:
        text = TEXT_FORMATS[format](comparison)
        if out is None:
            typer.echo(text)
            return
        with atomic_path(out) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    typer.echo(f"written: {out}", err=True)
