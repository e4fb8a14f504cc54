"""`leadline evaluate`: a score that says how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.inference.runtimes import RuntimeName

if TYPE_CHECKING:
    from leadline.datasets.sample import DepthDataset
    from leadline.evaluation import Evaluation, FilePredictions, Predictions
    from leadline.metrics import Protocol

BASELINE_IMAGES = 1000
"""More would take longer to read than the score itself, and change no digit of a mean map."""


def evaluate_command(
    data: Annotated[Path, typer.Option(help="Data of any layout in docs/data.md.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="Shipped model, run folder, model folder, .onnx, .xml, or hf:NAME_OR_FOLDER."
        ),
    ] = None,
    pred_dir: Annotated[
        Path | None, typer.Option(help="Score these prediction files instead of a model.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, val, test or all; else val or test, whichever the data has."),
    ] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    depth_scale: Annotated[
        str | None,
        typer.Option(
            help="Units per metre of the true depth files: 1000, 256, or nyu-mm, kitti, ..."
        ),
    ] = None,
    pred_scale: Annotated[
        str | None,
        typer.Option(
            help="Units per metre of --pred-dir files that do not say it; default: detected."
        ),
    ] = None,
    mirrored_dir: Annotated[
        Path | None,
        typer.Option(help="Predictions of the mirrored photographs, for flip averaging."),
    ] = None,
    flip_averaged: Annotated[
        bool, typer.Option("--flip-averaged", help="--pred-dir holds flip averages already.")
    ] = False,
    pred_output: Annotated[
        str | None,
        typer.Option(
            "--pred-output",
            "--hf-output",
            help="What --pred-dir or an hf: model holds: metric (default; hf: as its config says) "
            "or inverse, depth's reciprocal up to scale and shift, which needs --align.",
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="A name of `leadline protocols`, a .yaml, or auto: nyu-eigen at 480x640, else full"
        ),
    ] = "auto",
    align: Annotated[
        str | None, typer.Option(help="median, scale or scale-shift: fit each prediction first.")
    ] = None,
    align_space: Annotated[
        str | None,
        typer.Option(help="depth, log or inverse: where --align fits; default: depth."),
    ] = None,
    breakdown: Annotated[
        list[str] | None,
        typer.Option(help="boundary, edges, ranges, classes: with commas, or several times."),
    ] = None,
    void: Annotated[
        list[int] | None, typer.Option(help="Label ids that count in no class score (255).")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Score only the first N images.")] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder for result.json, CSV and pictures.")
    ] = None,
    cases: Annotated[
        int | None,
        typer.Option(
            min=0, max=64, help="Worst and best images to keep in --out, of each; default: 8."
        ),
    ] = None,
    baselines: Annotated[
        bool, typer.Option(help="Also score trivial baselines, where there is a train split.")
    ] = True,
    runtime: Annotated[
        RuntimeName | None, typer.Option(help="Engine that runs the model; default: auto.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Score a model, or anybody's prediction files, under a named protocol.

    Networks run in float32 on every runtime; metrics are computed in float64.
    """
    from dataclasses import replace

    from leadline.cli.inputs import check_needed
    from leadline.cli.progress import tracker
    from leadline.datasets.open import (
        open_data,
        open_train_split,
        recognise,
        split_to_score,
    )
    from leadline.depth.units import parse_units
    from leadline.errors import LeadlineError
    from leadline.evaluation import (
        CaseCollector,
        FilePredictions,
        evaluate,
        find_files,
        write_evaluation,
    )
    from leadline.evaluation.cases import EXTREME
    from leadline.evaluation.evaluate import VOID
    from leadline.evaluation.report import write_report
    from leadline.evaluation.stored import load_result
    from leadline.io.atomic import check_writable

    if (model is None) == (pred_dir is None):
        raise LeadlineError("give either --model NAME_OR_PATH or --pred-dir DIR")
    for option, given, need, there in (
        ("--pred-scale", pred_scale, "--pred-dir", pred_dir),
        ("--mirrored-dir", mirrored_dir, "--pred-dir", pred_dir),
        ("--flip-averaged", flip_averaged, "--pred-dir", pred_dir),
        ("--runtime", runtime, "--model", model),
        ("--align-space", align_space, "--align", align),
        ("--cases", cases, "-o", out),
    ):
        check_needed(option, given, need, there)
    known = recognise(data, layout)
    opening: dict[str, Any] = {
        "layout": known.name,
        "units_per_metre": parse_units(depth_scale) if depth_scale else None,
        "options": known.resolve_options(parse_data_options(data_option)),
    }
    split = split if split is not None else split_to_score(data, layout)
    samples = open_data(data, split, **opening)
    whole = len(samples)
    if limit is not None and limit < whole:
        samples = samples.subset(range(limit))
    chosen = choose_protocol(protocol, samples, align, align_space or "depth")
    check_flips(chosen, mirrored_dir, flip_averaged)
    units: str | None = None
    if pred_dir is not None:
        name = pred_dir.name
        files, units = open_files(pred_dir, samples, pred_scale, pred_output or "metric", chosen)
        flipped = find_files(mirrored_dir, samples) if mirrored_dir else None
        predictions: Predictions = replace(files, flipped=flipped, averaged=flip_averaged)
    else:
        name, predictions = open_model(str(model), runtime, pred_output, chosen)
    if out is not None:
        check_writable(out)
    kept = CaseCollector(len(samples), extreme=EXTREME if cases is None else cases)
    result = evaluate(
        predictions,
        samples,
        protocol=chosen,
        breakdowns=breakdowns_for(breakdown or (), out),
        void=void if void is not None else VOID,
        cases=kept if out is not None else None,
        track=tracker("evaluate"),
    )
    result.model, result.model_path, result.units = name, str(pred_dir or model), units
    result.data, result.split, result.data_options = str(data), split, opening
    result.first_of = whole if len(samples) < whole else None
    if isinstance(predictions, FilePredictions):
        result.warnings = predictions.warnings()
    train = open_train_split(data, **opening) if baselines else None
    if train is not None:
        result.baselines = score_baselines(train, samples, result)
    if out is not None:
        write_evaluation(result, out, samples, kept)
        write_report(out / "report.html", load_result(out), samples)
    tell(result, out, as_json)


def tell(result: Evaluation, out: Path | None, as_json: bool) -> None:
    """Print what came out: warnings on stderr, then JSON or tables and what was written."""
    import json

    from leadline.evaluation import to_json

    for warning in result.warnings:
        typer.echo(f"leadline: warning: {warning}", err=True)
    if as_json:
        typer.echo(json.dumps(to_json(result), indent=2))
        return
    print_result(result)
    if out is not None:
        files = ["result.json", "per_image.csv", "report.html", "worst.png"]
        there = [str(out / name) for name in files if (out / name).is_file()]
        cases = out / "cases"
        there += [f"{cases}/"] if cases.is_dir() and any(cases.glob("*.npz")) else []
        typer.echo(f"written: {', '.join(there)}")


def breakdowns_for(asked: Sequence[str], out: Path | None) -> list[str]:
    """Return the breakdowns to measure: the report of -o draws error by distance."""
    names = [name.strip() for text in asked for name in text.split(",")]
    return list(dict.fromkeys([*names, *(["ranges"] if out is not None else [])]))


def choose_protocol(name: str, samples: DepthDataset, align: str | None, space: str) -> Protocol:
    """Return the protocol called `name`, `auto` by the first sample, with the alignment asked."""
    from leadline.metrics.protocols import aligned, protocol_for

    size = samples[0].depth.shape if name == "auto" else (0, 0)
    chosen = protocol_for(name, (size[0], size[1]))
    return chosen if align is None else aligned(chosen, align, space)


def check_flips(protocol: Protocol, mirrored: Path | None, averaged: bool) -> None:
    """Raise LeadlineError where what is said of flip averages contradicts itself or `protocol`."""
    from leadline.errors import LeadlineError

    if mirrored is not None and averaged:
        raise LeadlineError(
            "--mirrored-dir and --flip-averaged: give the first where --pred-dir is still to be "
            "averaged with it, the second where it is averaged already, not both"
        )
    if (mirrored is not None or averaged) and not protocol.flip_averaging:
        option = "--flip-averaged" if averaged else "--mirrored-dir"
        raise LeadlineError(
            f"{option}: protocol {protocol.name} does not average flips; leave it out, or choose a "
            "protocol that does, such as nyu-densedepth"
        )


def open_files(
    folder: Path, samples: DepthDataset, pred_scale: str | None, output: str, protocol: Protocol
) -> tuple[FilePredictions, str]:
    """Return the predictions in `folder`, and in which unit they are on what evidence."""
    from leadline.depth.units import describe_units, parse_units
    from leadline.errors import LeadlineError
    from leadline.evaluation import FilePredictions, find_files
    from leadline.evaluation.outputs import check_aligned, check_output
    from leadline.evaluation.unit_detection import detect_units, doubt

    check_output(output)
    check_aligned(f"{folder}: as --pred-output says, it", output, protocol)
    if output == "inverse" and pred_scale is not None:
        raise LeadlineError("--pred-scale: inverse depth up to a scale has no unit; leave it out")
    files = find_files(folder, samples)
    scale = None if pred_scale is None else parse_units(pred_scale)
    if scale is None and output == "metric":
        units = detect_units(files, samples)
        return FilePredictions(files, units.units_per_metre), units.evidence
    evidence = (
        "none: inverse depth, as given by --pred-output"
        if scale is None
        else f"{describe_units(scale)}, as given by --pred-scale"
    )
    found = doubt(files, samples, scale)
    return FilePredictions(files, scale, output=output, doubt=found), evidence


def open_model(
    name: str, runtime: RuntimeName | None, output: str | None, protocol: Protocol
) -> tuple[str, Predictions]:
    """Return the model's name for tables and its predictions."""
    from leadline.errors import LeadlineError
    from leadline.evaluation import ModelPredictions
    from leadline.inference import Predictor

    if name.startswith("hf:"):
        if runtime is not None:
            raise LeadlineError(f"--runtime {runtime}: {name} runs in transformers; leave it out")
        from leadline.evaluation.hugging_face import open_hugging_face

        return open_hugging_face(name, output, protocol)
    if output is not None:
        raise LeadlineError(
            "--pred-output is for --pred-dir and --model hf:NAME_OR_FOLDER; Leadline's own models "
            "predict metres, leave it out"
        )
    predictor = Predictor.load(name, runtime=runtime or "auto")
    return predictor.name, ModelPredictions(predictor)


def score_baselines(
    train: DepthDataset, samples: DepthDataset, result: Evaluation
) -> dict[str, dict[str, float]]:
    """Score what ignores the photograph: the mean depth map and the median of `train`.

    A large split is represented by `BASELINE_IMAGES` of its images, evenly spaced.
    """
    from leadline.cli.progress import tracker
    from leadline.evaluation import ConstantPredictions, evaluate, training_baselines

    count = min(len(train), BASELINE_IMAGES)
    spread = train.subset([number * len(train) // count for number in range(count)])
    title = f"baselines from {count} of {len(train)} training images"
    maps = training_baselines(spread, tracker(title))
    return {
        name: evaluate(ConstantPredictions(depth), samples, protocol=result.protocol).metrics
        for name, depth in maps.items()
    }


def print_result(result: Evaluation) -> None:
    """Print an `Evaluation` as a table with its protocol above it."""
    from leadline.cli.table import score_table
    from leadline.evaluation.evaluate import holes_in_words
    from leadline.metrics import METRICS

    protocol = result.protocol
    read_as = [result.data_options.get("layout"), result.split]
    options = result.data_options.get("options", {})
    read_as += [f"{key} {value}" for key, value in options.items() if value != ""]
    how = ", ".join(part for part in read_as if part)
    typer.echo(f"data      {result.data}{f' ({how})' if how else ''}: {result.extent}")
    typer.echo(f"protocol  {protocol.name} [{protocol.hash}]: {protocol.describe()}")
    typer.echo(f"source    {protocol.source}")
    typer.echo(f"expects   {protocol.truth} (not checked against the files)")
    if result.units:
        typer.echo(f"unit      {result.units}")
    if result.missing_share:
        typer.echo(
            f"missing   {result.missing_share:.2%} of the scored pixels have no prediction; "
            f"they count as {holes_in_words(protocol)}"
        )
    typer.echo(score_table({result.model: result.metrics, **result.baselines}, METRICS))
    shown = {name: result.intervals[name] for name in ("delta1", "abs_rel", "rmse")}
    bounds = ", ".join(f"{name} {low:.3f}..{high:.3f}" for name, (low, high) in shown.items())
    typer.echo(f"95 % bootstrap interval over images: {bounds}")
    extra = [f"{name} {result.metrics[name]:.4g}" for name in protocol.extra_metrics]
    typer.echo(f"also      {', '.join(extra)}")
    if result.semantic is not None:
        accuracy, iou = result.semantic["pixel_accuracy"], result.semantic["mean_iou"]
        typer.echo(f"classes   pixel accuracy {accuracy:.3f}, mean IoU {iou:.3f}")
    print_breakdowns(result.breakdowns or {})


def print_breakdowns(breakdowns: dict[str, Any]) -> None:
    """Print boundary F1 in a line and every other breakdown as a table."""
    from leadline.cli.table import score_table
    from leadline.metrics import METRICS

    for name, content in breakdowns.items():
        if name == "boundary":
            found = content["images"] > 0
            values = [f"{key} {content[key]:.4f}" for key in ("f1", "precision", "recall") if found]
            line = ", ".join(values) or "no edge in the truth"
            typer.echo(f"boundary  {line} ({content['images']} images)")
            continue
        rows = {
            f"{row['name']} ({row['pixels']:,} px)": row["metrics"]
            for row in content
            if row["metrics"] is not None
        }
        typer.echo(f"by {name}, pooled over their pixels:")
        typer.echo(score_table(rows, METRICS) if rows else "no pixel")
