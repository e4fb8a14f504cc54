"""`leadline evaluate`: a score that says how it was made."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options

if TYPE_CHECKING:
    from leadline.datasets.sample import DepthDataset
    from leadline.evaluation import Evaluation


def evaluate_command(
    data: Annotated[Path, typer.Option(help="Data of any layout in docs/data.md.")],
    model: Annotated[
        str | None, typer.Option(help="Shipped model, run folder, model folder, .onnx or .xml.")
    ] = None,
    pred_dir: Annotated[
        Path | None, typer.Option(help="Score these prediction files instead of a model.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, val, test, ...; else val or test, whichever the data has."),
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
        str | None, typer.Option(help="Units per metre of --pred-dir files that do not say it.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="nyu-eigen, full, or auto: nyu-eigen where the truth is 480x640.")
    ] = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="Score only the first N images.")] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder for result.json, CSV and pictures.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option(help="Also score trivial baselines, where there is a train split.")
    ] = True,
    runtime: Annotated[str, typer.Option(help="auto, openvino, onnxruntime or torch.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Score a model, or anybody's prediction files, on image-depth pairs.

    Scoring runs in float32 on every runtime; metrics are computed per image and averaged.
    """
    import json

    from leadline.cli.progress import tracker
    from leadline.datasets.open import open_data, open_train_split, split_to_score
    from leadline.depth.errors import LeadlineError
    from leadline.depth.units import parse_units
    from leadline.evaluation import evaluate, prediction_files, write_evaluation
    from leadline.evaluation.evaluate import Predict
    from leadline.inference import Predictor

    if (model is None) == (pred_dir is None):
        raise LeadlineError("give either --model NAME_OR_PATH or --pred-dir DIR")
    scale = parse_units(depth_scale) if depth_scale else None
    options = parse_data_options(data_option)
    split = split if split is not None else split_to_score(data, layout)
    samples = open_data(data, split, layout=layout, units_per_metre=scale, options=options)
    if limit is not None:
        samples = samples.subset(range(min(limit, len(samples))))
    predict: Predict
    if pred_dir is not None:
        name = str(pred_dir)
        predict = prediction_files(
            pred_dir, samples, parse_units(pred_scale) if pred_scale else None
        )
    else:
        predictor = Predictor.load(str(model), runtime=runtime)
        name = predictor.name
        predict = lambda sample: predictor.metres(sample.image[None])[0]  # noqa: E731
    result = evaluate(
        predict,
        samples,
        model=name,
        data_name=f"{data} ({samples.name})",
        protocol=protocol,
        track=tracker("evaluate"),
    )
    train = None
    if baselines:
        train = open_train_split(data, layout=layout, units_per_metre=scale, options=options)
    if train is not None:
        result.baselines = score_baselines(train, samples, result.protocol.name)
    if out is not None:
        write_evaluation(result, out, predict, samples)
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=2))
        return
    print_result(result)
    if out is not None:
        typer.echo(f"written: {out / 'result.json'}, {out / 'per_image.csv'}, {out / 'worst.png'}")


def score_baselines(
    train: "DepthDataset", samples: "DepthDataset", protocol: str
) -> dict[str, dict[str, float]]:
    """Score what ignores the photograph: the mean depth map and the median of `train`."""
    from leadline.cli.progress import tracker
    from leadline.evaluation import evaluate, training_baselines
    from leadline.evaluation.evaluate import always

    maps = training_baselines(train, tracker("baselines from the train split"))
    return {
        name: evaluate(always(depth), samples, model=name, data_name="", protocol=protocol).means
        for name, depth in maps.items()
    }


def print_result(result: "Evaluation") -> None:
    """Print an `Evaluation` as a table with its protocol above it."""
    from leadline.cli.table import score_table
    from leadline.metrics import METRICS

    protocol = result.protocol
    crop = f"crop {protocol.crop} of {protocol.crop_size}" if protocol.crop else "no crop"
    typer.echo(f"data      {result.data}: {result.scored} of {len(result.images)} images scored")
    typer.echo(
        f"protocol  {protocol.name} [{protocol.hash}]: "
        f"{protocol.min_depth:g}..{protocol.max_depth:g} m, "
        f"{crop}, alignment {protocol.alignment}, no flip averaging, {protocol.aggregation}"
    )
    if result.missing_share:
        typer.echo(
            f"missing   {result.missing_share:.2%} of the scored pixels have no prediction; "
            f"they count as {protocol.min_depth:g} m"
        )
    typer.echo(score_table({result.model: result.means, **result.baselines}, METRICS))
