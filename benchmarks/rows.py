"""The documents' own rows: each network trained as its document says, on the encoder at hand.

    python benchmarks/rows.py --data DATA --out RUNS [--rows vgg19-fcn-a1,unet-2m] [--seeds 0,1,2]
        [--area 6144|document] [--minutes 60] [--collect benchmarks/rows]

Every row is a recipe with its own loss, augmentation, depth space, optimizer and rate. Three things
are changed: the encoder is the shipped MobileNetV2 (no other ImageNet weights are at hand; the
U-Nets keep their own), the length is 20 passes over the images, and the input has --area pixels
(`document`: as many as the document's, 240x320 at most). What else is changed in a row is in
`ROWS`, with the reason.

Each (row, seed) is a run folder below RUNS. A finished one is not trained again; one that was
stopped (Ctrl-C, SIGTERM, --minutes, a crash) goes on where it stood, so the same call may be
repeated until nothing is left. A finished run is scored under nyu-eigen and under the protocol of
its document. --collect copies what a row is known by, without weights or any path of this machine.
"""

import argparse
import csv
import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runs import (
    INDOORS,
    NYU_40,
    PROTOCOL,
    SHIPPED,
    is_finished,
    leadline,
    train_to_the_end,
    training_images,
)

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.metrics import get_protocol
from leadline.models.size_policy import processing_size
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.run_folder import (
    METRICS_FILE,
    MODEL,
    RECIPE_FILE,
    RunInfo,
    Status,
    check_run,
)

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
PASSES = 20
AREA = 6_144
"""64x96: 20 passes over 691 images in minutes on one core. Runs of another area are named by it."""
LARGEST = 76_800
"""240x320: the largest input a row is trained on here; of DenseDepth's 480x640 a fourth."""
PHOTOGRAPH = (480, 640)
"""Height and width of NYU's."""

MOMENTUM = ("optimizer.momentum=0.9",)
"""Not stated by Huang and Yu. Without it, 20 of their 1,000 passes are over before the network has
learned much (delta1 0.470)."""
IN_TRAINING = (
    "augment.rotation=5",
    "augment.scale=[1.0,1.5]",
    "schedule.every_epochs=7",
    "trainer.epochs=21",
)
"""Wang, Fu and Dong's expansion drawn anew in every pass: 21 passes over the images."""
EXPANSION = 7
"""How many images `leadline expand` makes of one, itself included."""
BEFOREHAND = ("schedule.every_epochs=1", "trainer.epochs=3")
"""Their expansion written once: 3 passes over seven times the images are as many images seen."""


@dataclass(frozen=True)
class Row:
    """A recipe, what is changed in it, and the protocol that its document scores by."""

    recipe: str
    settings: tuple[str, ...]
    own_protocol: str
    expanded: bool = False
    ignores_void: bool = False


ROWS = {
    "vgg19-fcn-a1": Row("vgg19-fcn-a1", (*SHIPPED, *MOMENTUM), "nyu-full"),
    "vgg19-fcn-a2": Row("vgg19-fcn-a2", (*SHIPPED, *MOMENTUM), "nyu-full"),
    "vgg19-fcn-a3": Row("vgg19-fcn-a3", (*SHIPPED, *MOMENTUM), "nyu-full"),
    "unet-2m": Row("unet-2m", (), "nyu-full"),
    "unet-2m-1e-3": Row("unet-2m", ("optimizer.lr=1e-3",), "nyu-full"),
    "unet-8.6m": Row("unet-8.6m", (), "nyu-full"),
    "unet-8.6m-1e-3": Row("unet-8.6m", ("optimizer.lr=1e-3",), "nyu-full"),
    "resnet34-unet": Row("resnet34-unet", SHIPPED, "nyu-full"),
    "resnet34-unet-aug": Row("resnet34-unet-aug", SHIPPED, "nyu-full"),
    "resnet50-upproj": Row("resnet50-upproj", (*SHIPPED, *IN_TRAINING), "nyu-full"),
    "resnet50-upproj-concat": Row("resnet50-upproj-concat", (*SHIPPED, *IN_TRAINING), "nyu-full"),
    "resnet50-upproj-expanded": Row("resnet50-upproj", (*SHIPPED, *BEFOREHAND), "nyu-full", True),
    "resnet50-upproj-concat-expanded": Row(
        "resnet50-upproj-concat", (*SHIPPED, *BEFOREHAND), "nyu-full", True
    ),
    "densedepth-half": Row("densedepth-half", SHIPPED, "nyu-densedepth"),
    "densedepth": Row("densedepth", SHIPPED, "nyu-densedepth"),
    "densedepth-nocolorswap": Row("densedepth-nocolorswap", SHIPPED, "nyu-densedepth"),
    "depth-mancini": Row("depth-mancini", (*SHIPPED, *INDOORS), "vkitti-sciuto"),
    "ds-net": Row("ds-net", (*SHIPPED, *INDOORS, *NYU_40), "vkitti-sciuto", ignores_void=True),
}
"""Name: row. Documents that name no crop are scored on the whole picture (nyu-full)."""


def document_area(row: Row) -> int:
    """Return the input pixels of a row's document, 240x320 at most."""
    return min(load_recipe(row.recipe).data.area, LARGEST)


def row_recipe(row: Row, area: int, seed: int, settings: Sequence[str] = ()) -> Recipe:
    """Return the recipe of a row at `area` input pixels."""
    has_length = any(text.startswith("trainer.epochs=") for text in row.settings)
    return load_recipe(
        row.recipe,
        [
            *row.settings,
            *(() if has_length else (f"trainer.epochs={PASSES}",)),
            "trainer.max_steps=null",
            f"data.area={area}",
            "data.limit=null",
            "data.workers=0",
            f"trainer.seed={seed}",
            f"trainer.protocol={PROTOCOL}",
            "trainer.loggers=[]",
            "trainer.checkpoint_every_steps=50",
            # One validation, at the end: the last weights are scored, not the luckiest.
            "trainer.validate_every_epochs=1000",
            *settings,
        ],
    )


def run_name(row: str, seed: int, area: int = AREA) -> str:
    """Return the name of a run folder: that of the row, with its area and seed if not the usual."""
    size = "" if area == AREA else f"-{area}px"
    return f"{row}{size}-s{seed}" if seed else f"{row}{size}"


def as_it_stands(run: Path) -> Path:
    """Return a copy of an unfinished run, with the model of its newest checkpoint.

    Errors: LeadlineError where the run has no checkpoint.
    """
    from leadline.training.checkpoint import load_checkpoint
    from leadline.training.distributed import start_processes
    from leadline.training.state import TrainState
    from leadline.training.trainer import Trainer
    from leadline.training.training_result import NoProgress

    copy = run.parent / "as-it-stands" / run.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("model", "samples", "tensorboard"))
    recipe, info = load_recipe(str(copy / RECIPE_FILE)), RunInfo.read(copy)
    checkpoint, _ = load_checkpoint(copy / "checkpoints")
    state = TrainState.restore(start_processes(recipe.trainer), recipe, copy, info, checkpoint)
    Trainer(state, NoProgress(), time.monotonic()).validate()  # which writes the model
    status = Status.read(copy)
    if status is not None:
        replace(status, step=state.step).write(copy)
    return copy


def score_run(run: Path, row: Row, data: Path) -> None:
    """Score a finished run under both protocols, where that was not done."""
    common = ["--model", run, "--data", data, "--split", "val", "--runtime", "torch"]
    if row.ignores_void:
        common += ["--void", 0, "--void", 255]
    first = ["--protocol", PROTOCOL, "--breakdown", "boundary"]
    own = ["--protocol", row.own_protocol, "--no-baselines", "--cases", 0]
    for name, options in ((PROTOCOL, first), (row.own_protocol, own)):
        if not is_scored(run / name, name):
            leadline("evaluate", *common, *options, "-o", run / name)
    for checkpoint in (run / "checkpoints").glob("*.ckpt"):
        checkpoint.unlink()  # the optimizer's state of a finished and scored run


def is_scored(folder: Path, protocol: str) -> bool:
    """Tell whether a folder holds scores under a protocol as it stands today."""
    if not (folder / "result.json").is_file():
        return False
    content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return bool(content["protocol"]["hash"] == get_protocol(protocol).hash)


def collect(run: Path, row: str, seed: int, target: Path) -> None:
    """Copy what a scored run is known by into `target`: recipe, curve, scores, facts; no path."""
    check_run(run)
    protocols = (PROTOCOL, ROWS[row].own_protocol)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / RECIPE_FILE, target / RECIPE_FILE)
    shutil.copyfile(run / METRICS_FILE, target / METRICS_FILE)
    for protocol in protocols:
        name = "result.json" if protocol == PROTOCOL else f"result-{protocol}.json"
        content = json.loads((run / protocol / "result.json").read_text(encoding="utf-8"))
        # Where the run and the data lay is nobody's business, and holds on no other machine.
        content.update(data="DATA", model=target.name, model_path=f"RUNS/{run.name}")
        _write_json(target / name, content)
    _copy_rows(run / PROTOCOL / "per_image.csv", target / "per_image.csv")
    _write_json(target / "row.json", facts(run, row, seed))


def facts(run: Path, row: str, seed: int) -> dict[str, Any]:
    """Return what a reader wants to know of a run beside its scores."""
    recipe, info, status = load_recipe(str(run / RECIPE_FILE)), RunInfo.read(run), Status.read(run)
    if status is None:
        raise LeadlineError(f"{run}: has no status.json; resume the run, which writes it")
    config = json.loads((run / MODEL / "config.json").read_text(encoding="utf-8"))
    return {
        "row": row,
        "recipe": recipe.name,
        "seed": seed,
        "encoder": config["options"].get("encoder"),
        "initialised_from": info.initialised_from,
        "parameters": count_parameters(run / MODEL / "model.safetensors"),
        "images": training_images(run) // (EXPANSION if ROWS[row].expanded else 1),
        "area": recipe.data.area,
        "input_pixels": math.prod(
            processing_size(*PHOTOGRAPH, config["training_area"], config["stride"])
        ),
        "precision": recipe.trainer.precision,
        "batch": status.images_per_step,
        "steps": status.step,
        "images_seen": status.step * status.images_per_step,
        "passes": status.step / status.steps_per_epoch,
        "passes_planned": status.total_steps / status.steps_per_epoch,
        "expanded": ROWS[row].expanded,
    }


def count_parameters(path: Path) -> int:
    """Return how many numbers a safetensors file holds, BatchNorm's statistics left out."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        names = [name for name in file.keys() if not name.endswith(STATISTICS)]  # noqa: SIM118
        shapes = [file.get_slice(name).get_shape() for name in names]
    total = 0
    for shape in shapes:
        size = 1
        for side in shape:
            size *= side
        total += size
    return total


def _copy_rows(source: Path, target: Path) -> None:
    """Copy per-image scores, five digits of each: enough for every test, a third of the bytes."""
    with source.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    whole = {header.index(name) for name in ("id", "pixels", "missing")}
    with atomic_path(target) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for line in lines:
            short = [
                text if place in whole or not text else f"{float(text):.5g}"
                for place, text in enumerate(line)
            ]
            writer.writerow(short)


def _write_json(path: Path, content: Any) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def data_of(row: Row, options: argparse.Namespace) -> Path:
    """Return what a row trains on: DATA, or its expansion, which is written once below RUNS."""
    if not row.expanded:
        return Path(options.data)
    folder: Path = options.out / "expanded"
    leadline("expand", options.data, "-o", folder)  # says so and ends where it is complete
    return folder


def check_data(data: Path) -> None:
    """Raise LeadlineError where data has no splits called train and val, before anything trains."""
    from leadline.datasets import open_data

    for split in ("train", "val"):
        open_data(data, split)


def run_rows(options: argparse.Namespace) -> None:
    """Train, score and collect what is missing: all rows of a seed before the next seed."""
    check_data(options.data)
    deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    for seed in options.seeds:
        for name in options.rows:
            row = ROWS[name]
            area = document_area(row) if options.area == "document" else int(options.area)
            run = options.out / run_name(name, seed, area)
            print(f"{run.name}", flush=True)
            if options.as_it_stands:
                run = run if is_finished(run) else as_it_stands(run)
            elif not train_to_the_end(
                row_recipe(row, area, seed), data_of(row, options), run, deadline
            ):
                print(f"stopped in {run.name}: the same call goes on")
                return
            score_run(run, row, options.data)
            if options.collect is not None:
                collect(run, name, seed, options.collect / run.name)


def main() -> int:
    """Read the options and work through the rows; one line on stderr where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="data with splits train and val")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--rows", type=lambda text: text.split(","), default=list(ROWS))
    parser.add_argument("--seeds", type=lambda text: [int(n) for n in text.split(",")], default=[0])
    parser.add_argument(
        "--area", default=str(AREA), help="input pixels; 'document': its own, 240x320 at most"
    )
    parser.add_argument("--minutes", type=float, help="stop after so long, with a checkpoint")
    parser.add_argument("--collect", type=Path, help="copy scores and curves of each row here")
    parser.add_argument(
        "--as-it-stands", action="store_true", help="train no more: score the newest checkpoints"
    )
    options = parser.parse_args()
    if unknown := sorted(set(options.rows) - set(ROWS)):
        parser.error(f"no such row: {', '.join(unknown)}; choose among {', '.join(ROWS)}")
    if options.area != "document" and not options.area.isdecimal():
        parser.error(f"--area {options.area}: give a number of pixels, or 'document'")
    try:
        run_rows(options)
    except (LeadlineError, OSError) as error:
        print(f"rows: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
