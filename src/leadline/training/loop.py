"""The training loop, readable in one sitting. Lightning Fabric supplies precision and devices."""

import json
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from leadline.datasets.open import open_train_and_val
from leadline.datasets.sample import DepthDataset, Sample
from leadline.depth.atomic import atomic_path
from leadline.depth.errors import LeadlineError
from leadline.metrics import mean_over_images, protocol_for
from leadline.models.base import DepthModel
from leadline.models.pipeline import MetricPipeline
from leadline.models.spaces import masked_area_mean
from leadline.training.card import write_card
from leadline.training.checkpoint import load_checkpoint, save_checkpoint
from leadline.training.data import EpochOrder, TrainingSamples, make_loader
from leadline.training.losses import LOSSES
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.record import RunRecord
from leadline.training.schedules import (
    Memory,
    after_validation,
    early_stop_reason,
    lr_factor,
    watches_validation,
)
from leadline.training.start import begin, make_optimizer

SAMPLES_SHOWN = 4
SAMPLES_CHECKED = 8


class StopRequest:
    """Ctrl-C and SIGTERM, remembered until the step is done: a half-made step cannot be resumed.

    A second Ctrl-C stops at once, without a checkpoint: `forced` says so.
    """

    def __init__(self) -> None:
        self.requested = self.forced = False
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            self.forced = True
            raise KeyboardInterrupt
        self.requested = True

    def restore(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


class Reporter(Protocol):
    """Who is told how a run goes; the command line draws a progress bar from it."""

    def start(self, first_step: int, total_steps: int) -> None:
        """Training is about to begin."""

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """One step is done: its loss, images seen, seconds spent waiting for data."""

    def say(self, line: str) -> None:
        """Something a person should read."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the best model's folder, and whether every step was taken."""

    model: Path
    finished: bool


@dataclass
class Run:
    """One training run: everything the loop needs, built once from the recipe."""

    folder: Path
    recipe: Recipe
    train_data: DepthDataset
    val_data: DepthDataset | None
    model: DepthModel
    size: tuple[int, int]
    initialised_from: str
    fabric: Fabric
    optimizer: torch.optim.Optimizer
    total_steps: int
    steps_per_epoch: int
    step: int = 0
    validated_step: int = 0
    best: dict[str, float] = field(default_factory=dict)
    memory: Memory = field(default_factory=dict)
    val_samples: list[Sample] = field(default_factory=list)
    recent_losses: list[float] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Number of whole passes over the training data."""
        return self.step // self.steps_per_epoch


def train(
    recipe: Recipe,
    data: Path,
    folder: Path,
    reporter: Reporter,
    *,
    units_per_metre: float | None = None,
) -> Outcome:
    """Train `recipe` on `data` into the run folder `folder`.

    Errors: LeadlineError where the folder already holds a run, or the data is wrong.
    """
    if (folder / "recipe.yaml").exists():
        raise LeadlineError(
            f"{folder}: already holds a run; continue it with 'leadline train --resume {folder}' "
            "or choose another --out"
        )
    started = time.monotonic()
    recipe = _settle(recipe)
    run = _set_up(recipe, data, folder, units_per_metre)
    with atomic_path(folder / "recipe.yaml") as temporary:
        temporary.write_text(recipe.to_yaml(), encoding="utf-8")
    facts = {
        "data": str(data.resolve()),
        "units_per_metre": units_per_metre,
        "initialised_from": run.initialised_from,
    }
    with atomic_path(folder / "run.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
    return _run(run, reporter, started)


def resume(folder: Path, reporter: Reporter) -> Outcome:
    """Continue the run in `folder` from its newest checkpoint, to the same bits."""
    started = time.monotonic()
    if not (folder / "recipe.yaml").is_file() or not (folder / "run.json").is_file():
        raise LeadlineError(f"{folder}: not a run folder (no recipe.yaml and run.json in it)")
    recipe = load_recipe(str(folder / "recipe.yaml"))
    facts = json.loads((folder / "run.json").read_text())
    state, warning = load_checkpoint(folder / "checkpoints")
    if warning:
        reporter.say(warning)
    # Every weight is in the checkpoint: what the run started from need not be there any more.
    section = recipe.model.model_copy(update={"encoder_weights": "none"})
    if "normalization" in state:
        section = section.model_copy(update={"normalization": state["normalization"]})
    blank = recipe.model_copy(update={"model": section})
    run = _set_up(blank, Path(facts["data"]), folder, facts["units_per_metre"])
    run = replace(run, recipe=recipe, initialised_from=facts["initialised_from"])
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step, run.best = state["step"], state["best"]
    run.validated_step, run.memory = state["validated_step"], state.get("memory", {})
    reporter.say(f"resuming at step {run.step} of {run.total_steps}")
    return _run(run, reporter, started)


def _settle(recipe: Recipe) -> Recipe:
    """Fix what `auto` means on this machine, so that the saved recipe is the run's."""
    if recipe.trainer.precision != "auto":
        return recipe
    bf16 = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else _cpu_has_bf16()
    trainer = recipe.trainer.model_copy(update={"precision": "bf16" if bf16 else "fp32"})
    return recipe.model_copy(update={"trainer": trainer})


def _cpu_has_bf16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def run_data(
    recipe: Recipe, data: Path, units_per_metre: float | None
) -> tuple[DepthDataset, DepthDataset | None]:
    """Open what a recipe trains on and what it validates on, from the data in `data`."""
    return open_train_and_val(
        data,
        val_fraction=recipe.data.val_fraction,
        seed=recipe.data.seed,
        limit=recipe.data.limit,
        layout=recipe.data.layout,
        options=recipe.data.options,
        units_per_metre=units_per_metre,
        min_depth=recipe.data.min_depth,
        max_depth=recipe.data.max_depth,
    )


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


def _set_up(recipe: Recipe, data: Path, folder: Path, units_per_metre: float | None) -> Run:
    train_data, val_data = run_data(recipe, data, units_per_metre)
    _refuse_empty_depth(train_data)
    if val_data is not None:
        _refuse_empty_depth(val_data)
    elif needing := watches_validation(recipe):
        raise LeadlineError(
            f"{data}: has no validation images, which {needing} watches; add some, or set "
            "data.val_fraction above 0"
        )
    beginning = begin(recipe, train_data)
    # Fabric announces its precision in the log; `_announce` says it once, with the rest.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if recipe.trainer.precision == "bf16" else "32-true",
    )
    # Channels last always: bf16 convolutions in NCHW run ten times slower on a CPU.
    model = beginning.model.to(device=fabric.device).to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, recipe)
    per_epoch = EpochOrder(len(train_data), recipe.data.batch_size, 0, 0, 0).steps_per_epoch
    return Run(
        folder=folder,
        recipe=recipe,
        train_data=train_data,
        val_data=val_data,
        model=model,
        size=beginning.size,
        initialised_from=beginning.initialised_from,
        fabric=fabric,
        optimizer=optimizer,
        total_steps=recipe.trainer.max_steps or recipe.trainer.epochs * per_epoch,
        steps_per_epoch=per_epoch,
    )


def _run(run: Run, reporter: Reporter, began: float) -> Outcome:
    recipe, trainer = run.recipe, run.recipe.trainer
    samples = TrainingSamples(run.train_data, run.size, recipe.augment, trainer.seed)
    order = EpochOrder(
        len(run.train_data), recipe.data.batch_size, trainer.seed, run.step, run.total_steps
    )
    record = RunRecord(run.folder, run.step)
    _announce(run, reporter)
    loss_of = make_loss(recipe, run.model)
    stop = StopRequest()
    try:
        if run.step and _validation_due(run) and run.validated_step != run.step:
            # The run was stopped between its checkpoint and the validation of the same step.
            _validate(run, record, reporter)
        if _ends_early(run, reporter):
            return Outcome(run.folder / "model", finished=True)
        reporter.start(run.step, run.total_steps)
        started = time.perf_counter()
        for batch in _batches(run, make_loader(samples, order, recipe.data.workers)):
            waited = time.perf_counter() - started
            loss = _train_step(run, loss_of, batch)
            run.step += 1
            run.recent_losses.append(loss)
            reporter.step(run.step, loss, len(batch["image"]), waited)
            _keep_books(run, record, reporter)
            if stop.requested:
                raise KeyboardInterrupt
            if _ends_early(run, reporter):
                break
            if run.step < run.total_steps and _time_is_up(run, began):
                _save(run)
                reporter.say(
                    f"trainer.max_minutes is over at step {run.step} of {run.total_steps}; "
                    f"continue with: leadline train --resume {run.folder}"
                )
                break
            started = time.perf_counter()
    except KeyboardInterrupt:
        if stop.forced:
            raise
        _save(run)
        reporter.say(
            f"stopped at step {run.step}; continue with: leadline train --resume {run.folder}"
        )
        raise
    finally:
        stop.restore()
        record.close()
    over = run.step == run.total_steps or early_stop_reason(recipe, run.memory) is not None
    return Outcome(run.folder / "model", finished=over)


def _time_is_up(run: Run, began: float) -> bool:
    minutes = run.recipe.trainer.max_minutes
    return minutes is not None and time.monotonic() - began >= 60 * minutes


def _batches(run: Run, loader: Iterable[dict[str, Tensor]]) -> Iterator[dict[str, Tensor]]:
    """Yield the loader's batches; where a sample is bad, what was learned so far is saved first.

    Errors of the training step pass by: a loss that is not finite has already spoilt BatchNorm's
    statistics, and the checkpoint before it must stay.
    """
    try:
        yield from loader
    except LeadlineError as error:
        if run.step > 0:
            _save(run)
        raise LeadlineError(_without_worker_trace(error)) from error


def _without_worker_trace(error: LeadlineError) -> str:
    """A worker process hands its error on inside a printed traceback: return the error alone."""
    last = str(error).strip().splitlines()[-1]
    return last.partition("LeadlineError: ")[2] or last


def _announce(run: Run, reporter: Reporter) -> None:
    h, w = run.size
    val = f"{len(run.val_data)} validation images" if run.val_data else "no validation images"
    batch = min(run.recipe.data.batch_size, len(run.train_data))
    reporter.say(
        f"{run.recipe.name}: {run.model.parameter_count():,} parameters, "
        f"from {run.initialised_from}; {len(run.train_data)} training and {val}; "
        f"{h}x{w} (HxW), batch {batch}, {run.total_steps} steps, "
        f"{run.recipe.trainer.precision} on {run.fabric.device}"
    )


def make_loss(
    recipe: Recipe, model: DepthModel
) -> Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor]:
    """Return the recipe's weighted loss of (outputs, batch), in float32."""
    unknown = [term.name for term in recipe.loss if term.name not in LOSSES]
    if unknown:
        raise LeadlineError(f"loss {unknown[0]!r} is not known; choose from {', '.join(LOSSES)}")

    def loss(outputs: dict[str, Tensor], batch: dict[str, Tensor]) -> Tensor:
        prediction = outputs["target"].float()
        height, width = prediction.shape[-2:]
        depth, valid = masked_area_mean(batch["depth"], batch["valid"], (height, width))
        spaces = {
            "target": (prediction, model.space.encode(depth), valid),
            "depth": (outputs["depth"].float(), depth, valid),
        }
        if "logits" in outputs and "labels" in batch:
            labels = batch["labels"]
            spaces["labels"] = (outputs["logits"].float(), labels, labels >= 0)
        total = prediction.new_zeros(())
        for term in recipe.loss:
            if term.space not in spaces:
                raise LeadlineError(
                    f"loss {term.name} compares class labels: the data needs label images and the "
                    "network class scores (ds-net has them)"
                )
            total = total + term.weight * LOSSES[term.name](*spaces[term.space], **term.options)
        return total

    return loss


def _train_step(
    run: Run,
    loss_of: Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor],
    batch: dict[str, Tensor],
) -> float:
    # Dropout and the like depend on the step alone, so that a resumed run repeats them.
    torch.manual_seed(run.recipe.trainer.seed * 1_000_003 + run.step)
    factor = lr_factor(
        run.recipe.schedule, run.step, run.total_steps, run.steps_per_epoch, run.memory
    )
    base = [run.recipe.optimizer.encoder_lr or run.recipe.optimizer.lr, run.recipe.optimizer.lr]
    for group, rate in zip(
        run.optimizer.param_groups, base[-len(run.optimizer.param_groups) :], strict=True
    ):
        group["lr"] = rate * factor
    run.model.train()
    batch = {name: value.to(run.fabric.device) for name, value in batch.items()}
    images = batch["image"].contiguous(memory_format=torch.channels_last)
    with run.fabric.autocast():
        outputs = run.model(images)
    with torch.autocast(run.fabric.device.type, enabled=False):
        loss = loss_of(outputs, batch)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise LeadlineError(
            f"the loss became {value} after step {run.step}; lower optimizer.lr "
            f"(the checkpoints in {run.folder} are from before)"
        )
    run.optimizer.zero_grad(set_to_none=True)
    run.fabric.backward(loss)
    if run.recipe.optimizer.clip:
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.recipe.optimizer.clip)
    run.optimizer.step()
    return value


def _keep_books(run: Run, record: RunRecord, reporter: Reporter) -> None:
    """Log, validate, checkpoint: whatever is due at this step."""
    trainer, done = run.recipe.trainer, run.step == run.total_steps
    if run.step % trainer.log_every_steps == 0 or done:
        rate = float(run.optimizer.param_groups[-1]["lr"])
        loss = sum(run.recent_losses) / len(run.recent_losses)
        run.recent_losses.clear()
        record.add(run.step, run.epoch, {"loss": loss, "lr": rate})
    due = _validation_due(run)
    if run.step % trainer.checkpoint_every_steps == 0 or due:
        # Before the validation, so that whatever goes wrong in it loses no training.
        _save(run)
    if due:
        _validate(run, record, reporter)
    if done or early_stop_reason(run.recipe, run.memory):
        _save(run, same_step=True)


def _ends_early(run: Run, reporter: Reporter) -> bool:
    reason = early_stop_reason(run.recipe, run.memory)
    if reason is None or run.step == run.total_steps:
        return False
    reporter.say(f"ended early at step {run.step} of {run.total_steps}: {reason}")
    return True


def _validation_due(run: Run) -> bool:
    every = run.recipe.trainer.validate_every_epochs * run.steps_per_epoch
    return run.step % every == 0 or run.step == run.total_steps


def _validate(run: Run, record: RunRecord, reporter: Reporter) -> None:
    if run.val_data is None:
        _keep_best(run, {})
        run.validated_step = run.step
        return
    scores, shown = validate(run.model, run.val_data, run.recipe.trainer.protocol)
    record.add(run.step, run.epoch, {f"val_{name}": value for name, value in scores.items()})
    if not run.val_samples:
        picked = np.linspace(0, len(run.val_data) - 1, min(SAMPLES_SHOWN, len(run.val_data)))
        run.val_samples = [run.val_data[int(i)] for i in picked]
    record.draw_samples(run.step, run.val_samples, shown)
    record.draw_curves()
    run.memory = after_validation(run.recipe, run.memory, scores)
    is_best = not run.best or scores["abs_rel"] < run.best["abs_rel"]
    if is_best:
        _keep_best(run, scores)
    run.validated_step = run.step
    reporter.say(
        f"epoch {run.epoch}, step {run.step}: val delta1 {scores['delta1']:.4f}, "
        f"abs_rel {scores['abs_rel']:.4f}, rmse {scores['rmse']:.4f}{' (best)' if is_best else ''}"
    )


def validate(
    model: DepthModel, data: DepthDataset, protocol_name: str
) -> tuple[dict[str, float], list[NDArray[np.float32]]]:
    """Score `model` in float32 on `data`; return the means and a few predictions (H,W) to show."""
    model.eval()
    pipeline = MetricPipeline(model)
    picked = {int(i) for i in np.linspace(0, len(data) - 1, min(SAMPLES_SHOWN, len(data)))}
    device = next(model.parameters()).device
    rows, shown = [], []
    for index in range(len(data)):
        sample = data[index]
        with torch.inference_mode():
            depth = pipeline(torch.tensor(sample.image)[None].to(device))["depth"][0]
        prediction = depth.cpu().numpy()
        protocol = protocol_for(protocol_name, (sample.depth.shape[0], sample.depth.shape[1]))
        row = protocol.score(prediction, sample.depth, sample.valid)
        if row is not None:
            rows.append(row)
        if index in picked:
            shown.append(prediction)
    if not rows:
        raise LeadlineError(f"{data.root}: no validation image has a pixel to score")
    return mean_over_images(rows), shown


def _keep_best(run: Run, scores: dict[str, float]) -> None:
    run.best = {**scores, "step": float(run.step)}
    run.model.save(run.folder / "model")
    write_card(run.folder / "model", run.recipe, facts=_facts(run), scores=scores)


def _facts(run: Run) -> dict[str, Any]:
    return {
        "training images": len(run.train_data),
        "initialised from": run.initialised_from,
        "steps": f"{run.step} of {run.total_steps}, batch {run.recipe.data.batch_size}",
        "size": f"{run.size[0]}x{run.size[1]} (HxW)",
        "precision": run.recipe.trainer.precision,
        "protocol": run.recipe.trainer.protocol,
        "validation images": len(run.val_data) if run.val_data else 0,
    }


def _save(run: Run, same_step: bool = False) -> None:
    state = {
        "step": run.step,
        "validated_step": run.validated_step,
        "best": run.best,
        "memory": run.memory,
        "normalization": run.model.config.normalization,
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
    }
    save_checkpoint(run.folder / "checkpoints", state, same_step)
