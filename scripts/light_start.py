"""Give a trained `crisp` the light decoder: its blocks learn what the trained ones put out.

    python scripts/light_start.py TEACHER -o STUDENT --data NYU --rooms ROOMS [--steps 1500]

TEACHER is a run or model folder of a `crisp` without `light`. Everything but the blocks is taken
over as it is; they are trained to give the teacher's maps at every size, on photographs and rooms
as recipe `crisp` draws them. STUDENT is a model folder for `--init`: training as a whole has to
follow (docs/model-search.md).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from leadline.inference import find_checkpoint
from leadline.models import load_model
from leadline.models.crisp import CrispModel
from leadline.training.distributed import start_processes
from leadline.training.recipe import load_recipe
from leadline.training.state import TrainState
from leadline.training.trainer import Trainer
from leadline.training.training_result import NoProgress

LEARNING_RATE = 3e-3
WARMUP = 0.1
DEPTH_WEIGHT = 4.0
"""Of the difference of ln(metres), beside the maps' relative squared differences."""

REPORT_EVERY = 50


def main() -> None:
    """Train the blocks and write the model folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("teacher", help="run or model folder")
    parser.add_argument("-o", "--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--data", type=Path, required=True, help="photographs")
    parser.add_argument("--rooms", type=Path, required=True, help="rendered rooms")
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    folder = find_checkpoint(options.teacher)
    teacher = cast(CrispModel, load_model(folder).eval())
    state = start(folder, teacher, options)
    student = cast(CrispModel, state.model)
    blocks = student.blocks.train()
    optimizer = torch.optim.AdamW(blocks.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, options.steps, pct_start=WARMUP
    )
    batches = Trainer(state, NoProgress(), 0.0).load_batches()
    total = 0.0
    for step in range(1, options.steps + 1):
        loss = difference(teacher, student, next(batches)["image"])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % REPORT_EVERY == 0:
            print(f"step {step}: {total / REPORT_EVERY:.4f}", flush=True)
            total = 0.0
    student.eval().save(options.out)


def start(folder: Path, teacher: CrispModel, options: argparse.Namespace) -> TrainState:
    """Return the state of a run of recipe `crisp` whose network is the student."""
    wanted = {**teacher.config.options, "light": True}
    mix = (
        "[{name: photographs, weight: 1, labels: false}, "
        f"{{name: rooms, weight: 1, labels: false, path: {options.rooms}}}]"
    )
    overrides = [
        f"model.options={wanted}",
        f"model.init={folder}",
        f"data.mix={mix}",
        "data.workers=0",
        f"trainer.max_steps={options.steps}",
    ]
    recipe = load_recipe("crisp", overrides)
    processes = start_processes(recipe.trainer)
    return TrainState.create(processes, recipe, options.out, options.data, None)


def difference(teacher: CrispModel, student: CrispModel, images: Tensor) -> Tensor:
    """Return how far the student's maps are from the teacher's, for images (B,3,H,W) in [0,1]."""
    with torch.no_grad():
        wanted, skips, deepest = maps_of(teacher, teacher.normalize(images))
    x, loss = deepest, images.new_zeros(())
    for block, maps, target in zip(student.blocks, skips, wanted, strict=True):
        x = block(x, maps)
        loss = loss + functional.mse_loss(x, target) / target.var()
    depths = functional.l1_loss(teacher.head(x), teacher.head(target))
    return loss + DEPTH_WEIGHT * depths


def maps_of(
    teacher: CrispModel, images: Tensor
) -> tuple[Sequence[Tensor], Sequence[Sequence[Tensor]], Tensor]:
    """Return what each block puts out, what the student's blocks see beside it, and the start."""
    deepest, features = teacher.encode(images)
    x, _ = teacher.context(deepest)
    start = x
    pixels = functional.pixel_unshuffle(images, 2)
    skips = [features[reduction] for reduction in teacher.steps]
    wanted = []
    for block, skip in zip(teacher.blocks, skips, strict=True):
        x = block(x, skip)
        wanted.append(x)
    assert teacher.detail is not None
    wanted[-1] = x + teacher.detail(torch.cat([x, pixels], dim=1))
    return wanted, teacher.light_maps(skips, pixels), start


if __name__ == "__main__":
    main()
