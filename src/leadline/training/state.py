"""The state of a training in memory: data, network, optimizer, and progress."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from leadline.datasets.mixing import MixedDataset
from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.errors import LeadlineError, one_line
from leadline.models.base import DepthModel
from leadline.models.devices import computes_bf16
from leadline.training.batches import EpochOrder, steps_per_epoch
from leadline.training.build import BuiltModel, build_model
from leadline.training.checkpoint import save_checkpoint
from leadline.training.data import open_recipe_data
from leadline.training.distributed import Processes
from leadline.training.encoder_weights import InitialWeights, default_normalization
from leadline.training.losses.composite import (
    RecipeLoss,
    make_loss,
    untrained_heads,
    uses_batch_statistics,
)
from leadline.training.optim import MovingAverage, frozen_batch_norms, make_optimizer
from leadline.training.recipe import Recipe
from leadline.training.run_folder import CHECKPOINTS, RunInfo
from leadline.training.schedules import SELECTION_METRIC, ScheduleState, needs_validation
from leadline.training.validation import check_protocol

SAMPLES_CHECKED = 8

AUTOCAST_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The data types of the network in autocast precisions."""


@dataclass
class TrainState:
    """The fixed parts of a run (data, network, optimizer) and the state that its steps change.

    `network` is `model` wrapped for a step: compiled, with gradients averaged over processes.
    `frozen_batch_norms` keep their running statistics; a forward pass changes `buffers`. `best` are
    the scores of the best model so far, and its step. `warnings` are shown once, before the first
    step.
    """

    folder: Path
    recipe: Recipe
    info: RunInfo
    processes: Processes
    train_data: DepthDataset
    val_data: DepthDataset | None
    model: DepthModel
    network: nn.Module
    loss: RecipeLoss
    input_size: tuple[int, int]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: MovingAverage | None
    order: EpochOrder
    frozen_batch_norms: list[nn.Module]
    buffers: list[Tensor]
    uses_batch_statistics: bool
    warnings: tuple[str, ...] = ()
    step: int = 0
    saved_step: int = -1
    validated_step: int = -1
    best: dict[str, float] = field(default_factory=dict)
    best_abs_rel: float | None = None
    schedule_state: ScheduleState = field(default_factory=dict)
    recent_losses: list[float] = field(default_factory=list)

    @classmethod
    def create(
        cls,
        processes: Processes,
        recipe: Recipe,
        folder: Path,
        data: Path | None,
        units_per_metre: float | None,
        parent: Path | None = None,
    ) -> Self:
        """Return the state of a new run before its first step; `parent` is the run it continues.

        Errors: LeadlineError if recipe, data and machine do not fit each other.
        """
        state = cls._build(processes, recipe, folder, data, units_per_metre, None)
        if parent is not None:
            state.info = replace(state.info, parent=str(parent))
        return state

    @classmethod
    def restore(
        cls,
        processes: Processes,
        recipe: Recipe,
        folder: Path,
        info: RunInfo,
        checkpoint: dict[str, Any],
    ) -> Self:
        """Return the state stored in `checkpoint`, of the run in `folder`.

        Errors: LeadlineError if the checkpoint is of another network or optimizer.
        """
        normalization = checkpoint.get("normalization", default_normalization(recipe.model))
        weights = InitialWeights(None, normalization, info.initialised_from)
        state = cls._build(processes, recipe, folder, info.data_path, info.units_per_metre, weights)
        state.info = info
        with processes.raise_on_all_ranks():
            state.load_state_dict(checkpoint)
        return state

    @classmethod
    def _build(
        cls,
        processes: Processes,
        recipe: Recipe,
        folder: Path,
        data: Path | None,
        units_per_metre: float | None,
        weights: InitialWeights | None,
    ) -> Self:
        with processes.raise_on_all_ranks():
            check_precision(recipe, processes.device)
            if recipe.trainer.compile:
                check_compiler(processes.device)
            train_data, val_data = open_recipe_data(recipe, data, units_per_metre)
            _check_data(recipe, train_data, val_data)
        built = _build_in_turn(recipe, train_data, weights, processes)
        # float32 must be exact on every GPU, in training and in scoring.
        torch.backends.cudnn.allow_tf32 = False
        # Channels last, the faster layout on a CPU, as measured in docs/training.md.
        model = built.model.to(device=processes.device).to(memory_format=torch.channels_last)
        with processes.raise_on_all_ranks():
            loss, optimizer = make_loss(recipe, model), make_optimizer(model, recipe)
            # Heads that no loss trains keep the weights of the initial model.
            for head in untrained_heads(recipe, model):
                model.heads()[head].requires_grad_(False)
        if processes.count > 1 and processes.device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        network = processes.wrap(model)
        if recipe.trainer.compile:
            network = torch.compile(network)  # type: ignore[assignment]
        fp16 = recipe.trainer.precision == "fp16"
        return cls(
            folder=folder,
            recipe=recipe,
            info=RunInfo(
                None if data is None else str(data.resolve()), units_per_metre, built.source
            ),
            processes=processes,
            train_data=train_data,
            val_data=val_data,
            model=model,
            network=network,
            loss=loss,
            input_size=built.input_size,
            optimizer=optimizer,
            scaler=torch.amp.GradScaler(processes.device.type, enabled=fp16),
            average=MovingAverage(model, recipe.trainer.ema) if recipe.trainer.ema else None,
            order=_epoch_order(recipe, train_data, processes),
            frozen_batch_norms=frozen_batch_norms(model, recipe.trainer.freeze_batch_norm),
            buffers=list(model.buffers()),
            uses_batch_statistics=uses_batch_statistics(recipe),
            warnings=() if built.warning is None else (built.warning,),
        )

    @property
    def total_steps(self) -> int:
        """Number of steps of the complete run."""
        return self.order.last_step

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps per epoch."""
        return self.order.steps_per_epoch

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return self.step // self.steps_per_epoch

    @property
    def scored_model(self) -> DepthModel:
        """The network that is validated and saved: the moving average if there is one."""
        return self.average.model if self.average else self.model

    def train_mode(self) -> None:
        """Put the network in training mode, except for frozen BatchNorm layers."""
        self.model.train()
        for norm in self.frozen_batch_norms:
            norm.eval()

    def state_dict(self) -> dict[str, Any]:
        """Return the content of a checkpoint: everything that a step changes."""
        state: dict[str, Any] = {
            "step": self.step,
            "validated_step": self.validated_step,
            "best": self.best,
            "lowest": self.best_abs_rel,
            "memory": self.schedule_state,
            "recent_losses": self.recent_losses,
            "normalization": self.model.config.normalization,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        if self.average:
            state["ema"] = self.average.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the result of `state_dict`.

        Errors: LeadlineError if it is of another network or optimizer.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average:
                self.average.load_state_dict(state["ema"])
            if self.scaler.is_enabled():
                self.scaler.load_state_dict(state["scaler"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise LeadlineError(
                f"{self.folder}: the checkpoint does not fit recipe.yaml ({one_line(error)[:160]})"
                "; was it edited after the run began? Put it back as it was, or start a new run"
            ) from error
        self.step = self.saved_step = state["step"]
        self.validated_step, self.best = state["validated_step"], state["best"]
        self.best_abs_rel = state.get("lowest", self.best.get(SELECTION_METRIC))
        self.recent_losses = state.get("recent_losses", [])
        self.schedule_state = state.get("memory", {})

    def save(self) -> None:
        """Write a checkpoint of this step; a second one of the same step replaces the first."""
        state = self.state_dict()
        with self.processes.raise_on_all_ranks():
            if self.processes.is_rank_zero:
                same_step = self.saved_step == self.step
                save_checkpoint(self.folder / CHECKPOINTS, state, same_step)
        self.saved_step = self.step

    def batch_ids(self) -> list[str]:
        """Return the ids of this process's samples in the batch of this step."""
        return [self.train_data.sample_id(index) for _, index in self.order.local_slots(self.step)]


def _check_data(recipe: Recipe, train_data: DepthDataset, val_data: DepthDataset | None) -> None:
    parts = [train_data] if val_data is None else [train_data, val_data]
    if isinstance(train_data, MixedDataset):
        parts += [part.data for part in train_data.parts]
    for part in parts:
        _check_depth(part)
    if val_data is not None:
        check_protocol(val_data, recipe.trainer.protocol)
    key = needs_validation(recipe.schedule, recipe.trainer.early_stopping)
    if val_data is None and key is not None:
        raise LeadlineError(
            f"{train_data.root}: has no validation images, which {key} watches; add some, or set "
            "data.val_fraction above 0"
        )


def _check_depth(data: DepthDataset) -> None:
    """Check a few samples, before an epoch is wasted on data without usable depth."""
    indices = evenly_spaced(len(data), SAMPLES_CHECKED)
    if any(data[index].valid.any() for index in indices):
        return
    raise LeadlineError(
        f"{data.root}: no valid depth in {len(indices)} of its images (looked for "
        f"{data.min_depth:g}..{data.max_depth or math.inf:g} m at "
        f"{data.units_per_metre or 1:g} units per metre); check the depth scale and data.max_depth"
    )


def _build_in_turn(
    recipe: Recipe, data: DepthDataset, weights: InitialWeights | None, processes: Processes
) -> BuiltModel:
    """Build the network, first in one process per machine, which may have to download weights."""
    for is_first in (True, False):
        with processes.raise_on_all_ranks():
            if (processes.local_rank == 0) == is_first:
                built = build_model(recipe, data, weights)
    return built


def _epoch_order(recipe: Recipe, data: DepthDataset, processes: Processes) -> EpochOrder:
    batch_size, keep_last = recipe.data.batch_size, recipe.data.last_batch == "keep"
    epochs = recipe.trainer.epochs * steps_per_epoch(len(data), batch_size, keep_last=keep_last)
    return EpochOrder(
        len(data),
        batch_size,
        recipe.trainer.seed,
        first_step=0,
        last_step=recipe.trainer.max_steps or epochs,
        keep_last=keep_last,
        rank=processes.rank,
        ranks=processes.count,
        shares=data.shares() if isinstance(data, MixedDataset) else (),
    )


def resolve_precision(recipe: Recipe) -> Recipe:
    """Return the recipe with `trainer.precision=auto` replaced by bf16 or fp32 for this machine."""
    if recipe.trainer.precision != "auto":
        return recipe
    on_gpu = recipe.trainer.accelerator != "cpu" and torch.cuda.is_available()
    precision = "bf16" if computes_bf16("cuda" if on_gpu else "cpu") else "fp32"
    trainer = recipe.trainer.model_copy(update={"precision": precision})
    return recipe.model_copy(update={"trainer": trainer})


def check_precision(recipe: Recipe, device: torch.device) -> None:
    """Raise LeadlineError for fp16 on a CPU, where it is many times slower than float32."""
    if recipe.trainer.precision == "fp16" and device.type == "cpu":
        raise LeadlineError(
            "trainer.precision=fp16: float16 is many times slower than float32 on a CPU; "
            "use bf16 (or auto) here, fp16 on a GPU without bf16"
        )


def check_compiler(device: torch.device) -> None:
    """Compile a tiny function, so that a missing compiler shows before the run is created.

    Errors: LeadlineError with the compiler's first line.
    """
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(4, device=device))
    except RuntimeError as error:
        lines = str(error).splitlines()
        reason = next((line for line in lines if "error: " in line), lines[0])
        raise LeadlineError(
            f"trainer.compile=true: torch.compile does not work here ({reason}); install a C++ "
            "compiler (g++, or the one that CXX names), or leave trainer.compile at false"
        ) from error
