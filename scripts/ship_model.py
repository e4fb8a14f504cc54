"""Make a trained run the model of that name in the package, with every figure that is stored in it.

    python scripts/ship_model.py RUN crisp-nyu --data NYU --rooms ROOMS --card CARD.md
    python scripts/ship_model.py RUN crisp-street --data STREETS --card CARD.md
    python scripts/ship_model.py RUN crisp-nyu --data ALL --rooms ROOMS --card CARD.md \
        --twin MODEL --twin-data NYU

DATA is what the run was trained on, with the splits train and val; ROOMS may be a second part of
it. Weights are rounded to bfloat16 (`leadline.models.rounding`). What the network calls familiar is
fitted to its training pictures and the validation images of DATA, the intervals and what bf16 costs
to the validation images. Weights are stored as float16, the graph is exported over them, and the
two are checked against each other. Fingerprints of the training pictures of DATA are stored beside
them. The card is CARD.md. To be run again after every training; tables in README.md and docs
(benchmarks.md) name the commands that make them.

A run on all images has none to fit anything to. MODEL, made by this script from a run of the same
recipe on the train split of NYU, then gives its intervals, its loss by bf16 and its unit of
novelty: 19 of 20 training pictures are below the same novelty in both.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leadline.datasets.fingerprints import KnownPhotographs, known_photographs
from leadline.datasets.open import open_data
from leadline.datasets.sample import evenly_spaced
from leadline.evaluation.benchmark import BenchmarkCase, benchmark
from leadline.evaluation.intervals import fit_intervals
from leadline.inference import find_checkpoint
from leadline.inference.runtime_config import FACTORS_KEY, LOSS_KEY
from leadline.io.atomic import write_json
from leadline.io.files import read_json
from leadline.models import DepthModel, load_model
from leadline.models.novelty import ALARMS
from leadline.models.pipeline import InferencePipeline
from leadline.models.rounding import round_weights
from leadline.models.storage import CONFIG_FILE
from leadline.training.novelty import fit_novelty, novelty_head, picture_means
from leadline.weights import FOLDER

ROUNDING = 64
"""Pictures, from all of the training data, over which channels of rounded layers keep their means:
neighbours in a set are often of one scene, and its means are not those of the others."""

ROOMS = 700
"""Rooms whose pictures count as familiar: about as many as photographs."""


def main() -> None:
    """Fit, store, export."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", help="run or model folder")
    parser.add_argument("name", help="name of the model in the package")
    parser.add_argument("--data", type=Path, required=True, help="what it was trained on")
    parser.add_argument("--rooms", type=Path, help="rooms that it was trained on as well")
    parser.add_argument("--card", type=Path, required=True, help="what becomes README.md")
    parser.add_argument("--twin", type=Path, help="model folder that was fitted to held-out images")
    parser.add_argument("--twin-data", type=Path, help="what that was trained on")
    options = parser.parse_args()
    twin: Path | None = options.twin
    if (twin is None) != (options.twin_data is None):
        parser.error("give --twin and --twin-data, or neither")
    config = {} if twin is None else read_json(twin / CONFIG_FILE, "configuration")
    fitted = {} if twin is None else {key: config[key] for key in (FACTORS_KEY, LOSS_KEY)}
    inherited = known_photographs(options.run)
    target = FOLDER / options.name
    model = load_model(find_checkpoint(options.run)).eval()
    novelty_head(model)
    data = open_data(options.data, split="train")
    some = [data[index].image for index in evenly_spaced(len(data), ROUNDING)]
    batch = torch.cat([seen(model, picture) for picture in some])
    print(f"{round_weights(model, batch)} layers rounded to bfloat16")
    rooms = [] if options.rooms is None else islice(pictures(options.rooms, "train"), ROOMS)
    training = chain(pictures(options.data, "train"), rooms)
    fit_novelty(model, training, pictures(options.data, "val" if twin is None else "train"))
    if twin is not None:
        rescale_novelty(model, load_model(twin), options.twin_data)
    shutil.rmtree(target, ignore_errors=True)
    model.save(target, "fp16")
    shutil.copyfile(options.card, target / "README.md")
    known = KnownPhotographs.from_photographs(options.name, pictures(options.data, "train"))
    if inherited is not None:
        prints = np.unique(np.vstack((known.prints, inherited.prints)), axis=0)
        known = KnownPhotographs(options.name, prints)
    known.write(target)
    if twin is not None:
        add_to_config(target, **fitted)
    else:
        fit_to_validation_images(options.name, target, options.data)
    export(target)


def rescale_novelty(model: DepthModel, twin: DepthModel, data: Path) -> None:
    """Let 19 of 20 training pictures be below the same novelty as those of `twin` in `data`.

    The novelty of `model` is 1 there, as it was fitted.
    """
    head = novelty_head(twin.eval())
    means = np.stack([picture_means(twin, picture) for picture in pictures(data, "train")])
    distances = (torch.from_numpy(means) - head.mean) @ head.axes.T
    usual = torch.quantile(distances.square().sum(dim=1).sqrt(), 1 - ALARMS)
    print(f"19 of 20 training pictures: novelty below {usual:.3f}")
    with torch.no_grad():
        novelty_head(model).axes.mul_(usual)


def fit_to_validation_images(name: str, folder: Path, data: Path) -> None:
    """Store the intervals and what bf16 costs."""
    for each in fit_intervals(folder, data, store=True).intervals:
        covered = ", ".join(f"{share:.3f}" for share in each.coverage)
        print(f"{each.percent} %: factor {each.factor:.4f}, covered by those of others: {covered}")
    export(folder)
    loss = loss_of_bf16(name, data)
    print(f"bf16 changes abs_rel by {100 * loss:+.2f} %")
    add_to_config(folder, **{LOSS_KEY: {"bf16": round(loss, 5)}})


def add_to_config(folder: Path, **keys: Any) -> None:
    """Add keys to the configuration in a model folder; an exported graph does not have them yet."""
    config = folder / CONFIG_FILE
    write_json(config, {**read_json(config, "configuration"), **keys})


def seen(model: DepthModel, picture: NDArray[np.uint8]) -> Tensor:
    """Return (1,3,h,w), what the network is given of a picture, before normalisation."""
    return InferencePipeline(model).resize(torch.from_numpy(np.array(picture))[None])


def pictures(folder: Path, split: str) -> Iterator[NDArray[np.uint8]]:
    """Yield the pictures of a split."""
    data = open_data(folder, split=split)
    return (data[index].image for index in range(len(data)))


def export(folder: Path) -> None:
    """Write the graph of a model folder into it."""
    script = Path(__file__).with_name("export_shipped.py")
    subprocess.run([sys.executable, script, folder], check=True)


def loss_of_bf16(name: str, data: Path) -> float:
    """Return the relative change of abs_rel on the validation images against float32."""
    cases = [
        BenchmarkCase(name, "openvino", precision, (480, 640)) for precision in ("f32", "bf16")
    ]
    exact, half = (row.abs_rel or np.nan for row in benchmark(cases, rounds=3, data=str(data)))
    return float(half / exact - 1)


if __name__ == "__main__":
    main()
