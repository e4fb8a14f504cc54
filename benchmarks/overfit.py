"""Can every recipe's network learn? Each must overfit eight fixed images.

    python benchmarks/overfit.py --data DATA [--recipes a,b] [--steps 300] [--area 19200]

A network that learns only a bias ends at the loss of the images' own mean depth map; each must get
at least 10 % below it, with its own loss (class terms left out on both sides), no augmentation.
Weights are random unless --encoder mobilenet_v2 puts the shipped encoder under every decoder. The
run stops at the first step whose loss is low enough; the table says when.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from leadline.datasets import open_pairs
from leadline.training.data import TrainingSamples
from leadline.training.objective import make_loss
from leadline.training.recipe import AugmentSection, Recipe, list_recipes, load_recipe
from leadline.training.start import begin, make_optimizer

IMAGES = 8
GOAL = 0.9
NYU_40 = ["model.options.classes=41", "loss.1.options.ignore=[0]"]
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


def overfit(recipe: Recipe, data: Path, steps: int) -> tuple[float, float, int, float]:
    """Return (mean-map loss, loss reached, steps taken, seconds a step)."""
    beginning = begin(recipe, open_pairs(data, "train", max_depth=recipe.data.max_depth))
    model = beginning.model.to(memory_format=torch.channels_last).train()
    batch = fixed_batch(data, beginning.size, recipe)
    scored = depth_terms(recipe)
    bias_loss = mean_map_loss(scored, model, batch)
    loss_of, depth_loss_of = make_loss(recipe, model), make_loss(scored, model)
    optimizer = make_optimizer(model, recipe)
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    started, reached, taken = time.perf_counter(), float("inf"), 0
    while taken < steps:
        taken += 1
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(image)
        loss = loss_of(outputs, batch)
        reached = float(depth_loss_of(outputs, batch).detach())
        if reached < GOAL * bias_loss:
            break
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.optimizer.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimizer.clip)
        optimizer.step()
    return bias_loss, reached, taken, (time.perf_counter() - started) / taken


def main() -> None:
    """Run every recipe and print the table as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipes", default=",".join(list_recipes()))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--area", type=int, default=19_200)
    parser.add_argument("--optimizer", choices=("adam", "own"), default="adam")
    parser.add_argument("--lr", type=float, default=3e-4, help="Adam's rate, for every recipe")
    parser.add_argument("--encoder", help="mobilenet_v2: the shipped encoder for every decoder")
    options = parser.parse_args()
    overrides = [f"data.area={options.area}", "model.encoder_weights=none"]
    if options.optimizer == "adam":
        overrides += [
            "optimizer.name=adam",
            f"optimizer.lr={options.lr}",
            "optimizer.encoder_lr=null",
            "optimizer.weight_decay=0",
            "optimizer.clip=1",
        ]
    if options.encoder:
        overrides += [f"model.encoder={options.encoder}", "model.encoder_weights=shipped"]
    head = f"{'recipe':<26}{'mean map':>10}{'reached':>10}{'ratio':>7}{'steps':>7}{'s/step':>8}"
    print(head, flush=True)
    for name in options.recipes.split(","):
        recipe = load_recipe(name, [*overrides, *LABELS.get(name, [])])
        torch.manual_seed(0)
        bias, reached, steps, seconds = overfit(recipe, options.data, options.steps)
        verdict = "" if reached < GOAL * bias else "  NOT BELOW 0.9"
        print(
            f"{name:<26}{bias:>10.4f}{reached:>10.4f}{reached / bias:>7.2f}"
            f"{steps:>7}{seconds:>8.2f}{verdict}",
            flush=True,
        )


if __name__ == "__main__":
    main()
