"""What generated rooms teach about real ones: compact on rooms, on photographs, on both.

    python benchmarks/worlds_transfer.py --nyu DATA --out RUNS [--rooms FOLDER] [--count 1400]
        [--steps 1300] [--area 76800] [--seeds 0 1 2] [--only rooms real both edges]

DATA is labelled NYU Depth v2 with the splits train and val, as pairs or packed. Rooms are those of
FOLDER (leadline worlds render), or COUNT are rendered into the cache. Every run sees as many
images: in `both` and `edges` a third are photographs, and in `edges` the loss on edges looks at the
rooms alone. Finished runs are not trained again. Every number is a mean over the validation
photographs, as predicted and after each prediction is scaled to the truth's median.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from leadline.evaluation import evaluate
from leadline.training.run_folder import Run, is_run
from leadline.training.train import resume, train

NYU_FOV = 63.3
KINDS = ("rooms", "real", "both", "edges")


def settings(kind: str, options: argparse.Namespace, seed: int) -> tuple[Path | None, list[str]]:
    """Return what --data is and the overrides of compact for one kind of run."""
    generated = (
        f"worlds: {{kind: rooms, count: {options.count}, labels: nyu40}}"
        if options.rooms is None
        else f"path: {options.rooms}"
    )
    common = [
        f"data.camera_fov={NYU_FOV}",
        f"data.area={options.area}",
        f"trainer.max_steps={options.steps}",
        f"trainer.seed={seed}",
        # The last model is the one that counts: the photographs choose none of them.
        "trainer.validate_every_epochs=100000",
    ]
    if kind == "real":
        return options.nyu, common
    if kind == "rooms":
        return None, [*common, f"data.mix=[{{name: rooms, {generated}}}]"]
    mix = f"data.mix=[{{name: real, weight: 1}}, {{name: rooms, weight: 2, {generated}}}]"
    edges = ["loss.2.sets=[rooms]"] if kind == "edges" else []
    return options.nyu, [*common, mix, *edges]


def finished_run(kind: str, seed: int, options: argparse.Namespace) -> Path:
    """Train one run, or what is left of it; return its folder."""
    folder: Path = options.out / f"{kind}-{seed}"
    if not is_run(folder):
        data, overrides = settings(kind, options, seed)
        train("compact", data, folder, overrides=overrides, score=False)
    elif Run.open(folder).state != "finished":
        resume(folder, score=False)
    return folder


def rows(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the table as the runs finish."""
    yield "| trained on | seed | delta1 | abs_rel | rmse | boundary F1 | aligned delta1 | abs_rel |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for seed in options.seeds:
        for kind in options.only:
            run = finished_run(kind, seed, options)
            raw = evaluate(run, options.nyu, split="val", breakdowns=["boundary"], baselines=False)
            fitted = evaluate(run, options.nyu, split="val", align="median", baselines=False)
            values = [raw.metrics[name] for name in ("delta1", "abs_rel", "rmse")]
            values += [float(raw.boundary["f1"] or 0)]
            values += [fitted.metrics[name] for name in ("delta1", "abs_rel")]
            yield " | ".join((f"| {kind}", str(seed), *(f"{each:.3f}" for each in values))) + " |"


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nyu", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rooms", type=Path)
    parser.add_argument("--count", type=int, default=1400)
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--area", type=int, default=76_800)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    for line in rows(parser.parse_args()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
