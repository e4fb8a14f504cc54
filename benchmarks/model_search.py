"""One row of docs/model-search.md for each model: photographs, held-out rooms, against the first.

    python benchmarks/model_search.py --nyu DATA --rooms FOLDER MODEL...

DATA is labelled NYU Depth v2 with a split val, FOLDER rooms of `leadline worlds render`, a MODEL
what `leadline evaluate --model` takes. Metrics are means over the images, as predicted; d is the
paired difference to the first model with its interval over the images (95 %, resampled).
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from leadline.evaluation import Result, evaluate
from leadline.evaluation.comparison_table import compare_results

METRICS = ("delta1", "abs_rel", "rmse")


def score(model: str, data: Path, name: str) -> Result:
    """Score one model on the validation images, edges beside the metrics."""
    return evaluate(model, data, split="val", breakdowns=["boundary"], baselines=False, name=name)


def boundary(result: Result) -> str:
    """F1 of the edges with precision and recall; - where no image has an edge."""
    values = [result.boundary.get(name) for name in ("f1", "precision", "recall")]
    f1, precision, recall = ("-" if v is None else f"{v:.4f}" for v in values)
    return f"{f1} ({precision} / {recall})"


def rows(models: Sequence[str], nyu: Path, rooms: Path) -> Iterator[str]:
    """Yield the lines of the table as the models are scored."""
    yield "| model | delta1 | abs_rel | rmse | d delta1 | edges | rooms: delta1 | rooms: edges |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    first: Result | None = None
    for number, model in enumerate(models):
        name = f"{number}: {Path(model).name}"
        photographs, generated = score(model, nyu, name), score(model, rooms, name)
        difference = "-"
        if first is not None:
            table = compare_results([first, photographs], metrics=["delta1"], baselines=False)
            paired = table.differences[name]["delta1"]
            low, high = paired.interval
            difference = f"{paired.mean:+.3f} ({low:+.3f} to {high:+.3f})"
        first = first or photographs
        cells = [f"{photographs.metrics[metric]:.4f}" for metric in METRICS]
        cells += [difference, boundary(photographs)]
        cells += [f"{generated.metrics['delta1']:.4f}", boundary(generated)]
        yield f"| {Path(model).name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nyu", type=Path, required=True)
    parser.add_argument("--rooms", type=Path, required=True)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    for line in rows(options.models, options.nyu, options.rooms):
        print(line, flush=True)


if __name__ == "__main__":
    main()
