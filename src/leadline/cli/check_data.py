"""`leadline check-data`: what is wrong with a data set, before training on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption

if TYPE_CHECKING:
    from leadline.data_checks import Finding, Report


def check_data_command(
    path: Annotated[Path, typer.Argument(help="The data: a folder or a list file.")],
    split: Annotated[str | None, typer.Option(help="Check this split only.")] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    depth_scale: Annotated[
        str | None,
        typer.Option(help="Units per metre that you believe: 1000, 256, or nyu-mm, kitti, ..."),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="How many classes the labels have.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Read this many pairs; headers are read of all files.")
    ] = 1000,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder for report.json and a contact sheet.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Check a data set before training on it: units, pairing, alignment, duplicates, damage.

    Exit status: 0 nothing or notes only, 1 warnings or errors found, 2 could not be checked.
    """
    import json

    from leadline.cli.data_options import parse_data_options
    from leadline.cli.progress import tracker
    from leadline.data_checks import check_data
    from leadline.depth.units import parse_units

    report = check_data(
        path,
        split,
        layout=layout,
        units_per_metre=parse_units(depth_scale) if depth_scale else None,
        classes=classes,
        sample=sample,
        options=parse_data_options(data_option),
        track=lambda title, unit: tracker(f"check {title}", unit),
    )
    written = write_report(report, out) if out is not None else []
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        print_report(report)
        if written:
            typer.echo(f"written: {', '.join(map(str, written))}")
    raise typer.Exit(0 if report.ok else 1)


def write_report(report: "Report", out: Path) -> list[Path]:
    """Write report.json and, where any pair can be read, contact_sheet.png; return the paths."""
    import json

    from leadline.data_checks.sheet import write_sheet
    from leadline.io.atomic import atomic_path

    written = [out / "report.json"]
    with atomic_path(written[0]) as temporary:
        temporary.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    if report.facts.readable:
        written.append(out / "contact_sheet.png")
        write_sheet(written[1], report)
    return written


def print_report(report: "Report") -> None:
    """Print facts, findings, verdict and what to paste."""
    for heading, text in report.lines():
        typer.echo(f"{heading:<10} {text}")
    typer.echo("")
    for finding in report.findings:
        for line in finding_lines(finding, report.facts.listing.path):
            typer.echo(line)
    typer.echo(f"{'verdict':<10} {report.verdict}\n")
    typer.echo(report.yaml())


def finding_lines(finding: "Finding", root: Path) -> Iterator[str]:
    """Yield the two lines of a finding: what and how often, what to do and where."""
    yield f"{finding.severity:<8} {finding.code:<20} {finding.message}"
    shown = [text.removeprefix(f"{root}/") for text in finding.examples[:2]]
    where = f" [{', '.join(shown)}{', ...' if finding.count > len(shown) else ''}]" if shown else ""
    yield f"{'':<8} {'':<20} -> {finding.remedy}{where}"
