"""The published systems at one small, equal budget: same encoder, images, size, steps, batch.

    python benchmarks/comparison.py --data DATA --out RUNS [--steps 500] [--seeds 0,1,2]
        [--rows vgg19-fcn-a1,unet-2m] [--optimizer common]

Every row is a recipe, trained by the package's own loop and scored by its own evaluation; what is
equalised is in `equal_budget`. Each (row, seed) is a run folder below RUNS: a finished one is read
and not trained again, an unfinished one is resumed, so the script may be stopped at any time. After
every run `RUNS/comparison.json` and `RUNS/comparison.md` are written anew from what is finished.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs import INDOORS, NYU_40, PROTOCOL, SHIPPED, check_same, spread

from leadline.datasets import open_data
from leadline.evaluation import (
    ConstantPredictions,
    ModelPredictions,
    evaluate,
    training_baselines,
)
from leadline.inference import Predictor
from leadline.io.atomic import atomic_path
from leadline.metrics import METRICS, get_protocol
from leadline.models.build import load_model
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.train import resume, train

RANDOM = ("model.encoder_weights=none",)
ROW_FILE = "comparison_row.json"
VOID = (0,)
COMMON = (
    "optimizer.name=adamw",
    "optimizer.lr=1e-3",
    "optimizer.encoder_lr=3e-4",
    "optimizer.weight_decay=0.01",
    "optimizer.amsgrad=false",
    "optimizer.clip=1",
    "schedule.name=one_cycle",
    "schedule.final=0",
)
"""What the shipped model was trained with; most papers' own rates need 10 to 1000 times the steps
to arrive anywhere, and a table of networks that have not begun to learn compares nothing."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a recipe and what is changed in it for this data and budget."""

    recipe: str
    encoder: str
    settings: tuple[str, ...]


ROWS = {
    "vgg19-fcn-a1": Row("vgg19-fcn-a1", "MobileNetV2", SHIPPED),
    "vgg19-fcn-a2": Row("vgg19-fcn-a2", "MobileNetV2", SHIPPED),
    "vgg19-fcn-a3": Row("vgg19-fcn-a3", "MobileNetV2", SHIPPED),
    "vgg19-fcn-skip": Row("vgg19-fcn-skip", "MobileNetV2", SHIPPED),
    "unet-2m": Row("unet-2m", "its own, random", ()),
    "resnet34-unet": Row("resnet34-unet", "MobileNetV2", SHIPPED),
    "resnet34-unet, random": Row("resnet34-unet", "ResNet-34, random", RANDOM),
    "fcrn": Row("fcrn", "MobileNetV2", SHIPPED),
    "resnet50-upproj": Row("resnet50-upproj", "MobileNetV2", SHIPPED),
    "depth-mancini": Row("depth-mancini", "MobileNetV2", (*SHIPPED, *INDOORS)),
    "ds-net": Row("ds-net", "MobileNetV2", (*SHIPPED, *INDOORS, *NYU_40)),
    "densedepth": Row("densedepth", "MobileNetV2", SHIPPED),
    "densedepth-half": Row("densedepth-half", "MobileNetV2", SHIPPED),
    "densedepth-nocolorswap": Row("densedepth-nocolorswap", "MobileNetV2", SHIPPED),
    "compact": Row("compact", "MobileNetV2", SHIPPED),
}


def equal_budget(row: Row, options: argparse.Namespace, seed: int) -> Recipe:
    """Return the row's recipe at the common size, batch, length and, unless `own`, optimizer."""
    budget = (
        f"data.area={options.area}",
        f"data.batch_size={options.batch}",
        "data.workers=0",
        f"trainer.max_steps={options.steps}",
        f"trainer.seed={seed}",
        f"trainer.protocol={PROTOCOL}",
        # One validation, at the end: the last weights are scored, not the luckiest.
        "trainer.validate_every_epochs=1000000",
        "trainer.checkpoint_every_steps=100",
    )
    optimizer = COMMON if options.optimizer == "common" else ()
    return load_recipe(row.recipe, [*row.settings, *budget, *optimizer])


class Clock:
    """A `Reporter` that counts the processor time of the training steps it sees."""

    def __init__(self) -> None:
        self.steps = 0
        self.seconds = 0.0
        self._before = 0.0

    def start(self, first_step: int, total_steps: int) -> None:
        """Begin to count."""
        self._before = time.process_time()

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Count one step, its loading included."""
        now = time.process_time()
        self.seconds += now - self._before
        self.steps += 1
        self._before = now
        if step % 100 == 0:
            self.say(f"  step {step}, loss {loss:.4f}, {self.per_step:.3f} s of processor a step")

    @property
    def per_step(self) -> float:
        """Seconds of processor time a step."""
        return self.seconds / max(1, self.steps)

    def say(self, line: str) -> None:
        """Print at once."""
        print(line, flush=True)


def run_row(name: str, seed: int, options: argparse.Namespace) -> None:
    """Train and score one row with one seed, or what is missing of that.

    A run that was scored under another version of the protocol is scored again.
    """
    folder = options.out / f"{name.replace(', ', '-')}-{options.optimizer}-seed{seed}"
    result_file: Path = folder / ROW_FILE
    result = json.loads(result_file.read_text()) if result_file.is_file() else {}
    for key in ("steps", "batch", "area"):
        if result.get(key, getattr(options, key)) != getattr(options, key):
            raise SystemExit(f"{folder}: has {key} {result[key]}; choose another --out")
    if not result:
        print(f"{name}, seed {seed}", flush=True)
        result = trained(name, seed, folder, options)
    if result.get("protocol_hash") != get_protocol(PROTOCOL).hash or "semantic" not in result:
        result.update(score(folder / "model", options.data))
        with atomic_path(result_file) as temporary:
            temporary.write_text(json.dumps(result, indent=2) + "\n")
    # The optimizer's state of a finished run is of no more use.
    for checkpoint in (folder / "checkpoints").glob("*.ckpt"):
        checkpoint.unlink()


def trained(name: str, seed: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train a row to its end and return what is to be said of it, its scores excepted."""
    clock = Clock()
    recipe = equal_budget(ROWS[name], options, seed)
    if (folder / "checkpoints" / "last.ckpt").is_file():
        check_same(folder, recipe, options.data)
        resume(folder, progress=clock, score=False)
    else:  # also one that was stopped before its first checkpoint
        train(recipe, options.data, folder, progress=clock, score=False)
    return {
        "row": name,
        "recipe": recipe.name,
        "encoder": ROWS[name].encoder,
        "optimizer": options.optimizer,
        "seed": seed,
        "steps": options.steps,
        "batch": options.batch,
        "area": options.area,
        "parameters": load_model(folder / "model").parameter_count(),
        "cpu_seconds_per_step": clock.per_step if clock.steps else None,
    }


def score(model: Path, data: Path) -> dict[str, Any]:
    """Score a saved model on the validation images: depth, and classes where it has them."""
    predictions = ModelPredictions(Predictor.load(model, runtime="torch"))
    result = evaluate(predictions, open_data(data, "val"), protocol=PROTOCOL, void=VOID)
    return {
        "protocol": PROTOCOL,
        "protocol_hash": result.protocol.hash,
        "metrics": result.metrics,
        "semantic": result.semantic,
    }


def baseline_rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Score what ignores the photograph, once for a version of the protocol; then read it."""
    path: Path = options.out / "baselines.json"
    of_protocol = get_protocol(PROTOCOL).hash
    if path.is_file():
        rows: list[dict[str, Any]] = json.loads(path.read_text())
        if all(row.get("protocol_hash") == of_protocol for row in rows):
            return rows
    validation = open_data(options.data, "val")
    maps = training_baselines(open_data(options.data, "train"))
    rows = []
    for name, depth in maps.items():
        result = evaluate(ConstantPredictions(depth), validation, protocol=PROTOCOL)
        rows.append(
            {
                "row": name,
                "metrics": result.metrics,
                "protocol_hash": of_protocol,
                "images": result.images_scored,
            }
        )
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(rows, indent=2) + "\n")
    return rows


def table(
    baselines: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]], options: argparse.Namespace
) -> str:
    """Return the Markdown table: a line a row and optimizer, mean and spread over its seeds."""
    shown = ("delta1", "abs_rel", "rmse", "log10")
    head = ["row", "encoder", "optimizer", "parameters", "seeds", "CPU s/step", *shown]
    protocol = get_protocol(PROTOCOL)
    lines = [
        f"Protocol {protocol.name} [{protocol.hash}], {baselines[0]['images']} validation images "
        f"with in-painted depth; {options.steps} steps "
        f"of batch {options.batch} at {options.area:,} pixels.",
        "",
        "| " + " | ".join(head) + " |",
        "| --- | --- | --- |" + " ---: |" * (len(head) - 3),
    ]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault((run["row"], run["optimizer"]), []).append(run)
    for row in baselines:
        scores = [f"{row['metrics'][metric]:.3f}" for metric in shown]
        lines.append("| " + " | ".join([row["row"], "", "", "0", "", "", *scores]) + " |")
    for (name, optimizer), group in groups.items():
        timed = [run["cpu_seconds_per_step"] for run in group if run["cpu_seconds_per_step"]]
        cells = [
            name,
            group[0]["encoder"],
            optimizer,
            f"{group[0]['parameters']:,}",
            str(len(group)),
            f"{statistics.median(timed):.2f}" if timed else "",
            *[spread([run["metrics"][metric] for run in group]) for metric in shown],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_results(options: argparse.Namespace) -> str:
    """Collect every finished run below `--out` into JSON and a table; return the table."""
    files = sorted(options.out.glob(f"*/{ROW_FILE}"))
    runs = [json.loads(file.read_text()) for file in files]
    order = list(ROWS)
    runs.sort(key=lambda run: (order.index(run["row"]), run["optimizer"], run["seed"]))
    baselines = baseline_rows(options)
    text = table(baselines, runs, options)
    with atomic_path(options.out / "comparison.json") as temporary:
        content = {"metrics": list(METRICS), "baselines": baselines, "runs": runs}
        temporary.write_text(json.dumps(content, indent=2) + "\n")
    with atomic_path(options.out / "comparison.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return text


def main() -> None:
    """Run what is missing, cheapest decision first: all rows of a seed before the next seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", help=f"some of: {'; '.join(ROWS)}; split by ';'")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--area", type=int, default=19_200)
    parser.add_argument("--optimizer", choices=("common", "own"), default="common")
    options = parser.parse_args()
    names = options.rows.split(";") if options.rows else list(ROWS)
    for seed in options.seeds.split(","):
        for name in names:
            run_row(name, int(seed), options)
            write_results(options)
    print(write_results(options))


if __name__ == "__main__":
    main()
