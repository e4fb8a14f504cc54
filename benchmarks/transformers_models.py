"""A depth model of transformers and its exported files: their metres and scores.

    leadline worlds render -o rooms --count 4 --val-share 0 --size 480x640
    python benchmarks/transformers_models.py rooms FOLDER [FOLDER ...] --work out

FOLDER is one of save_pretrained with a metric model. Each is exported to .onnx and .xml for the
size of the photographs; a row of the table is one way to its metres: transformers itself, and each
file in each runtime that reads it. Differences are to transformers, over all pixels; every way is
scored twice, by `evaluate --model` and from what `predict` wrote by `evaluate --pred-dir`. Nothing
is downloaded. --work keeps files and rows, and a call that was stopped goes on with what is left;
what each step took is printed beside the table, on stderr.
Networks of their real size with random weights come from `python -m tests.inference.networks`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import leadline
from leadline.datasets import open_data
from leadline.io import read_depth
from leadline.io.atomic import write_json

SPLIT = "train"
WAYS = (
    ("transformers", None),
    ("onnx", "openvino"),
    ("onnx", "onnxruntime"),
    ("xml", "openvino"),
)
Row = dict[str, float]


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what a step took."""
    started = time.perf_counter()
    yield
    print(f"  {what}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def measure_way(
    folder: Path, data: Path, count: int, work: Path, suffix: str, runtime: str | None
) -> Row:
    """Return how a way's metres differ from those of transformers, and both of its scores."""
    written = work / f"{suffix}-{runtime}" / "rgb"
    photos = sorted((data / "rgb").iterdir())[:count]
    size = open_data(data, SPLIT)[0].depth.shape
    file = work / f"net.{suffix}"
    if runtime is not None and not file.exists():
        with timed(f"export to .{suffix}"):
            leadline.export_model(
                f"hf:{folder}", file, size=size, images=data / "rgb", image_count=1
            )
    source = leadline.ModelSource(str(file) if runtime else f"hf:{folder}", runtime=runtime)
    with timed(f"predict, {suffix} in {runtime or 'torch'}"):
        leadline.predict(photos, written, model=source.name, runtime=runtime or "auto")
    scores = []
    for each in (source, leadline.PredictionFolder(written.parent)):
        with timed(f"evaluate {type(each).__name__}"):
            result = leadline.evaluate(
                each, data, split=SPLIT, protocol="full", baselines=False, limit=count
            )
        scores.append(result.metrics)
    reference, maps = (
        [read_depth(path).depth for path in sorted(place.rglob("*.npy"))]
        for place in (work / "transformers-None" / "rgb", written)
    )
    errors = [np.abs(a - b) for a, b in zip(maps, reference, strict=True)]
    return {
        "largest": float(max(each.max() for each in errors)),
        "mean": float(np.mean(errors)),
        "abs_rel": scores[0]["abs_rel"],
        "abs_rel_of_files": scores[1]["abs_rel"],
        "delta1": scores[0]["delta1"],
        "nearest": float(min(each.min() for each in maps)),
        "farthest": float(max(each.max() for each in maps)),
    }


def print_table(folder: Path, data: Path, count: int, work: Path) -> None:
    """Print a row for every way to the metres of a model, as soon as it is known."""
    print(f"\n| {folder.name} | largest, m | mean, m | abs_rel | of files | delta1 | metres |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    stored = work / "rows.json"
    rows: dict[str, Row] = json.loads(stored.read_text()) if stored.exists() else {}
    for suffix, runtime in WAYS:
        name = f"`.{suffix}` in {runtime}" if runtime else suffix
        if name not in rows:
            rows[name] = measure_way(folder, data, count, work, suffix, runtime)
            write_json(stored, rows)
        row = rows[name]
        print(
            f"| {name} | {row['largest']:.1e} | {row['mean']:.1e} | {row['abs_rel']:.7f} | "
            f"{row['abs_rel_of_files']:.7f} | {row['delta1']:.5f} | "
            f"{row['nearest']:.2f} to {row['farthest']:.2f} |",
            flush=True,
        )


def main() -> None:
    """Print one table a model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=2, help="of photographs")
    parser.add_argument("--work", type=Path, help="where files and rows are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for folder in options.models:
            print_table(folder, options.data, options.count, work / folder.name)


if __name__ == "__main__":
    main()
