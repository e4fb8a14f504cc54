"""The training loop: step, log, save, validate, until there is a reason to stop."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from torch import nn

from leadline.datasets.sample import Sample
from leadline.errors import LeadlineError, one_line
from leadline.evaluation.scoring import resolve_protocol
from leadline.training.batches import TrainingSamples, class_ids, make_loader
from leadline.training.checkpoint import save_best_model
from leadline.training.data import describe_mix
from leadline.training.distributed import (
    SignalCatcher,
    explain_lost_peer,
    restore_default_sigchld,
)
from leadline.training.from_trained import ENCODER
from leadline.training.ranges import (
    describe_grey_levels,
    describe_protocol,
    describe_range,
    ssim_ranges,
)
from leadline.training.run_folder import MODEL, resume_command
from leadline.training.run_logger import RunLogger
from leadline.training.schedules import (
    SELECTION_METRIC,
    after_validation,
    early_stop_reason,
    lr_factor,
)
from leadline.training.state import TrainState
from leadline.training.train_step import Batch, train_step
from leadline.training.training_result import NoProgress, Progress, StopReason
from leadline.training.validation import shown_samples, validate


class Trainer:
    """Trains a run from its current state.

    Every process of a run has a trainer. They step and validate together, and only process 0 writes
    and prints. `started` is the `time.monotonic()` from which `trainer.max_minutes` counts.
    """

    def __init__(self, state: TrainState, progress: Progress, started: float):
        self.state = state
        self.progress = progress if state.processes.is_rank_zero else NoProgress()
        self.started = started
        self.unsaved = False
        self.signals = SignalCatcher()
        self.logger: RunLogger | None = None

    def train(self) -> StopReason:
        """Train until all steps are done, or another reason to stop; return the reason.

        Errors: LeadlineError for data that cannot be read, a loss that is not finite, or a folder
        that cannot be written; the message says what is saved.
        """
        with explain_lost_peer(self.state.folder), self.signals:
            self.open_logger()
            try:
                return self.loop()
            finally:
                if self.logger:
                    self.logger.close(self.state.step, finished=self.is_finished())

    def loop(self) -> StopReason:
        """Take the remaining steps; log, save and validate when due."""
        state = self.state
        announce(state, self.progress)
        if state.step == 0:
            # The run can be resumed from the start, and a full disk shows now.
            self.save()
            if self.starts_from_a_model() and state.validated_step < 0:
                self.validate()
        elif self.should_validate() and state.validated_step != state.step:
            # The run was stopped between a checkpoint and the validation after it.
            self.validate()
        reason = self.final_reason()
        if reason is None:
            batches = self.load_batches()
        while reason is None:
            self.step(batches)
            if self.should_log():
                self.log()
            if self.should_save():
                self.save()
            if self.should_validate():
                self.validate()
            reason = self.stop_reason()
        if self.unsaved:
            self.save()
        self.explain(reason)
        return reason

    def load_batches(self) -> Iterator[Batch]:
        """Start the data workers; return this process's batches from the current step on."""
        state, recipe = self.state, self.state.recipe
        data = state.train_data if recipe.class_terms else state.train_data.without_labels()
        ids = class_ids(recipe, state.model.classes)
        samples = TrainingSamples(
            data,
            state.input_size,
            recipe.augment,
            recipe.trainer.seed,
            ids,
            state.model.config.training_focal,
            state.model.config.training_area,
            state.model.config.stride,
        )
        order = state.order.starting_at(state.step)
        on_gpu = state.processes.device.type == "cuda"
        batches = iter(make_loader(samples, order, recipe.data.workers, for_gpu=on_gpu))
        restore_default_sigchld()
        self.progress.start(state.step, state.total_steps)
        return batches

    def step(self, batches: Iterator[Batch]) -> None:
        """Take one step of the optimizer on the next batch."""
        state = self.state
        started = time.perf_counter()
        batch = self.next_batch(batches)
        waited = time.perf_counter() - started
        factor = lr_factor(
            state.recipe.schedule,
            state.step,
            state.total_steps,
            state.steps_per_epoch,
            state.schedule_state,
        )
        loss = train_step(state, batch, factor)
        _, images = state.order.image_counts(state.step)
        state.step += 1
        state.recent_losses.append(loss)
        self.unsaved = True
        self.progress.step(state.step, loss, images, waited)

    def next_batch(self, batches: Iterator[Batch]) -> Batch:
        """Return the next batch; if a sample cannot be read, save a checkpoint first."""
        try:
            with self.state.processes.raise_on_all_ranks():
                try:
                    return next(batches)
                except (LeadlineError, RuntimeError, ConnectionError, EOFError) as error:
                    explained = explain_loader_error(error, self.state)
                    if explained is None:
                        raise
                    raise explained from error
        except (LeadlineError, SystemExit):
            if self.state.step > 0:
                self.save()
            raise

    def should_log(self) -> bool:
        """Whether a row of metrics is due at this step."""
        every = self.state.recipe.trainer.log_every_steps
        return self.state.step % every == 0 or self.state.step == self.state.total_steps

    def log(self) -> None:
        """Log the mean loss since the last call, and the learning rate."""
        state = self.state
        loss = sum(state.recent_losses) / len(state.recent_losses)
        rate = float(state.optimizer.param_groups[-1]["lr"])
        state.recent_losses.clear()
        with self.writing():
            if self.logger:
                self.logger.log_training(state.step, state.epoch, loss=loss, lr=rate)

    def should_save(self) -> bool:
        """Whether a checkpoint is due; each validation has one before it, since it may fail."""
        every = self.state.recipe.trainer.checkpoint_every_steps
        return self.state.step % every == 0 or self.should_validate()

    def save(self) -> None:
        """Write a checkpoint, from which `resume` continues bit by bit."""
        self.state.save()
        self.unsaved = False

    def should_validate(self) -> bool:
        """Whether a validation is due at this step."""
        state = self.state
        every = state.recipe.trainer.validate_every_epochs * state.steps_per_epoch
        return state.step % every == 0 or state.step == state.total_steps

    def starts_from_a_model(self) -> bool:
        """Whether the initial model can be scored, as the reference of a fine-tuning."""
        return self.state.recipe.model.init is not None and self.state.val_data is not None

    def validate(self) -> None:
        """Score the network on the validation images; save it if it is the best so far."""
        state, recipe = self.state, self.state.recipe
        if state.val_data is None:
            self.save_best({})
        else:
            validation = validate(
                state.scored_model, state.val_data, recipe.trainer.protocol, state.processes
            )
            scores = validation.scores
            state.schedule_state = after_validation(
                recipe.schedule, recipe.trainer.early_stopping, state.schedule_state, scores
            )
            with self.writing():
                if self.logger:
                    self.logger.log_validation(state.step, state.epoch, scores, self.protocol)
                    self.logger.draw_samples(state.step, self.shown_samples, validation.shown)
                    self.logger.draw_curves(finished=self.is_finished())
            is_best = state.best_abs_rel is None or scores[SELECTION_METRIC] < state.best_abs_rel
            if is_best:
                state.best_abs_rel = scores[SELECTION_METRIC]
            if is_best or recipe.trainer.keep == "last":
                self.save_best(scores)
            where = f"epoch {state.epoch}, step {state.step}" if state.step else "the start"
            self.progress.say(
                f"{where}: val delta1 {scores['delta1']:.4f}, "
                f"abs_rel {scores['abs_rel']:.4f}, rmse {scores['rmse']:.4f}"
                f"{' (best)' if is_best else ''}"
            )
        state.validated_step = state.step
        self.unsaved = True

    def save_best(self, scores: dict[str, float]) -> None:
        """Write the network into `model/`; `scores` are those of its validation."""
        state = self.state
        state.best = {**scores, "step": float(state.step)}
        with self.writing():
            if state.processes.is_rank_zero:
                save_best_model(
                    state.folder / MODEL,
                    state.scored_model,
                    state.recipe,
                    training=describe_training(state, self.protocol),
                    scores=scores,
                )

    def stop_reason(self) -> StopReason | None:
        """Return why to stop after this step, None to continue; the same in every process."""
        minutes = self.state.recipe.trainer.max_minutes
        late = minutes is not None and time.monotonic() - self.started >= 60 * minutes
        sigterm, sigint, late = self.state.processes.any(
            self.signals.sigterm, self.signals.sigint, late
        )
        if sigterm or sigint:
            return StopReason.SIGTERM if sigterm else StopReason.SIGINT
        return self.final_reason() or (StopReason.TIME_LIMIT if late else None)

    def final_reason(self) -> StopReason | None:
        """Return why the run is complete, None if it is not."""
        if self.state.step >= self.state.total_steps:
            return StopReason.FINISHED
        return StopReason.EARLY_STOPPING if self.early_stop_reason() else None

    def is_finished(self) -> bool:
        """Whether the run is complete."""
        return self.final_reason() is not None

    def early_stop_reason(self) -> str | None:
        """Return why early stopping ends the run, None if it does not."""
        section = self.state.recipe.trainer.early_stopping
        return early_stop_reason(section, self.state.schedule_state)

    def explain(self, reason: StopReason) -> None:
        """Report why the run ends before its last step, and how to continue."""
        state = self.state
        position = f"at step {state.step} of {state.total_steps}"
        how = f"continue with: {resume_command(state.folder)}"
        if reason.is_final and self.starts_from_a_model() and state.best.get("step") == 0:
            self.progress.say(
                f"no step was better than the start: {state.folder / MODEL} is the model that the "
                "run started from; try a smaller optimizer.lr, or more photographs"
            )
        if reason is StopReason.EARLY_STOPPING:
            self.progress.say(f"ended early {position}: {self.early_stop_reason()}")
        elif reason is StopReason.TIME_LIMIT:
            self.progress.say(f"trainer.max_minutes is over {position}; {how}")
        elif not reason.is_final:
            self.progress.say(f"stopped {position}; {how}")

    def open_logger(self) -> None:
        """Open metrics.csv, status.json and the loggers, in process 0."""
        state = self.state
        with self.writing():
            if state.processes.is_rank_zero:
                self.logger = RunLogger(
                    state.folder,
                    state.recipe,
                    first_step=state.step,
                    total_steps=state.total_steps,
                    steps_per_epoch=state.steps_per_epoch,
                    images_per_step=state.order.batch_size,
                    say=self.progress.say,
                )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write into the run folder; a failure becomes one line that says what is saved."""
        state = self.state
        with state.processes.raise_on_all_ranks():
            try:
                yield
            except OSError as error:
                saved = (
                    f"step {state.saved_step} is saved"
                    if state.saved_step > 0
                    else "no step is lost"
                )
                raise LeadlineError(
                    f"{state.folder}: cannot be written ({one_line(error)}); {saved}: free space "
                    f"or permissions, then go on with: {resume_command(state.folder)}"
                ) from error

    @cached_property
    def shown_samples(self) -> list[Sample]:
        """The validation samples of the sample pictures."""
        return shown_samples(self.state.val_data) if self.state.val_data else []

    @cached_property
    def protocol(self) -> str:
        """The name of the validation protocol; `auto` is resolved for its images."""
        name, data = self.state.recipe.trainer.protocol, self.state.val_data
        return name if data is None else resolve_protocol(name, data).name


def explain_loader_error(error: Exception, state: TrainState) -> LeadlineError | None:
    """Return one line for a failure of the data loader; None for a bug in Leadline."""
    if isinstance(error, LeadlineError):
        # A worker process passes its error on inside a printed traceback.
        last = str(error).strip().splitlines()[-1]
        return LeadlineError(last.partition("LeadlineError: ")[2] or last)
    text = str(error)
    worker_died = isinstance(error, ConnectionError | EOFError) or (
        "DataLoader worker" in text and ("exited unexpectedly" in text or "killed" in text)
    )
    if not worker_died:
        return None
    return LeadlineError(
        "a data worker process was killed, possibly because memory ran out; go on with: "
        f"{resume_command(state.folder)} (with fewer workers: --set data.workers=0)"
    )


def announce(state: TrainState, progress: Progress) -> None:
    """Report the network, the data and the settings that affect the numbers."""
    height, width = state.input_size
    val = f"{len(state.val_data)} validation images" if state.val_data else "no validation images"
    count = state.processes.count
    progress.say(
        f"{state.recipe.name}: {state.model.parameter_count():,} parameters"
        f"{f' (frozen: {part})' if (part := frozen_part(state)) else ''}"
        f", from {state.info.initialised_from}; {len(state.train_data)} training and {val}; "
        f"{height}x{width} (HxW), batch {state.order.batch_size}, {state.total_steps} steps, "
        f"{state.recipe.trainer.precision} on {state.processes.device}"
        f"{f', {count} processes' if count > 1 else ''}"
    )
    for warning in state.warnings:
        progress.say(warning)
    for line in (*describe_mix(state.train_data), *describe_grey_levels(state.train_data)):
        progress.say(line)
    announce_range(state, progress)
    accumulate = state.recipe.trainer.accumulate
    kinds = (nn.BatchNorm2d, nn.SyncBatchNorm)
    norms = [module for module in state.model.modules() if isinstance(module, kinds)]
    frozen = {id(norm) for norm in state.frozen_batch_norms}
    learned = [norm for norm in norms if id(norm) not in frozen]
    parts = accumulate * (
        1 if any(isinstance(each, nn.SyncBatchNorm) for each in learned) else count
    )
    if parts > 1 and learned:
        images = max(1, state.order.batch_size // parts)
        progress.say(
            f"BatchNorm normalises over {images} images at a time, not over the batch of "
            f"{state.order.batch_size}; trainer.freeze_batch_norm=true, or SyncBatchNorm on GPUs "
            "without accumulation, avoids the difference"
        )


def announce_range(state: TrainState, progress: Progress) -> None:
    """Report the depth that is trained on and validated, and the share of the truth outside."""
    recipe = state.recipe
    lines = [*describe_range(recipe, state.train_data)]
    if state.val_data is not None:
        protocol = resolve_protocol(recipe.trainer.protocol, state.val_data)
        lines += describe_protocol(recipe, state.val_data, protocol)
    lines += ssim_ranges(recipe, state.model.space.target_range)
    for line in lines:
        progress.say(line)


def frozen_part(state: TrainState) -> str:
    """Describe the frozen part of the network; empty if there is none."""
    parameters = dict(state.model.named_parameters())
    frozen = {name for name, weight in parameters.items() if not weight.requires_grad}
    count = f"{sum(parameters[name].numel() for name in frozen):,} parameters"
    is_encoder = frozen == {name for name in parameters if name.startswith(ENCODER)}
    return "" if not frozen else f"the encoder, {count}" if is_encoder else count


def describe_training(state: TrainState, protocol: str) -> dict[str, str | int]:
    """Return the rows of the model card about the training."""
    trainer, focal = state.recipe.trainer, state.model.config.training_focal
    return {
        "training images": len(state.train_data),
        "initialised from": state.info.initialised_from,
        **({"parent run": Path(state.info.parent).name} if state.info.parent else {}),
        **({"frozen": frozen} if (frozen := frozen_part(state)) else {}),
        "steps": f"{state.step} of {state.total_steps}, batch {state.recipe.data.batch_size}",
        "size": f"{state.input_size[0]}x{state.input_size[1]} (HxW)",
        "camera": "not known" if focal is None else f"focal length {focal:.1f} pixels at that size",
        "precision": trainer.precision,
        "weights": f"moving average, decay {trainer.ema:g}" if trainer.ema else "of the last step",
        "protocol": protocol,
        "validation images": len(state.val_data) if state.val_data else 0,
    }
