"""What Leadline's training loop costs over a bare PyTorch loop, and how long it waits for data.

    leadline convert DATA --to shards --recipe compact --area 76800 --out SHARDS
    python benchmarks/throughput.py --data SHARDS [--alternations 15] [--compile]

"Ours" is `leadline.train` as the command runs it. After each of its steps a bare loop takes the
same step: same network, weights, batch, loss and optimizer, written out below. A step of
ours lasts from the end of one bare step to the next, so logs and waiting for data count;
checkpoints (but the first) and validation are put off and do not. CPU time is that of the training
process. The losses of both must agree, or the comparison is void.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from leadline.training.batches import EpochOrder, TrainingSamples, make_loader
from leadline.training.build import build_model
from leadline.training.losses.batch_statistics import WHOLE_BATCH
from leadline.training.losses.composite import make_loss
from leadline.training.optim import make_optimizer
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.state import open_recipe_data
from leadline.training.train import train

WARM_UP = 3

Clock = tuple[float, float]


def now() -> Clock:
    """Wall and CPU seconds."""
    return time.perf_counter(), time.process_time()


def since(start: Clock) -> Clock:
    """Wall and CPU seconds since `start`."""
    wall, cpu = now()
    return wall - start[0], cpu - start[1]


def bare_steps(recipe: Recipe, data: Path, channels_last: bool = True) -> Iterator[float]:
    """Train with nothing but PyTorch; yield the loss of every step."""
    train_data, _ = open_recipe_data(recipe, data, None)
    train_data = train_data.without_labels()
    model, size, *_ = build_model(recipe, train_data)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)
    loss_of, optimizer = make_loss(recipe, model), make_optimizer(model, recipe)
    network = torch.compile(model) if recipe.trainer.compile else model
    seed, batch_size = recipe.trainer.seed, recipe.data.batch_size
    order = EpochOrder(len(train_data), batch_size, seed, 0, recipe.trainer.max_steps)
    samples = TrainingSamples(train_data, size, recipe.augment, seed)
    half = recipe.trainer.precision == "bf16"
    model.train()
    for batch in make_loader(samples, order, recipe.data.workers):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            outputs = network(batch["image"].contiguous(memory_format=layout))
        loss: Tensor = loss_of(outputs, batch, WHOLE_BATCH)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimizer.clip)
        optimizer.step()
        yield loss.item()


class EnoughStepsError(Exception):
    """Ends a run that has been timed, before its validation."""


class Alternation:
    """A reporter that times each step of ours and takes a bare one (if any) after it."""

    def __init__(self, bare: Callable[[], Iterator[float]] | None):
        self.begin_bare = bare
        self.bare: Iterator[float] | None = None
        self.times: dict[str, list[Clock]] = {"ours": [], "bare": []}
        self.waits: list[float] = []
        self.difference = 0.0

    def start(self, first_step: int, total_steps: int) -> None:
        """Build the bare loop, start the clock."""
        self.last_step = total_steps - 1
        self.bare = self.begin_bare() if self.begin_bare else None
        self.mark = now()

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Keep the time of our step; take a bare step and keep its time and loss."""
        self.times["ours"].append(since(self.mark))
        self.waits.append(waited)
        if self.bare is not None:
            started = now()
            other = next(self.bare)
            self.times["bare"].append(since(started))
            if step == 1:
                # The first, from the same weights: later ones drift apart by rounding.
                self.difference = abs(other - loss) / abs(loss)
        if step == self.last_step:
            raise EnoughStepsError
        self.mark = now()

    def say(self, line: str) -> None:
        """Say nothing."""


def train_ours(recipe: Recipe, data: Path, reporter: Alternation) -> Alternation:
    """Run the real training into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder, suppress(EnoughStepsError):
        train(recipe, data, Path(folder) / "run", progress=reporter, score=False)
    return reporter


def medians(times: list[Clock]) -> tuple[float, float]:
    """Median wall and CPU seconds after the warm-up."""
    wall, cpu = np.median(np.array(times[WARM_UP:]), axis=0)
    return float(wall), float(cpu)


def row(name: str, both: Alternation) -> str:
    """One line of the table; the ratio is the median of the ratios of neighbouring steps."""
    ours, bare = (medians(both.times[who]) for who in ("ours", "bare"))
    pairs = np.array(both.times["ours"][WARM_UP:]) / np.array(both.times["bare"][WARM_UP:])
    wall, cpu = np.median(pairs, axis=0)
    return (
        f"| {name} | {ours[0]:.3f} | {bare[0]:.3f} | {wall:.3f} | {ours[1]:.3f} | {bare[1]:.3f} | "
        f"{cpu:.3f} | {len(pairs)} | {both.difference:.1e} |"
    )


def bare_alone(recipe: Recipe, data: Path, steps: int) -> tuple[float, float]:
    """Median wall and CPU seconds of a bare NCHW step after one to warm up."""
    loop, times = bare_steps(recipe, data, channels_last=False), []
    for _ in range(steps + 1):
        started = now()
        next(loop)
        times.append(since(started))
    wall, cpu = np.median(np.array(times[1:]), axis=0)
    return float(wall), float(cpu)


def main() -> None:
    """Measure, and print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", default="compact")
    parser.add_argument("--area", type=int, default=76_800)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--alternations", type=int, default=15)
    parser.add_argument("--compile", action="store_true", help="also with torch.compile")
    options = parser.parse_args()

    def recipe(precision: str, steps: int, compiled: bool = False) -> Recipe:
        settings = [
            f"data.area={options.area}",
            f"data.batch_size={options.batch}",
            "data.val_fraction=0",
            "schedule.name=constant",
            "schedule.warmup=0",
            f"trainer.max_steps={steps + 1}",
            f"trainer.precision={precision}",
            f"trainer.compile={str(compiled).lower()}",
            "trainer.accelerator=cpu",
            "trainer.checkpoint_every_steps=1000000",
            "trainer.validate_every_epochs=1000000",
        ]
        return load_recipe(options.recipe, settings)

    steps = options.alternations + WARM_UP
    print(f"{options.recipe}, batch {options.batch}, {options.area} pixels, ", end="")
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, ", end="")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(
        "| seconds per step | ours, wall | bare, wall | ratio | ours, CPU | bare, CPU | ratio |",
        end="",
    )
    print(" steps each | first loss differs by |\n|" + " --- |" * 9)
    kinds = [("fp32", False), ("bf16", False), *([("bf16", True)] if options.compile else [])]
    for precision, compiled in kinds:
        chosen = recipe(precision, steps, compiled)
        both = train_ours(
            chosen, options.data, Alternation(lambda c=chosen: bare_steps(c, options.data))
        )
        name = f"{precision}, channels last{', compiled' if compiled else ''}"
        print(row(name, both), flush=True)
    for precision, count in (("fp32", 5), ("bf16", 3)):
        wall, cpu = bare_alone(recipe(precision, count), options.data, count)
        print(
            f"| {precision}, NCHW | - | {wall:.3f} | - | - | {cpu:.3f} | - | {count} | - |",
            flush=True,
        )
    alone = train_ours(recipe("bf16", 2 * steps), options.data, Alternation(None))
    wall = sum(time[0] for time in alone.times["ours"][WARM_UP:])
    waited = sum(alone.waits[WARM_UP:])
    print(f"\nbf16, ours alone: {waited / wall:.1%} of {wall:.1f} s ", end="")
    print(f"({2 * steps - WARM_UP} steps) spent waiting for data")


if __name__ == "__main__":
    main()
