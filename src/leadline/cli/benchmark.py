"""`leadline benchmark`: how fast a model is in every runtime, and what a precision costs it."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from leadline.cli.inputs import check_needed
from leadline.cli.options import parse_size
from leadline.cli.table import text_table
from leadline.errors import LeadlineError
from leadline.evaluation.benchmark import (
    BenchmarkCase,
    BenchmarkRow,
    benchmark,
    check_losses,
    store_losses,
    usual_precisions,
)
from leadline.inference.openvino_runtime import processor_name
from leadline.inference.precision import Precision
from leadline.inference.runtime import RUNTIMES, RuntimeName
from leadline.io.atomic import check_writable, writable_target, write_json
from leadline.io.processors import usable_processors
from leadline.weights import DEFAULT_MODEL, GRAPH_FILE


def benchmark_command(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Shipped model (default crisp-nyu), run folder, .onnx, .xml, or hf:NAME.",
        ),
    ] = None,
    runtimes: Annotated[
        list[str] | None,
        typer.Option(
            "--runtime", metavar="|".join(RUNTIMES), help="Runtime; repeatable (default: auto)."
        ),
    ] = None,
    precisions: Annotated[
        list[str] | None,
        typer.Option(
            "--precision",
            metavar="f32|bf16|int8",
            help="Precision; repeatable (default: all that the model and the runtime have).",
        ),
    ] = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--size",
            help="Height x width of the photographs in pixels; repeatable (default 480x640).",
        ),
    ] = None,
    batches: Annotated[
        list[int] | None,
        typer.Option("--batch", min=1, help="Photographs per call; repeatable (default 1)."),
    ] = None,
    rounds: Annotated[
        int,
        typer.Option(help="Timing rounds, at least 3; each round times every combination once."),
    ] = 21,
    threads: Annotated[int | None, typer.Option(help="Processor threads (default: all).")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Also score every model, runtime and precision on this data set."),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="Evaluation protocol for --data (default: auto).")
    ] = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help="Store the accuracy loss of each precision in the model's config.json; needs "
            "--data.",
        ),
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", help="Also write the results to this JSON file.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Also plot abs_rel against speed (.png, .svg, .pdf); needs --data."),
    ] = None,
) -> None:
    """Measure the speed of models from pixels to metres, for single photographs and batches.

    Every combination of the options is timed in alternation. Compare the column `speed`, a ratio
    within one run: milliseconds depend on the machine and its other load. `of peak` is the
    arithmetic throughput as a share of what wide convolutions reach on this machine.
    """
    for option, value in (("--store", store), ("--plot", plot), ("--protocol", protocol)):
        check_needed(option, value, "--data", data)
    parsed = [parse_size(size) for size in sizes or []]
    cases = find_cases(models, runtimes, precisions, parsed, batches)
    check_results(json, plot, cases if store else [])
    rows = benchmark(cases, rounds=rounds, threads=threads, data=data, protocol=protocol or "auto")
    print_rows(rows)
    if json is not None:
        write_json(json, [row.to_dict() for row in rows])
    if plot is not None:
        from leadline.evaluation.report.speed_plot import draw_speed

        draw_speed(rows, plot)
    if store:
        print_stored(store_losses(rows))


def print_stored(stored: Mapping[Path, Mapping[str, float]]) -> None:
    """Print what was written where, and that an exported file beside it does not know of it."""
    for file, losses in stored.items():
        graph = file.with_name(GRAPH_FILE)
        again = f"; {graph.name} beside it, which is what runs, keeps its own: export it again"
        typer.echo(f"written: {file} (precision_loss: {losses})" + again * graph.is_file())


def check_results(json: Path | None, plot: Path | None, stored: Sequence[BenchmarkCase]) -> None:
    """Raise LeadlineError, before anything is timed, for what could not be written afterwards."""
    if plot is not None:
        from leadline.evaluation.report.speed_plot import check_plot

        check_plot(plot)
    for file in filter(None, (json, plot)):
        check_writable(writable_target(file).parent)
    if stored:
        check_losses(stored)


def find_cases(
    models: Sequence[str] | None,
    runtimes: Sequence[str] | None,
    precisions: Sequence[str] | None,
    sizes: Sequence[tuple[int, int]],
    batches: Sequence[int] | None,
) -> list[BenchmarkCase]:
    """Return every combination that exists: onnxruntime has no bf16 of its own.

    Errors: LeadlineError for a precision that is none to be timed, or where nothing is left.
    """
    for precision in precisions or []:
        if precision not in get_args(Precision):
            known = ", ".join(get_args(Precision))
            raise LeadlineError(f"--precision {precision}: choose one of {known}")
    pairs = product(models or [DEFAULT_MODEL], cast("list[RuntimeName]", runtimes or ["auto"]))
    cases = [
        BenchmarkCase(model, runtime, precision, size, batch)
        for model, runtime in pairs
        for precision, size, batch in product(
            cast("list[Precision]", precisions) or usual_precisions(model, runtime),
            sizes or [(480, 640)],
            batches or [1],
        )
    ]
    cases = [case for case in cases if (case.runtime, case.precision) != ("onnxruntime", "bf16")]
    if not cases:
        raise LeadlineError(
            "--runtime onnxruntime has no bf16; add --precision f32, or another --runtime"
        )
    return cases


def print_rows(rows: Sequence[BenchmarkRow]) -> None:
    """Print the table, and what machine it is of."""
    numbers = "batch", "speed", "median ms", "quartiles", "images/s", "of peak", "first s", "MB"
    head = ["model", "runtime", "precision", "size", *numbers, "abs_rel"]
    lines = [
        [
            row.model,
            row.runtime,
            row.precision,
            f"{row.height}x{row.width}",
            str(row.batch),
            f"{row.speed:.2f}",
            f"{row.median_ms:.1f}",
            f"{row.first_quartile_ms:.1f}..{row.third_quartile_ms:.1f}",
            f"{row.per_second:.1f}",
            "" if row.ceiling_share is None else f"{row.ceiling_share:.0%}",
            f"{row.first_seconds:.2f}",
            "" if row.memory_mb is None else f"{row.memory_mb:.0f}",
            "" if row.abs_rel is None else f"{row.abs_rel:.4f}",
        ]
        for row in rows
    ]
    typer.echo(text_table(head, lines, numbers=range(4, len(head))))
    about = f"{usable_processors()} processors ({processor_name()})"
    typer.echo(f"{rows[0].rounds} alternating rounds, {about}")
