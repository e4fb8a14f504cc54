"""A depth model of transformers and its exported files: their metres and scores.

    leadline worlds render -o rooms --count 4 --val-share 0 --size 480x640
    python benchmarks/transformers_models.py rooms FOLDER [FOLDER ...]

FOLDER is one of save_pretrained with a metric model. Each is exported to .onnx and .xml for the
size of the photographs; a row of the table is one way to its metres: transformers itself, and each
file in each runtime that reads it. Differences are to transformers, over all pixels; every way is
scored twice, by `evaluate --model` and from what `predict` wrote by `evaluate --pred-dir`. Nothing
is downloaded.
Networks of their real size with random weights come from `python -m tests.inference.networks`.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import leadline
from leadline.datasets import open_data
from leadline.io import read_depth

SPLIT = "train"
WAYS = (("onnx", "openvino"), ("onnx", "onnxruntime"), ("xml", "openvino"))


def compare_ways(folder: Path, data: Path, work: Path) -> None:
    """Print a row for every way to the metres of a model."""
    samples = open_data(data, SPLIT)
    size = samples[0].depth.shape
    photos = data / "rgb"

    def row(name: str, source: leadline.ModelSource, written: Path) -> list[NDArray[np.float32]]:
        leadline.predict(photos, written, model=source.name, runtime=source.runtime or "auto")
        maps = [read_depth(path).depth for path in sorted(written.rglob("*.npy"))]
        errors = [np.abs(a - b) for a, b in zip(maps, reference or maps, strict=True)]
        scores = [
            leadline.evaluate(each, data, split=SPLIT, protocol="full", baselines=False).metrics
            for each in (source, leadline.PredictionFolder(written))
        ]
        print(
            f"| {name} | {max(each.max() for each in errors):.1e} | {np.mean(errors):.1e} | "
            + " | ".join(f"{each['abs_rel']:.7f}" for each in scores)
            + f" | {scores[0]['delta1']:.5f} |",
            flush=True,
        )
        return maps

    reference: list[NDArray[np.float32]] = []
    reference = row("transformers", leadline.ModelSource(f"hf:{folder}"), work / "transformers")
    print(f"| metres: {np.min(reference):.2f} to {np.max(reference):.2f} | | | | | |")
    for suffix in ("onnx", "xml"):
        leadline.export_model(f"hf:{folder}", work / f"net.{suffix}", size=size, images=photos)
    for suffix, runtime in WAYS:
        source = leadline.ModelSource(str(work / f"net.{suffix}"), runtime=runtime)
        row(f".{suffix} in {runtime}", source, work / f"{suffix}-{runtime}")


def main() -> None:
    """Print one table a model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    options = parser.parse_args()
    for folder in options.models:
        print(f"\n| {folder.name} | largest, m | mean, m | abs_rel | abs_rel of files | delta1 |")
        print("| --- | --- | --- | --- | --- | --- |")
        with tempfile.TemporaryDirectory() as work:
            compare_ways(folder, options.data, Path(work))


if __name__ == "__main__":
    main()
