"""Whether classes help depth, on generated streets: depth-mancini against DS-Net, equal budgets.

    python benchmarks/worlds_streets.py --out RUNS [--kitti FOLDER] [--steps 600] [--batch 32]
        [--count 4000] [--val-share 0.1] [--drawn] [--size 128x416] [--area 40960] [--seeds 0 1 2]
        [--encoder mobilenet_v2]

The experiment of Sciuto (recipes depth-mancini-worlds and ds-net-worlds) with the shipped weights
of MobileNetV2; another encoder begins at random. COUNT views are rendered into the cache, once for
both: every camera in the ten variations of Virtual KITTI, or with --drawn in one of twelve. Held-
out streets are worlds of their own, scored under `vkitti-sciuto`. The frames of FOLDER (pairs) are
scored one by one, their rmse_log of all points within 40 m: they are too few for a mean to mean
something. Finished runs are not trained again.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from leadline.datasets import open_data
from leadline.evaluation import evaluate
from leadline.metrics import get_protocol
from leadline.training.final_score import score_run
from leadline.training.run_folder import Run, is_run
from leadline.training.train import resume, train

NEAR = replace(get_protocol("full"), name="within 40 m", max_depth=40.0)
SHIPPED = "mobilenet_v2"
"""The encoder whose weights come along; others begin at random."""

RECIPES = ("depth-mancini-worlds", "ds-net-worlds")


def finished_run(recipe: str, seed: int, options: argparse.Namespace) -> Path:
    """Train one run, or what is left of it; return its folder."""
    folder: Path = options.out / f"{recipe}-{seed}"
    height, width = options.size.split("x")
    overrides = [
        f"data.worlds.count={options.count}",
        f"data.worlds.val_share={options.val_share}",
        f"data.worlds.size=[{height}, {width}]",
        f"data.area={options.area}",
        f"data.batch_size={options.batch}",
        f"model.encoder={options.encoder}",
        f"model.encoder_weights={'shipped' if options.encoder == SHIPPED else 'none'}",
        f"trainer.max_steps={options.steps}",
        f"trainer.seed={seed}",
        "trainer.validate_every_epochs=100000",
        *(["data.worlds.variations=[]"] if options.drawn else []),
    ]
    if not is_run(folder):
        train(recipe, None, folder, overrides=overrides, score=False)
    elif Run.open(folder).state != "finished":
        resume(folder, score=False)
    return folder


def rows(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the table as the runs finish."""
    frames = open_data(options.kitti) if options.kitti else None
    names = [f"frame {number}" for number in range(len(frames) if frames else 0)]
    yield " | ".join(["| network", "seed", "rmse_log", "rmse", *names]) + " |"
    yield "| --- " * (4 + len(names)) + "|"
    for seed in options.seeds:
        for recipe in RECIPES:
            run = finished_run(recipe, seed, options)
            held_out = score_run(run)
            assert held_out is not None
            values = [held_out.metrics["rmse_log"], held_out.metrics["rmse"]]
            for number in range(len(names)):
                frame = frames.subset([number]) if frames else None
                assert frame is not None
                single = evaluate(run, frame, protocol=NEAR, baselines=False)
                values.append(single.metrics["rmse_log"])
            numbers = [f"{value:.3f}" for value in values]
            yield " | ".join([f"| {recipe.removesuffix('-worlds')}", str(seed), *numbers]) + " |"


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kitti", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--val-share", type=float, default=0.1)
    parser.add_argument("--drawn", action="store_true")
    parser.add_argument("--size", default="128x416")
    parser.add_argument("--area", type=int, default=40_960)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--encoder", default=SHIPPED)
    for line in rows(parser.parse_args()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
