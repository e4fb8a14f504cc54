"""Can every recipe's network learn? Each must overfit eight fixed images.

    python benchmarks/overfit.py --data DATA [--recipes a,b] [--steps 100] [--area 19200]

A network that learns only a bias ends at the loss of the images' own mean depth map; each must get
at least 10 % below it, with its own loss (class terms left out on both sides), no augmentation.
Weights are random unless --encoder mobilenet_v2 puts the shipped encoder under every decoder. A
recipe's own optimizer goes first; one that has not made it after --steps is followed by Adam. A run
stops at the first step whose loss is low enough; the table says when.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from leadline.datasets import open_pairs
from leadline.training.batches import TrainingSamples
from leadline.training.build import build_model
from leadline.training.losses.composite import make_loss
from leadline.training.optim import make_optimizer
from leadline.training.recipe import AugmentSection, Recipe, list_recipes, load_recipe

IMAGES = 8
GOAL = 0.9
NYU_40 = ["model.options.classes=41", "loss.1.options.ignore=[0]"]
PLAIN = [
    name
    for name, recipe in zip(list_recipes(), map(load_recipe, list_recipes()), strict=True)
    if recipe.data.worlds is None and recipe.model.init is None
]
"""Those that need neither generated worlds nor a trained model."""
LABELS = {
    "ds-net": NYU_40,
    "ds-net-weighted": [
        *NYU_40,
        "loss.1.options.class_weights=null",
        "loss.2.options.ignore=[0]",
    ],
}
"""The class recipes are written for Virtual KITTI; the images here have NYU-40 labels, 0 = void."""


def fixed_batch(data: Path, size: tuple[int, int], recipe: Recipe) -> dict[str, Tensor]:
    """Eight images spread over the training split, the same for every recipe."""
    import numpy as np

    samples = open_pairs(data, "train", max_depth=recipe.data.max_depth)
    picked = np.linspace(0, len(samples) - 1, IMAGES).astype(int)
    plain = TrainingSamples(samples, size, AugmentSection.model_validate({}), seed=0)
    return plain.__getitems__([(0, int(i)) for i in picked])


def depth_terms(recipe: Recipe) -> Recipe:
    """The recipe with its class terms left out."""
    terms = tuple(term for term in recipe.loss if term.space != "labels")
    return recipe.model_copy(update={"loss": terms})


def mean_map_loss(recipe: Recipe, model: torch.nn.Module, batch: dict[str, Tensor]) -> float:
    """The loss of answering every image with the mean depth map of the eight."""
    valid = batch["valid"].float()
    count = valid.sum(0, keepdim=True)
    overall = (batch["depth"] * valid).sum() / valid.sum()
    mean = torch.where(count > 0, (batch["depth"] * valid).sum(0, keepdim=True) / count, overall)
    depth = mean.expand_as(batch["depth"]).contiguous()
    outputs = {"depth": depth, "target": model.space.encode(depth)}
    return float(make_loss(recipe, model)(outputs, batch))


class Outcome(NamedTuple):
    """One optimizer's attempt at one recipe."""

    optimizer: str
    size: tuple[int, int]
    mean_map: float
    reached: float
    steps: int

    @property
    def ratio(self) -> float:
        """The loss reached, over that of the mean map."""
        return self.reached / self.mean_map


def overfit(recipe: Recipe, data: Path, steps: int) -> Outcome:
    """Train on the eight images until the depth loss is low enough, or for all the steps."""
    torch.manual_seed(0)
    built = build_model(recipe, open_pairs(data, "train", max_depth=recipe.data.max_depth))
    model = built.model.to(memory_format=torch.channels_last).train()
    batch = fixed_batch(data, built.input_size, recipe)
    scored = depth_terms(recipe)
    mean_map = mean_map_loss(scored, model, batch)
    loss_of, depth_loss_of = make_loss(recipe, model), make_loss(scored, model)
    optimizer = make_optimizer(model, recipe)
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    reached, taken = float("inf"), 0
    while taken < steps:
        taken += 1
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(image)
        loss = loss_of(outputs, batch)
        reached = float(depth_loss_of(outputs, batch).detach())
        if reached < GOAL * mean_map:
            break
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.optimizer.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimizer.clip)
        optimizer.step()
    spoken = f"{recipe.optimizer.name} {recipe.optimizer.lr:g}"
    return Outcome(spoken, built.input_size, mean_map, reached, taken)


def attempts(name: str, options: argparse.Namespace) -> Iterator[Outcome]:
    """The recipe's own optimizer, then Adam where that has not made it."""
    overrides = [f"data.area={options.area}", *LABELS.get(name, [])]
    if options.encoder:
        overrides += [f"model.encoder={options.encoder}", "model.encoder_weights=shipped"]
    else:
        overrides += ["model.encoder_weights=none"]
    adam = [
        "optimizer.name=adam",
        f"optimizer.lr={options.lr}",
        "optimizer.encoder_lr=null",
        "optimizer.weight_decay=0",
        "optimizer.clip=1",
    ]
    for optimizer in ([], adam):
        outcome = overfit(load_recipe(name, [*overrides, *optimizer]), options.data, options.steps)
        yield outcome
        if outcome.ratio < GOAL:
            return


def main() -> None:
    """Run every recipe and print the table as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipes", default=",".join(PLAIN))
    parser.add_argument("--steps", type=int, default=100, help="of each optimizer, at most")
    parser.add_argument("--area", type=int, default=19_200)
    parser.add_argument(
        "--lr", type=float, default=3e-4, help="Adam's rate, where it is called for"
    )
    parser.add_argument("--encoder", help="mobilenet_v2: the shipped encoder for every decoder")
    options = parser.parse_args()
    print("| recipe | batch | size | optimizer | mean map | reached | ratio | steps |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |", flush=True)
    for name in options.recipes.split(","):
        for at in attempts(name, options):
            verdict = "" if at.ratio < GOAL else " (not below 0.9)"
            print(
                f"| {name} | {IMAGES} | {at.size[0]}x{at.size[1]} | {at.optimizer} "
                f"| {at.mean_map:.4f} | {at.reached:.4f} | {at.ratio:.2f}{verdict} | {at.steps} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
