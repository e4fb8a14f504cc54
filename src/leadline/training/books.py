"""The books of a run: what is logged, saved, scored and kept after its steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from leadline.errors import LeadlineError, one_line
from leadline.metrics import protocol_for
from leadline.training.card import write_card
from leadline.training.record import RunRecord
from leadline.training.reporter import Reporter
from leadline.training.run import Run
from leadline.training.schedules import after_validation, early_stop_reason
from leadline.training.validation import shown_samples, validate


class Books:
    """Logs, checkpoints and validates a run at the steps where that is due.

    Every process has one, and they validate together; only the leading one writes.
    """

    def __init__(self, run: Run, reporter: Reporter):
        self.run, self.reporter = run, reporter
        self._record: RunRecord | None = None
        with self._writing():
            if run.processes.leads:
                self._record = RunRecord(
                    run.folder,
                    run.recipe,
                    first_step=run.step,
                    total_steps=run.total_steps,
                    steps_per_epoch=run.steps_per_epoch,
                    images_per_step=run.order.batch_size,
                    say=reporter.say,
                )

    @property
    def nothing_left(self) -> bool:
        """Whether all steps are taken, or enough of them."""
        run = self.run
        return run.step == run.total_steps or early_stop_reason(run.recipe, run.memory) is not None

    def ends_early(self) -> bool:
        """Whether early stopping ends the run here; says so."""
        run = self.run
        reason = early_stop_reason(run.recipe, run.memory)
        if reason is None or run.step == run.total_steps:
            return False
        self.reporter.say(f"ended early at step {run.step} of {run.total_steps}: {reason}")
        return True

    def catch_up(self) -> None:
        """Validate where the run was stopped between a checkpoint and the validation after it."""
        run = self.run
        if run.step and self._validation_due() and run.validated_step != run.step:
            self._validate()

    def after_step(self) -> None:
        """Log, checkpoint, validate: whatever is due at this step."""
        run, trainer = self.run, self.run.recipe.trainer
        if run.step % trainer.log_every_steps == 0 or run.step == run.total_steps:
            self._log()
        due = self._validation_due()
        if run.step % trainer.checkpoint_every_steps == 0 or due:
            # Before the validation, so that whatever goes wrong in it loses no training.
            run.save()
        if due:
            self._validate()
        if self.nothing_left:
            run.save()

    def close(self) -> None:
        """Note at which step the run ended and whether something is left to do."""
        if self._record:
            self._record.close(self.run.step, finished=self.nothing_left)

    def _log(self) -> None:
        run = self.run
        rate = float(run.optimizer.param_groups[-1]["lr"])
        loss = sum(run.recent_losses) / len(run.recent_losses)
        run.recent_losses.clear()
        with self._writing():
            if self._record:
                self._record.add(run.step, run.epoch, {"loss": loss, "lr": rate})

    def _validation_due(self) -> bool:
        run = self.run
        every = run.recipe.trainer.validate_every_epochs * run.steps_per_epoch
        return run.step % every == 0 or run.step == run.total_steps

    def _validate(self) -> None:
        run = self.run
        if run.val_data is None:
            self._keep_best({})
            run.validated_step = run.step
            return
        done = validate(run.result, run.val_data, run.recipe.trainer.protocol, run.processes)
        scores = done.scores
        run.memory = after_validation(run.recipe, run.memory, scores)
        with self._writing():
            if self._record:
                numbers = {f"val_{name}": value for name, value in scores.items()}
                self._record.add(run.step, run.epoch, numbers)
                run.val_samples = run.val_samples or shown_samples(run.val_data)
                self._record.draw_samples(run.step, run.val_samples, done.shown)
                self._record.draw_curves(finished=self.nothing_left)
        is_best = not run.best or scores["abs_rel"] < run.best["abs_rel"]
        if is_best:
            self._keep_best(scores)
        run.validated_step = run.step
        self.reporter.say(
            f"epoch {run.epoch}, step {run.step}: val delta1 {scores['delta1']:.4f}, "
            f"abs_rel {scores['abs_rel']:.4f}, rmse {scores['rmse']:.4f}"
            f"{' (best)' if is_best else ''}"
        )

    def _keep_best(self, scores: dict[str, float]) -> None:
        run = self.run
        run.best = {**scores, "step": float(run.step)}
        with self._writing():
            if run.processes.leads:
                run.result.save(run.folder / "model")
                write_card(run.folder / "model", run.recipe, facts=_facts(run), scores=scores)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Writing into the run folder: one line where that fails, which says what is safe."""
        run = self.run
        with run.processes.together():
            try:
                yield
            except OSError as error:
                safe = f"step {run.saved_step} is safe" if run.saved_step > 0 else "nothing is lost"
                raise LeadlineError(
                    f"{run.folder}: cannot be written ({one_line(error)}); {safe}: free space or "
                    f"permissions, then go on with: leadline train --resume {run.folder}"
                ) from error


def _protocol_name(run: Run) -> str:
    """Return what `auto` means for the validation images."""
    name = run.recipe.trainer.protocol
    if run.val_data is None:
        return name
    height, width = run.val_data[0].depth.shape
    return protocol_for(name, (height, width)).name


def _facts(run: Run) -> dict[str, Any]:
    """Return what the model card tells of the training."""
    trainer = run.recipe.trainer
    return {
        "training images": len(run.train_data),
        "initialised from": run.initialised_from,
        "steps": f"{run.step} of {run.total_steps}, batch {run.recipe.data.batch_size}",
        "size": f"{run.size[0]}x{run.size[1]} (HxW)",
        "precision": trainer.precision,
        "weights": f"moving average, decay {trainer.ema:g}" if trainer.ema else "of the last step",
        "protocol": _protocol_name(run),
        "validation images": len(run.val_data) if run.val_data else 0,
    }
