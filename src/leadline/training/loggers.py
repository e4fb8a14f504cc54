"""Services that receive the metrics and pictures of a run: TensorBoard, Weights & Biases, MLflow.

A logger is one class with the methods of `Logger` and one entry in `LOGGERS`. `metrics.csv` is not
a logger: it is part of the run folder, and resuming needs it.
"""

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from leadline.errors import LeadlineError, one_line
from leadline.io.atomic import write_json
from leadline.io.files import read_json
from leadline.progress import Say


@dataclass(frozen=True)
class LoggerContext:
    """What a logger needs of a run: its folder, its recipe as plain values, its first step.

    `first_step` is above 0 for a resumed run.
    """

    folder: Path
    recipe: Mapping[str, Any]
    first_step: int

    def flat_recipe(self) -> dict[str, str]:
        """Return the recipe as `section.key: value`."""
        return dict(_flatten(self.recipe, ""))

    def read_id(self, logger: str) -> str | None:
        """Return the id that `logger` gave this run before it was resumed, None for a new run."""
        if self.first_step == 0 or not self._ids.is_file():
            return None
        identifier = read_json(self._ids, "record of the loggers").get(logger)
        return str(identifier) if identifier else None

    def write_id(self, logger: str, identifier: str) -> None:
        """Store the id that `logger` gave this run, so that a resumed run continues it."""
        ids = read_json(self._ids, "record of the loggers") if self._ids.is_file() else {}
        write_json(self._ids, {**ids, logger: identifier})

    @property
    def _ids(self) -> Path:
        return self.folder / "loggers.json"


def _flatten(value: Any, prefix: str) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping | list) or not value:
        return [(prefix, str(value))]
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    return [
        pair
        for name, inner in items
        for pair in _flatten(inner, f"{prefix}.{name}" if prefix else str(name))
    ]


class Logger(Protocol):
    """Receives the metrics of a run. Names look like `train/loss` and `val/abs_rel`."""

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log values measured after `step`."""

    def log_image(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Log a picture (H,W,3) made after `step`."""

    def close(self) -> None:
        """Flush and close."""


class TensorBoard:
    """Event files in the run's `tensorboard/`; see them with `tensorboard --logdir RUNS`."""

    def __init__(self, context: LoggerContext):
        from torch.utils.tensorboard import SummaryWriter

        # Steps after the checkpoint will be repeated, so their events are dropped.
        purge = context.first_step + 1 if context.first_step else None
        self._writer: Any = SummaryWriter(str(context.folder / "tensorboard"), purge_step=purge)
        if context.first_step == 0:
            recipe = yaml.safe_dump(dict(context.recipe), sort_keys=False, allow_unicode=True)
            text = "\n".join(f"    {line}" for line in recipe.splitlines())
            self._writer.add_text("recipe", text, 0)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Add one scalar per value."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def log_image(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Add an image."""
        self._writer.add_image(name, pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Flush the event file."""
        self._writer.close()


class WeightsAndBiases:
    """A run in the W&B project `leadline` (or WANDB_PROJECT); WANDB_MODE=offline needs no account.

    Its files are in the run's `wandb/`.
    """

    def __init__(self, context: LoggerContext):
        import wandb

        self._wandb: Any = wandb
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "leadline"),
            name=context.folder.resolve().name,
            dir=str(context.folder),
            config=dict(context.recipe),
            id=context.read_id("wandb"),
            resume="allow",
        )
        # W&B refuses decreasing steps, which occur after a crash, so the step is logged as a value.
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")
        context.write_id("wandb", self._run.id)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values over `step`."""
        self._run.log({**values, "step": step})

    def log_image(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Log an image over `step`."""
        self._run.log({name: self._wandb.Image(pixels), "step": step})

    def close(self) -> None:
        """Send the remaining values."""
        self._run.finish()


class MLflow:
    """A run in the MLflow experiment `leadline` (or MLFLOW_EXPERIMENT_NAME).

    It is stored at MLFLOW_TRACKING_URI, by default in `mlruns/` beside the run folder.
    """

    def __init__(self, context: LoggerContext):
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if uri is None:
            # MLflow requires this to write plain files, which need no database.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            uri = (context.folder.resolve().parent / "mlruns").as_uri()
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._id = context.read_id("mlflow") or self._create(context, Param)
        self._client.update_run(self._id, status="RUNNING")

    def _create(self, context: LoggerContext, param: Any) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "leadline")
        existing = self._client.get_experiment_by_name(name)
        experiment = existing.experiment_id if existing else self._client.create_experiment(name)
        created = self._client.create_run(experiment, run_name=context.folder.resolve().name)
        identifier = str(created.info.run_id)
        # Servers take a hundred parameters at a time, with values of up to 500 characters.
        params = [param(key, value[:500]) for key, value in context.flat_recipe().items()]
        for first in range(0, len(params), 100):
            self._client.log_batch(identifier, params=params[first : first + 100])
        context.write_id("mlflow", identifier)
        return identifier

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log one metric per value."""
        for name, value in values.items():
            self._client.log_metric(self._id, name, value, step=step)

    def log_image(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Log an image."""
        self._client.log_image(self._id, pixels, key=name, step=step)

    def close(self) -> None:
        """Mark the run as ended."""
        self._client.set_terminated(self._id)


@dataclass(frozen=True)
class LoggerEntry:
    """How to create a logger, the module it needs, and the extra of Leadline that installs it."""

    create: Callable[[LoggerContext], Logger]
    module: str
    extra: str


LOGGERS = {
    "tensorboard": LoggerEntry(TensorBoard, "tensorboard", "train"),
    "wandb": LoggerEntry(WeightsAndBiases, "wandb", "wandb"),
    "mlflow": LoggerEntry(MLflow, "mlflow", "mlflow"),
}
"""Every logger by the name a recipe uses."""


def check_installed(names: Sequence[str]) -> None:
    """Import the modules of the loggers, so that a missing one shows before the run is created.

    Errors: LeadlineError that says how to install it.
    """
    for name in names:
        entry = LOGGERS[name]
        try:
            importlib.import_module(entry.module)
        except ModuleNotFoundError as error:
            raise LeadlineError(
                f"trainer.loggers: {name} needs the module {entry.module}: "
                f"pip install 'leadline[{entry.extra}]'"
            ) from error


class Loggers:
    """Several loggers as one. A failing logger is dropped, and reported once to `say`."""

    def __init__(self, names: Sequence[str], context: LoggerContext, say: Say):
        self._say = say
        self._loggers: dict[str, Logger] = {}
        for name in names:
            try:
                self._loggers[name] = LOGGERS[name].create(context)
            except Exception as error:  # any error of a third-party library: training continues
                self._drop(name, error)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Pass the values to each logger."""
        self._each(lambda logger: logger.log_metrics(step, values))

    def log_image(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Pass the picture to each logger."""
        self._each(lambda logger: logger.log_image(step, name, pixels))

    def close(self) -> None:
        """Close each logger."""
        self._each(lambda logger: logger.close())
        self._loggers.clear()

    def _each(self, call: Callable[[Logger], None]) -> None:
        for name, logger in list(self._loggers.items()):
            try:
                call(logger)
            except Exception as error:  # any error of a third-party library: training continues
                self._drop(name, error)

    def _drop(self, name: str, error: Exception) -> None:
        self._loggers.pop(name, None)
        self._say(
            f"logger {name} failed and is dropped; training goes on, and metrics.csv has every "
            f"number ({one_line(error)})"
        )
