"""Result folders for the tests: small pairs scored through the real evaluation."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.datasets.open import open_data
from leadline.evaluation import evaluate
from leadline.evaluation.predictions import PredictedMaps


class ScaledTruth:
    """Predicts the truth times a factor that depends on the image: errors are known."""

    def __init__(self, factors):
        self.factors = factors

    def predict(self, sample):
        number = int(Path(sample.id).stem[:3])
        return PredictedMaps(sample.depth * np.float32(self.factors(number)))


def write_result(
    folder: Path, data: Path, factors, *, model="model", protocol="full", limit=None, ranges=True
):
    """Score `truth x factors(number of the image)` on `data` and write the result folder."""
    result = evaluate(
        ScaledTruth(factors),
        open_data(data, None),
        protocol=protocol,
        breakdowns=["ranges", "edges"] if ranges else [],
        cases=2,
        limit=limit,
        name=model,
        data_name=str(data),
    )
    result.save(folder)
    return folder


def write_named_pairs(folder: Path, names) -> Path:
    """Write a CSV of pairs whose image files carry `names`; depth is a ramp from 1 to 3 m."""
    (folder / "rgb").mkdir(parents=True)
    (folder / "depth").mkdir()
    ramp = np.linspace(1000, 3000, 32 * 48).reshape(32, 48).astype(np.uint16)
    rows = [["image", "depth"]]
    for number, name in enumerate(names):
        Image.fromarray(np.full((32, 48, 3), 90, np.uint8)).save(folder / "rgb" / name)
        Image.fromarray(ramp).save(folder / "depth" / f"{number}.png")
        rows.append([f"rgb/{name}", f"depth/{number}.png"])
    with (folder / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder / "pairs.csv"


def edit_result(folder: Path, **changes) -> Path:
    """Change keys of result.json; a None removes the key."""
    file = folder / "result.json"
    content = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return folder
