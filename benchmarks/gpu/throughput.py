"""Images per second of training: the project's own loop, its data loading included.

    python benchmarks/gpu/throughput.py --data packed [--recipes a,b] [--steps 60] [--set K=V]

The first third of the steps warms up and is not counted. Waiting is the share of the time in which
the loop had no batch yet: where it is high, the data is too slow for the device.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

from leadline.errors import LeadlineError
from leadline.training.recipe import list_recipes, load_recipe
from leadline.training.train import train


class StopWatch:
    """Collects when each step ended, how many images it took and how long it waited."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, int, float]] = []

    def start(self, first_step: int, total_steps: int) -> None:
        """Nothing to do."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Note the step. Its loss has been read, so the device has finished it."""
        self.steps.append((time.perf_counter(), images, waited))

    def say(self, line: str) -> None:
        """Leave the run's own words out of the table."""

    def summary(self) -> tuple[float, float]:
        """Return (images per second, share of waiting) after the warm-up."""
        first = len(self.steps) // 3
        counted = self.steps[first + 1 :]
        seconds = counted[-1][0] - self.steps[first][0]
        images = sum(images for _, images, _ in counted)
        return images / seconds, sum(waited for *_, waited in counted) / seconds


def measure(name: str, data: Path, steps: int, overrides: list[str]) -> str:
    """Train `steps` steps in a folder that goes away; return the row of the table."""
    settings = [f"trainer.max_steps={steps}", "trainer.validate_every_epochs=1000000", *overrides]
    recipe = load_recipe(name, settings)
    watch = StopWatch()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        train(recipe, data, Path(folder) / "run", progress=watch, score=False)
    rate, waiting = watch.summary()
    memory = (
        f"{torch.cuda.max_memory_allocated() / 2**30:.1f}" if torch.cuda.is_available() else "-"
    )
    return f"{name:<26}{recipe.data.batch_size:>6}{rate:>11.1f}{waiting:>9.0%}{memory:>9}"


def main(arguments: list[str] | None = None) -> int:
    """Measure recipe after recipe and print the table as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipes", default=",".join(list_recipes()))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    options = parser.parse_args(arguments)
    if options.steps < 3:
        parser.error("--steps: at least 3")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{device}, torch {torch.__version__}")
    print(f"{'recipe':<26}{'batch':>6}{'images/s':>11}{'waiting':>9}{'GiB':>9}", flush=True)
    failed = 0
    for name in options.recipes.split(","):
        try:
            print(measure(name, options.data, options.steps, options.overrides), flush=True)
        except LeadlineError as error:
            failed += 1
            print(f"{name:<26} failed: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
