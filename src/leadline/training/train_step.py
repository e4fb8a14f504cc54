"""One step of the optimizer: gradients of the micro-batches, then new weights, if all is finite."""

import math
from contextlib import nullcontext
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.training.distributed import ReportedByRankZero
from leadline.training.losses.batch_statistics import (
    WHOLE_BATCH,
    BatchStatistics,
    CollectStatistics,
    GlobalStatistics,
    combine_statistics,
)
from leadline.training.optim import set_learning_rates
from leadline.training.state import AUTOCAST_DTYPES, TrainState

Batch = dict[str, Tensor]

SMALLEST_SCALE = 1.0
"""If the loss scale falls below this, fp16 gradients overflow at any scale."""

NAMES_SHOWN = 4


class MicroBatch(NamedTuple):
    """The tensors of one forward pass, and their share of the images of the whole batch."""

    tensors: Batch
    share: float


def train_step(state: TrainState, batch: Batch, lr_factor: float) -> float:
    """Take one step on this process's share of a batch; return the loss of the whole batch.

    Errors: LeadlineError if the loss or a gradient is not finite, before any weight is changed.
    """
    set_learning_rates(state.optimizer, lr_factor)
    state.train_mode()
    before = [buffer.clone() for buffer in state.buffers]
    state.optimizer.zero_grad(set_to_none=True)
    own_loss = backward(state, split(state, batch))
    loss, grad_norm = clip_and_read(state, own_loss)
    overflow_tolerated = state.scaler.is_enabled() and state.scaler.get_scale() >= SMALLEST_SCALE
    if not math.isfinite(loss) or not (math.isfinite(grad_norm) or overflow_tolerated):
        _restore(state.buffers, before)
        raise_nonfinite_loss(state, batch, loss, grad_norm)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    if state.average:
        state.average.update(state.model)
    return loss


def split(state: TrainState, batch: Batch) -> list[MicroBatch]:
    """Return this process's micro-batches with their shares of the whole batch's images."""
    device = state.processes.device
    batch = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    mine, whole = state.order.image_counts(state.step)
    # Equal in all processes, since SyncBatchNorm waits for all of them at each micro-batch.
    count = min(state.recipe.trainer.accumulate, max(1, whole // state.processes.count))
    if mine == 0:
        # More processes than images in a short last batch: one image without weight stays in step.
        batch["valid"] = torch.zeros_like(batch["valid"])
        if "labels" in batch:
            batch["labels"] = torch.full_like(batch["labels"], -1)
        return [MicroBatch(batch, 0.0)]
    if count == 1:
        return [MicroBatch(batch, mine / whole)]
    pieces = {name: value.tensor_split(count) for name, value in batch.items()}
    cut = [{name: values[i] for name, values in pieces.items()} for i in range(count)]
    return [MicroBatch(tensors, len(tensors["image"]) / whole) for tensors in cut]


def backward(state: TrainState, micro_batches: list[MicroBatch]) -> Tensor:
    """Add the gradient of the whole batch's loss to the weights; return this process's share."""
    outputs: Batch | None = None
    statistics: list[BatchStatistics] = [WHOLE_BATCH] * len(micro_batches)
    if state.uses_batch_statistics and (len(micro_batches) > 1 or state.processes.count > 1):
        outputs, statistics = collect_statistics(state, micro_batches)
    loss = torch.zeros((), device=state.processes.device)
    for number, (micro_batch, share) in enumerate(micro_batches):
        is_last = number == len(micro_batches) - 1
        with nullcontext() if is_last else _without_gradient_sync(state):
            computed = outputs or forward(state, micro_batch, number)
            contribution = share * _loss(state, computed, micro_batch, statistics[number])
            # Gradients are averaged over the processes, but shares must add up.
            torch.autograd.backward(state.scaler.scale(contribution * state.processes.count))
        loss += contribution.detach()
    return loss


def forward(state: TrainState, batch: Batch, number: int) -> Batch:
    """Return the network's outputs for micro-batch `number` of this step."""
    # Dropout etc. depends on the step alone, so that a resumed run repeats it.
    seeds = [state.recipe.trainer.seed, state.step, state.processes.rank, number]
    torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
    device = state.processes.device.type
    half = AUTOCAST_DTYPES.get(state.recipe.trainer.precision)
    images = batch["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, dtype=half, enabled=half is not None):
        try:
            outputs: Batch = state.network(images)
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


def _loss(state: TrainState, outputs: Batch, batch: Batch, statistics: BatchStatistics) -> Tensor:
    with torch.autocast(state.processes.device.type, enabled=False):
        return state.loss(outputs, batch, statistics)


def collect_statistics(
    state: TrainState, micro_batches: list[MicroBatch]
) -> tuple[Batch | None, list[BatchStatistics]]:
    """Return the outputs of a single micro-batch, and each micro-batch's batch statistics.

    A single one keeps its graph; several are computed again afterwards, which saves memory.
    """
    single = len(micro_batches) == 1
    before = [buffer.clone() for buffer in state.buffers]
    collected, outputs = [], None
    for number, (micro_batch, _) in enumerate(micro_batches):
        statistics = CollectStatistics()
        with torch.set_grad_enabled(single):
            outputs = forward(state, micro_batch, number)
        with torch.no_grad():
            _loss(state, outputs, micro_batch, statistics)
        collected.append(statistics)
    if not single:
        _restore(state.buffers, before)
    processes = state.processes
    maxima, totals = combine_statistics(collected, processes.sum, processes.maximum)
    whole: list[BatchStatistics] = [
        GlobalStatistics(share, maxima, totals) for _, share in micro_batches
    ]
    return outputs if single else None, whole


def _restore(buffers: list[Tensor], before: list[Tensor]) -> None:
    for buffer, old in zip(buffers, before, strict=True):
        buffer.copy_(old)


def _without_gradient_sync(state: TrainState) -> Any:
    network = getattr(state.network, "_orig_mod", state.network)
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def clip_and_read(state: TrainState, loss: Tensor) -> tuple[float, float]:
    """Clip the gradients; return the loss of the whole batch and their norm before clipping.

    Both are read together, after the backward pass, so that a step waits for the GPU only once.
    """
    state.scaler.unscale_(state.optimizer)
    weights = [weight for group in state.optimizer.param_groups for weight in group["params"]]
    norm = torch.nn.utils.get_total_norm(
        [weight.grad for weight in weights if weight.grad is not None]
    )
    if state.recipe.optimizer.clip:
        torch.nn.utils.clip_grads_with_norm_(weights, state.recipe.optimizer.clip, norm)
    value, size = torch.stack([state.processes.sum(loss), norm.to(loss)]).tolist()
    return value, size


def raise_nonfinite_loss(
    state: TrainState, batch: Batch, loss: float, grad_norm: float
) -> NoReturn:
    """End the run at a step whose loss or gradient norm is not finite.

    The batch is written to `not_finite/step_N.npz` in the run folder: `ids`, `image` (B,3,h,w),
    `depth` and `valid` (B,1,h,w), `message`. If a sample itself is faulty, a checkpoint of the
    weights before this step is written. Otherwise training has diverged, and the checkpoint before
    this step is the better one to keep.
    """
    ids = state.batch_ids()
    local = {name: batch[name].cpu().numpy() for name in ("image", "depth", "valid")}
    gathered = state.processes.gather((ids, faulty_samples(batch, ids), local))
    ids = [name for part, _, _ in gathered for name in part]
    faulty = {name: fault for _, faults, _ in gathered for name, fault in faults.items()}
    if faulty:
        state.save()
    what = (
        f"the loss became {loss}" if not math.isfinite(loss) else f"a gradient became {grad_norm}"
    )
    file = state.folder / "not_finite" / f"step_{state.step:06d}.npz"
    remedy = (
        "correct the data, then leadline train --resume "
        if faulty
        else "lower optimizer.lr or set optimizer.clip in a new run; the checkpoints are older: "
    )
    message = (
        f"{what} after step {state.step}; no weight was changed. {_describe(ids, faulty)}; "
        f"{file} holds the batch: {remedy}{state.folder}"
    )
    if not state.processes.is_rank_zero:
        raise ReportedByRankZero
    arrays = {name: np.concatenate([part[name] for _, _, part in gathered]) for name in local}
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        named: dict[str, Any] = {"ids": np.array(ids), "message": np.array(message), **arrays}
        np.savez_compressed(stream, **named)
    raise LeadlineError(message)


def faulty_samples(batch: Batch, ids: list[str]) -> dict[str, str]:
    """Return {id: fault} of the samples with values that no network can learn from."""
    faults = {}
    for index, name in enumerate(ids):
        depth, valid = batch["depth"][index], batch["valid"][index]
        if not bool(torch.isfinite(batch["image"][index]).all()):
            faults[name] = "its image holds values that are not finite"
        elif not bool(torch.isfinite(depth[valid]).all()):
            faults[name] = "its depth is not finite where it says it is valid"
        elif bool((depth[valid] <= 0).any()):
            faults[name] = "its depth is not positive where it says it is valid"
    return faults


def _describe(ids: list[str], faulty: dict[str, str]) -> str:
    if faulty:
        shown = [f"{name}: {fault}" for name, fault in list(faulty.items())[:NAMES_SHOWN]]
        more = f" and {len(faulty) - len(shown)} more" if len(faulty) > len(shown) else ""
        return "; ".join(shown) + more
    more = f" and {len(ids) - NAMES_SHOWN} more" if len(ids) > NAMES_SHOWN else ""
    return f"The images of the step, none of them faulty: {', '.join(ids[:NAMES_SHOWN])}{more}"
