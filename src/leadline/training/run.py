"""One training run: everything its loop needs, built once from the recipe."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leadline.datasets.open import open_train_and_val
from leadline.datasets.sample import DepthDataset, Sample
from leadline.errors import LeadlineError
from leadline.models.base import DepthModel
from leadline.training.checkpoint import save_checkpoint
from leadline.training.data import EpochOrder
from leadline.training.ema import MovingAverage
from leadline.training.groups import frozen_norms
from leadline.training.objective import Objective, is_coupled, make_loss
from leadline.training.processes import Processes
from leadline.training.recipe import Recipe
from leadline.training.schedules import Memory, watches_validation
from leadline.training.start import Beginning, begin, make_optimizer

SAMPLES_CHECKED = 8


@dataclass
class Run:
    """The parts of a run that stay (data, network, optimizer) and its state (step, best, ...).

    `network` is `model` as a step calls it: compiled, its gradients averaged over processes.
    `norms_at_rest` are BatchNorm layers whose statistics do not move; `statistics` are the
    buffers that a forward pass changes.
    """

    folder: Path
    recipe: Recipe
    processes: Processes
    train_data: DepthDataset
    val_data: DepthDataset | None
    model: DepthModel
    network: nn.Module
    loss_of: Objective
    size: tuple[int, int]
    initialised_from: str
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: MovingAverage | None
    order: EpochOrder
    norms_at_rest: list[nn.Module]
    statistics: list[Tensor]
    coupled: bool
    step: int = 0
    saved_step: int = -1
    validated_step: int = 0
    best: dict[str, float] = field(default_factory=dict)
    memory: Memory = field(default_factory=dict)
    val_samples: list[Sample] = field(default_factory=list)
    recent_losses: list[float] = field(default_factory=list)

    @property
    def total_steps(self) -> int:
        """Number of steps of the whole run."""
        return self.order.last_step

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps of one pass over the training data."""
        return self.order.steps_per_epoch

    @property
    def epoch(self) -> int:
        """Number of whole passes over the training data."""
        return self.step // self.steps_per_epoch

    @property
    def result(self) -> DepthModel:
        """The network that is validated and saved: the moving average where there is one."""
        return self.average.model if self.average else self.model

    def learn(self) -> None:
        """Put the network in training mode, except for what is frozen."""
        self.model.train()
        for norm in self.norms_at_rest:
            norm.eval()

    def save(self) -> None:
        """Write a checkpoint of this step; a second one of the same step replaces the first."""
        state: dict[str, Any] = {
            "step": self.step,
            "validated_step": self.validated_step,
            "best": self.best,
            "memory": self.memory,
            "recent_losses": self.recent_losses,
            "normalization": self.model.config.normalization,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        if self.average:
            state["ema"] = self.average.state_dict()
        with self.processes.together():
            if self.processes.leads:
                same_step = self.saved_step == self.step
                save_checkpoint(self.folder / "checkpoints", state, same_step)
        self.saved_step = self.step

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `save` wrote.

        Errors: LeadlineError where the checkpoint is of another network or optimizer.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average:
                self.average.load_state_dict(state["ema"])
            if self.scaler.is_enabled():
                self.scaler.load_state_dict(state["scaler"])
        except (KeyError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:160]
            raise LeadlineError(
                f"{self.folder}: the checkpoint does not fit recipe.yaml ({reason}); was it edited "
                "after the run began? Put it back as it was, or start a new run"
            ) from error
        self.step = self.saved_step = state["step"]
        self.validated_step, self.best = state["validated_step"], state["best"]
        self.recent_losses = state.get("recent_losses", [])
        self.memory = state.get("memory", {})


def run_data(
    recipe: Recipe, data: Path, units_per_metre: float | None
) -> tuple[DepthDataset, DepthDataset | None]:
    """Open what a recipe trains on and what it validates on, from the data in `data`."""
    return open_train_and_val(
        data,
        val_fraction=recipe.data.val_fraction,
        seed=recipe.data.seed,
        val_unit=recipe.data.val_unit,
        limit=recipe.data.limit,
        layout=recipe.data.layout,
        options=recipe.data.options,
        units_per_metre=units_per_metre,
        min_depth=recipe.data.min_depth,
        max_depth=recipe.data.max_depth,
    )


def set_up(
    processes: Processes, recipe: Recipe, data: Path, folder: Path, units_per_metre: float | None
) -> Run:
    """Open the data, build the network and its optimizer."""
    with processes.together():
        _refuse_slow_float16(recipe, processes.device)
        if recipe.trainer.compile:
            _refuse_without_compiler(processes.device)
        train_data, val_data = run_data(recipe, data, units_per_metre)
        for part in (train_data, val_data):
            if part is not None:
                _refuse_empty_depth(part)
        if val_data is None and (needing := watches_validation(recipe)):
            raise LeadlineError(
                f"{data}: has no validation images, which {needing} watches; add some, or set "
                "data.val_fraction above 0"
            )
    beginning = _begin_in_turn(recipe, train_data, processes)
    # Channels last always: the faster layout on a CPU, as measured in docs/training.md.
    model = beginning.model.to(device=processes.device).to(memory_format=torch.channels_last)
    with processes.together():
        loss_of, optimizer = make_loss(recipe, model), make_optimizer(model, recipe)
    if processes.count > 1 and processes.device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    network = processes.wrap(model)
    if recipe.trainer.compile:
        network = torch.compile(network)  # type: ignore[assignment]
    return Run(
        folder=folder,
        recipe=recipe,
        processes=processes,
        train_data=train_data,
        val_data=val_data,
        model=model,
        network=network,
        loss_of=loss_of,
        size=beginning.size,
        initialised_from=beginning.initialised_from,
        optimizer=optimizer,
        scaler=torch.amp.GradScaler(
            processes.device.type, enabled=recipe.trainer.precision == "fp16"
        ),
        average=MovingAverage(model, recipe.trainer.ema) if recipe.trainer.ema else None,
        order=_order(recipe, len(train_data), processes),
        norms_at_rest=frozen_norms(model, recipe.trainer.freeze_batch_norm),
        statistics=list(model.buffers()),
        coupled=is_coupled(recipe),
    )


def _order(recipe: Recipe, count: int, processes: Processes) -> EpochOrder:
    order = EpochOrder(
        count,
        recipe.data.batch_size,
        recipe.trainer.seed,
        0,
        0,
        keep_last=recipe.data.last_batch == "keep",
        rank=processes.rank,
        ranks=processes.count,
    )
    order.last_step = recipe.trainer.max_steps or recipe.trainer.epochs * order.steps_per_epoch
    return order


def _begin_in_turn(recipe: Recipe, data: DepthDataset, processes: Processes) -> Beginning:
    """Build the network, one process of each machine first: it may have to fetch the weights."""
    beginning: Beginning | None = None
    for first in (True, False):
        with processes.together():
            if (processes.fabric.local_rank == 0) == first:
                beginning = begin(recipe, data)
    assert beginning is not None
    return beginning


def _refuse_slow_float16(recipe: Recipe, device: torch.device) -> None:
    if recipe.trainer.precision == "fp16" and device.type == "cpu":
        raise LeadlineError(
            "trainer.precision=fp16: float16 is many times slower than float32 on a CPU; "
            "use bf16 (or auto) here, fp16 on a GPU without bf16"
        )


def _refuse_without_compiler(device: torch.device) -> None:
    """Compile something tiny, so that what is missing shows before there is a run."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(4, device=device))
    except RuntimeError as error:
        lines = str(error).splitlines()
        reason = next((line for line in lines if "error: " in line), lines[0])
        raise LeadlineError(
            f"trainer.compile=true: torch.compile does not work here ({reason}); install a C++ "
            "compiler (g++, or the one that CXX names), or leave trainer.compile at false"
        ) from error


def _refuse_empty_depth(data: DepthDataset) -> None:
    """Look at a few samples before an epoch is wasted on data without a usable depth."""
    looked_at = sorted({int(i) for i in np.linspace(0, len(data) - 1, SAMPLES_CHECKED)})
    if any(data[index].valid.any() for index in looked_at):
        return
    raise LeadlineError(
        f"{data.root}: no valid depth in {len(looked_at)} of its images (looked for "
        f"{data.min_depth:g}..{data.max_depth or math.inf:g} m at "
        f"{data.units_per_metre or 1:g} units per metre); check the depth scale and data.max_depth"
    )


def sample_ids(run: Run, indices: Sequence[int]) -> list[str]:
    """Return the ids of training samples."""
    return [run.train_data.sample_id(index) for index in indices]
