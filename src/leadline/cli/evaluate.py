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
from leadline.cli.progress import track
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
from leadline.inference.runtime import RuntimeName
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
    data: Annotated[
        Path, typer.Option(help="Data set in any supported layout ('leadline layouts').")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to score: shipped model, run or model folder, .onnx, .xml, or "
            "hf:NAME_OR_FOLDER."
        ),
    ] = None,
    pred_dir: Annotated[
        Path | None, typer.Option(help="Score these prediction files instead of a model.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="train, val, test or all (default: val, else test). If the data has no splits, "
            "train and val are those of the run given by --model."
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
            help="Units per metre of --pred-dir files that do not state it (default: detected).",
        ),
    ] = None,
    mirrored_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder with predictions for the mirrored photographs, for flip averaging."
        ),
    ] = None,
    flip_averaged: Annotated[
        bool,
        typer.Option("--flip-averaged", help="The files in --pred-dir are flip-averaged already."),
    ] = False,
    pred_crop: Annotated[
        str | None,
        typer.Option(
            metavar="kb|whole|X,Y,W,H",
            help="Part of the image that --pred-dir files cover: kb (KITTI's 352x1216), whole (a "
            "squeezed image) or X,Y,W,H in pixels of the truth. Default: a plain resize or a "
            "known crop.",
        ),
    ] = None,
    pred_output: Annotated[
        PredictionOutput | None,
        typer.Option(
            "--pred-output",
            "--hf-output",
            help="What --pred-dir or an hf: model holds: metric (default; hf: by its config) "
            "or inverse, inverse depth up to scale and shift, which needs --align.",
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="Name from 'leadline protocols', a .yaml, or auto: nyu-eigen if the data states "
            "that it is NYU (layout, or dataset: nyu in dataset.yaml), else full."
        ),
    ] = "auto",
    align: Annotated[
        Alignment | None,
        typer.Option(help="Fit each prediction to the ground truth before scoring."),
    ] = None,
    align_space: Annotated[
        AlignmentSpace | None, typer.Option(help="Space in which --align fits (default: depth).")
    ] = None,
    breakdown: Annotated[
        list[str] | None,
        typer.Option(
            metavar=f"[{'|'.join(BREAKDOWNS)}]",
            help="Also score parts of the image; separate several by commas or repeat the option.",
        ),
    ] = None,
    void: Annotated[
        list[int] | None,
        typer.Option(help="Label id to ignore in class scores; repeatable (default: 255)."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Score only the first N images (default: all).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="Output folder for result.json, CSV, the report and pictures."
        ),
    ] = None,
    cases: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=64,
            help="Number of worst and of best images to keep in --out (default: 8 each).",
        ),
    ] = None,
    block: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of neighbouring images that the bootstrap draws together, if "
            "they are similar.",
        ),
    ] = 1,
    baselines: Annotated[
        bool, typer.Option(help="Also score trivial baselines if the data has a train split.")
    ] = True,
    runtime: Annotated[
        RuntimeName | None, typer.Option(help="Runtime of the model (default: auto).")
    ] = None,
    camera: Annotated[
        CameraMode | None,
        typer.Option(
            help="auto (default): scale depth by the focal lengths that the data states; ignore: "
            "do not."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model, or a folder of prediction files, under a named evaluation protocol.

    Networks run in float32 on every runtime; int8 files run as they are. Metrics are computed in
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
        track=track,
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
