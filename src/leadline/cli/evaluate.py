"""`leadline evaluate`: a score that says how it was made."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.cli.inputs import check_needed
from leadline.cli.options import DepthScaleOption, JsonOption, parse_depth_scale
from leadline.cli.print_result import print_result
from leadline.cli.progress import tracker
from leadline.errors import LeadlineError
from leadline.evaluation import ModelSource, PredictionFolder, Result
from leadline.evaluation.breakdowns import BREAKDOWNS, BreakdownName
from leadline.evaluation.evaluate import VOID, evaluate
from leadline.evaluation.predictions import PredictionOutput
from leadline.evaluation.result import (
    CASES_FOLDER,
    REPORT_FILE,
    RESULT_FILE,
    TABLE_FILE,
    WORST_FILE,
)
from leadline.inference.camera import CameraMode
from leadline.inference.runtimes import RuntimeName
from leadline.metrics.alignment import Alignment, AlignmentSpace


def parse_breakdowns(texts: Sequence[str] | None) -> list[BreakdownName]:
    """Return the breakdowns named, separated by commas or one by one.

    Errors: LeadlineError for an unknown one.
    """
    names = [name.strip() for text in texts or () for name in text.split(",")]
    known = {str(name): name for name in BREAKDOWNS}
    for name in names:
        if name not in known:
            raise LeadlineError(f"--breakdown {name!r}: choose among {', '.join(BREAKDOWNS)}")
    return [known[name] for name in names]


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
        typer.Option(
            help="train, val, test or all; else val or test, whichever the data has. Of data "
            "without splits, train and val are those of the run that is --model."
        ),
    ] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    depth_scale: DepthScaleOption = None,
    pred_scale: Annotated[
        float | None,
        typer.Option(
            parser=parse_depth_scale,
            metavar="UNITS",
            help="Units per metre of --pred-dir files that do not say it; default: detected.",
        ),
    ] = None,
    mirrored_dir: Annotated[
        Path | None,
        typer.Option(help="Predictions of the mirrored photographs, for flip averaging."),
    ] = None,
    flip_averaged: Annotated[
        bool, typer.Option("--flip-averaged", help="--pred-dir holds flip averages already.")
    ] = False,
    pred_crop: Annotated[
        str | None,
        typer.Option(
            metavar="kb|whole|X,Y,W,H",
            help="Part of the picture that --pred-dir files cover: KITTI's 352x1216, all of it "
            "though squeezed, or pixels of the truth; default: a plain resize, or recognised.",
        ),
    ] = None,
    pred_output: Annotated[
        PredictionOutput | None,
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
            help="A name of `leadline protocols`, a .yaml, or auto: nyu-eigen where the data says "
            "that it is NYU (layout, or dataset: nyu in dataset.yaml), else full"
        ),
    ] = "auto",
    align: Annotated[
        Alignment | None, typer.Option(help="Fit each prediction to the truth first.")
    ] = None,
    align_space: Annotated[
        AlignmentSpace | None, typer.Option(help="Where --align fits; default: depth.")
    ] = None,
    breakdown: Annotated[
        list[str] | None,
        typer.Option(
            metavar=f"[{'|'.join(BREAKDOWNS)}]",
            help="Scores by part of the picture: with commas, or several times.",
        ),
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
    block: Annotated[
        int,
        typer.Option(
            min=1, help="Neighbouring images that intervals draw together, where they are alike."
        ),
    ] = 1,
    baselines: Annotated[
        bool, typer.Option(help="Also score trivial baselines, where there is a train split.")
    ] = True,
    runtime: Annotated[
        RuntimeName | None, typer.Option(help="Engine that runs the model; default: auto.")
    ] = None,
    camera: Annotated[
        CameraMode | None,
        typer.Option(help="auto (default): metres follow the cameras that the data states."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model, or anybody's prediction files, under a named protocol.

    Networks run in float32 on every runtime, 8-bit files as they are; metrics are computed in
    float64.
    """
    for option, value, needed, present in (
        ("--pred-scale", pred_scale, "--pred-dir", pred_dir),
        ("--mirrored-dir", mirrored_dir, "--pred-dir", pred_dir),
        ("--flip-averaged", flip_averaged, "--pred-dir", pred_dir),
        ("--pred-crop", pred_crop, "--pred-dir", pred_dir),
        ("--runtime", runtime, "--model", model),
        ("--camera", camera, "--model", model),
        ("--align-space", align_space, "--align", align),
        ("--cases", cases, "-o", out),
    ):
        check_needed(option, value, needed, present)
    source: ModelSource | PredictionFolder
    if model is not None and pred_dir is None:
        source = ModelSource(model, runtime, pred_output, camera)
    elif pred_dir is not None and model is None:
        source = PredictionFolder(
            pred_dir, pred_scale, pred_output or "metric", mirrored_dir, flip_averaged, pred_crop
        )
    else:
        raise LeadlineError("give either --model NAME_OR_PATH or --pred-dir DIR")
    result = evaluate(
        source,
        data,
        split=split,
        layout=layout,
        units_per_metre=depth_scale,
        data_options=parse_data_options(data_option),
        limit=limit,
        protocol=protocol,
        align=align,
        align_space=align_space or "depth",
        breakdowns=parse_breakdowns(breakdown),
        void=VOID if void is None else void,
        baselines=baselines,
        out=out,
        cases=cases,
        block=block,
        tracker=tracker,
    )
    print_evaluation(result, out, as_json=as_json)
    if void is not None and not has_class_scores(result):
        typer.echo(
            "leadline: warning: --void changed nothing: no class was scored "
            "(data with labels, and --breakdown classes or a model that names classes)",
            err=True,
        )


def has_class_scores(result: Result) -> bool:
    """Return whether a result has scores of classes, which --void is for."""
    return result.semantic is not None or bool((result.breakdowns or {}).get("classes"))


def print_evaluation(result: Result, out: Path | None, *, as_json: bool) -> None:
    """Print warnings on stderr, then JSON, or tables and what was written."""
    for warning in result.warnings:
        typer.echo(f"leadline: warning: {warning}", err=True)
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=2))
        return
    print_result(result)
    if out is not None:
        names = (RESULT_FILE, TABLE_FILE, REPORT_FILE, WORST_FILE)
        written = [str(out / name) for name in names if (out / name).is_file()]
        written += [f"{out / CASES_FOLDER}/"] if result.cases else []
        typer.echo(f"written: {', '.join(written)}")
