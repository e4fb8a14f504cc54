"""How exactly a batch in parts trains as the whole batch does, and how far BatchNorm is off.

    python benchmarks/agreement.py --data DATA [--steps 20] [--area 9600] [--batch 8]

Trains each network three times from the same weights in float32: in one process, in micro-batches
(trainer.accumulate=4), and in two processes over gloo. The table gives the largest relative
difference of the training loss from the first run's, over the first five steps and over all.
DATA without a val.csv (a CSV of pairs will do) spares the validation at the end.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

NETWORKS = {
    "depth-mancini (no BatchNorm), SGD": ("depth-mancini", ["optimizer.name=sgd"]),
    "depth-mancini (no BatchNorm), Adam": ("depth-mancini", []),
    "compact, BatchNorm frozen, AdamW": ("compact", ["trainer.freeze_batch_norm=true"]),
    "compact, BatchNorm, AdamW": ("compact", []),
}

ALONE = [sys.executable, "-m", "leadline"]
TWO = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "leadline"]
WAYS = {
    "accumulate=4": (ALONE, ["trainer.accumulate=4"]),
    "2 processes": (TWO, []),
}


def curve(command: list[str], recipe: str, settings: list[str], data: Path) -> list[float]:
    """Train in a fresh folder; return the losses."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = [word for setting in settings for word in ("--set", setting)]
        subprocess.run(
            [*command, "train", "--recipe", recipe, "--data", data, "--out", run, *words],
            check=True,
            capture_output=True,
        )
        with (run / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    return [float(row["loss"]) for row in rows if row["loss"]]


def main() -> None:
    """Run everything and print the table as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--area", type=int, default=9600)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    common = [
        f"data.area={options.area}",
        f"data.batch_size={options.batch}",
        f"trainer.max_steps={options.steps}",
        "data.val_fraction=0",
        "data.workers=0",
        "data.max_depth=10",
        "model.max_depth=10",
        "model.encoder_weights=none",
        "trainer.precision=fp32",
        "trainer.log_every_steps=1",
        "trainer.validate_every_epochs=1000",
    ]
    print(f"| network | parts | first 5 steps | all {options.steps} steps |")
    print("| --- | --- | --- | --- |", flush=True)
    for name, (recipe, extra) in NETWORKS.items():
        whole = curve(ALONE, recipe, [*common, *extra], options.data)
        for way, (command, more) in WAYS.items():
            cut = curve(command, recipe, [*common, *extra, *more], options.data)
            apart = [abs(a - b) / abs(a) for a, b in zip(whole, cut, strict=True)]
            print(f"| {name} | {way} | {max(apart[:5]):.0e} | {max(apart):.0e} |", flush=True)


if __name__ == "__main__":
    main()
