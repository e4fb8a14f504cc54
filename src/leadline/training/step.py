"""One step of the optimizer: the batch, maybe in parts, to gradients, to new weights."""

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from leadline.errors import LeadlineError
from leadline.training.guard import refuse_not_finite
from leadline.training.parts import WHOLE, BatchPart, InformedPart, Rehearsal, combine
from leadline.training.run import Run

Batch = dict[str, Tensor]

Part = tuple[Batch, float]
"""A micro-batch, and its share of the images of the whole batch."""

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}

SMALLEST_SCALE = 1.0
"""A loss scale below this means that fp16 gradients overflow whatever is done about it."""


def train_step(run: Run, batch: Batch, lr_factor: float) -> float:
    """Take one step on this process's share of a batch; return the loss of the whole batch.

    Errors: LeadlineError where the loss or a gradient is not finite, before any weight changed.
    """
    for group in run.optimizer.param_groups:
        group["lr"] = group["base_lr"] * lr_factor
    run.learn()
    before = [buffer.clone() for buffer in run.statistics]
    parts = split(run, batch)
    run.optimizer.zero_grad(set_to_none=True)
    loss = _backward(run, parts)
    value, norm = _read(run, loss)
    overflow = run.scaler.is_enabled() and run.scaler.get_scale() >= SMALLEST_SCALE
    if not math.isfinite(value) or not (math.isfinite(norm) or overflow):
        _put_back(run, before)
        refuse_not_finite(run, batch, value, norm)
    run.scaler.step(run.optimizer)
    run.scaler.update()
    if run.average:
        run.average.update(run.model)
    return value


def split(run: Run, batch: Batch) -> list[Part]:
    """Return this process's micro-batches, each with its share of the whole batch's images."""
    batch = {
        name: value.to(run.processes.device, non_blocking=True) for name, value in batch.items()
    }
    mine, whole = run.order.share(run.step)
    if mine == 0:
        # More processes than images in a short last batch: one that does not count keeps step.
        batch["valid"] = torch.zeros_like(batch["valid"])
        if "labels" in batch:
            batch["labels"] = torch.full_like(batch["labels"], -1)
        return [(batch, 0.0)]
    pieces = min(run.recipe.trainer.accumulate, mine)
    if pieces == 1:
        return [(batch, mine / whole)]
    cut = {name: value.tensor_split(pieces) for name, value in batch.items()}
    parts = [{name: values[i] for name, values in cut.items()} for i in range(pieces)]
    return [(part, len(part["image"]) / whole) for part in parts]


def _backward(run: Run, parts: list[Part]) -> Tensor:
    """Leave the gradient of the whole batch's loss in the weights; return this process's share."""
    ready: Batch | None = None
    places = [WHOLE] * len(parts)
    if run.coupled and (len(parts) > 1 or run.processes.count > 1):
        ready, places = _rehearse(run, parts)
    loss = torch.zeros((), device=run.processes.device)
    for number, ((part, share), place) in enumerate(zip(parts, places, strict=True)):
        last = number == len(parts) - 1
        with nullcontext() if last else _without_averaging(run):
            outputs = ready or _forward(run, part, number)
            contribution = share * _loss(run, outputs, part, place)
            # Gradients are averaged over the processes, but shares add up.
            torch.autograd.backward(run.scaler.scale(contribution * run.processes.count))
        loss += contribution.detach()
    return loss


def _forward(run: Run, part: Batch, number: int) -> Batch:
    # Dropout and the like depend on the step alone, so that a resumed run repeats them.
    seeds = [run.recipe.trainer.seed, run.step, run.processes.rank, number]
    torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
    device, half = run.processes.device.type, HALF.get(run.recipe.trainer.precision)
    images = part["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, dtype=half, enabled=half is not None):
        try:
            outputs: Batch = run.network(images)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            height, width = images.shape[-2:]
            raise LeadlineError(
                f"{len(images)} image of {height}x{width} leaves BatchNorm a single value to "
                "normalise by; raise data.batch_size or data.area, or freeze it with "
                "trainer.freeze_batch_norm=true"
            ) from error
    return outputs


def _loss(run: Run, outputs: Batch, part: Batch, place: BatchPart) -> Tensor:
    with torch.autocast(run.processes.device.type, enabled=False):
        return run.loss_of(outputs, part, place)


def _rehearse(run: Run, parts: list[Part]) -> tuple[Batch | None, list[BatchPart]]:
    """Return what each part must know of the whole batch; outputs too, where one part is alone.

    One part alone keeps its graph; several are computed again, which is what saves memory.
    """
    alone = len(parts) == 1
    before = [buffer.clone() for buffer in run.statistics]
    rehearsals, outputs = [], None
    for number, (part, _) in enumerate(parts):
        rehearsal = Rehearsal()
        with torch.set_grad_enabled(alone):
            outputs = _forward(run, part, number)
        with torch.no_grad():
            _loss(run, outputs, part, rehearsal)
        rehearsals.append(rehearsal)
    if not alone:
        _put_back(run, before)
    facts = combine(rehearsals, run.processes.sum, run.processes.maximum)
    return outputs if alone else None, [InformedPart(share, *facts) for _, share in parts]


def _put_back(run: Run, statistics: list[Tensor]) -> None:
    for buffer, old in zip(run.statistics, statistics, strict=True):
        buffer.copy_(old)


def _without_averaging(run: Run) -> Any:
    network = getattr(run.network, "_orig_mod", run.network)
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def _read(run: Run, loss: Tensor) -> tuple[float, float]:
    """Clip the gradients; return the loss of the whole batch and their norm before clipping.

    Both are read in one go, after the backward pass: a GPU is waited for once a step.
    """
    run.scaler.unscale_(run.optimizer)
    weights = [weight for group in run.optimizer.param_groups for weight in group["params"]]
    norm = torch.nn.utils.get_total_norm(
        [weight.grad for weight in weights if weight.grad is not None]
    )
    if run.recipe.optimizer.clip:
        torch.nn.utils.clip_grads_with_norm_(weights, run.recipe.optimizer.clip, norm)
    value, size = torch.stack([run.processes.sum(loss), norm.to(loss)]).tolist()
    return value, size
