"""Who else is told the numbers and pictures of a run: TensorBoard, Weights & Biases, MLflow.

A logger is one class with three methods and its name in `LOGGERS`. `metrics.csv` is not one of
them: it is part of the run folder, and resuming needs it.
"""

import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.errors import one_line
from leadline.io.atomic import atomic_path
from leadline.training.recipe import Recipe


@dataclass(frozen=True)
class LoggedRun:
    """What a logger knows of the run: its folder, its recipe, the step it starts after."""

    folder: Path
    recipe: Recipe
    first_step: int

    def flat_recipe(self) -> dict[str, str]:
        """Return the recipe as `section.key: value`."""
        return dict(_flatten(self.recipe.model_dump(mode="json"), ""))

    def remembered(self, logger: str) -> str | None:
        """Return the name under which `logger` keeps this run, if it already does."""
        if self.first_step == 0 or not self._file.is_file():
            return None
        name = json.loads(self._file.read_text(encoding="utf-8")).get(logger)
        return str(name) if name else None

    def remember(self, logger: str, name: str) -> None:
        """Note under which name `logger` keeps this run, so that a resumed run goes on there."""
        known = json.loads(self._file.read_text(encoding="utf-8")) if self._file.is_file() else {}
        with atomic_path(self._file) as temporary:
            temporary.write_text(json.dumps({**known, logger: name}) + "\n", encoding="utf-8")

    @property
    def _file(self) -> Path:
        return self.folder / "loggers.json"


def _flatten(value: Any, prefix: str) -> list[tuple[str, str]]:
    if not isinstance(value, dict | list) or not value:
        return [(prefix, str(value))]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        pair
        for name, inner in items
        for pair in _flatten(inner, f"{prefix}.{name}" if prefix else str(name))
    ]


class Logger(Protocol):
    """Receives what a run measures. Names look like `train/loss` and `val/abs_rel`."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values measured after `step`."""

    def picture(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Log a picture (H,W,3) made after `step`."""

    def close(self) -> None:
        """Write out what is still held back."""


class TensorBoard:
    """Event files in the run's `tensorboard/`; see them with `tensorboard --logdir RUNS`."""

    def __init__(self, run: LoggedRun):
        from torch.utils.tensorboard import SummaryWriter

        # What came after the checkpoint that the run goes on from is repeated: drop it.
        purge = run.first_step + 1 if run.first_step else None
        self._writer: Any = SummaryWriter(str(run.folder / "tensorboard"), purge_step=purge)
        if run.first_step == 0:
            text = "\n".join(f"    {line}" for line in run.recipe.to_yaml().splitlines())
            self._writer.add_text("recipe", text, 0)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Add one scalar each."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Add an image."""
        self._writer.add_image(name, pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Flush the event file."""
        self._writer.close()


class WeightsAndBiases:
    """A run in the W&B project `leadline` (or WANDB_PROJECT); WANDB_MODE=offline needs no account.

    Its files lie in the run's `wandb/`.
    """

    def __init__(self, run: LoggedRun):
        import wandb

        self._wandb: Any = wandb
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "leadline"),
            name=run.folder.resolve().name,
            dir=str(run.folder),
            config=run.recipe.model_dump(mode="json"),
            id=run.remembered("wandb"),
            resume="allow",
        )
        # W&B refuses steps that go back, as they do after a crash: the step is a value like others.
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")
        run.remember("wandb", self._run.id)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values over `step`."""
        self._run.log({**values, "step": step})

    def picture(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Log an image over `step`."""
        self._run.log({name: self._wandb.Image(pixels), "step": step})

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


class MLflow:
    """A run in the MLflow experiment `leadline` (or MLFLOW_EXPERIMENT_NAME).

    It goes where MLFLOW_TRACKING_URI says, and without it into `mlruns/` beside the run folder.
    """

    def __init__(self, run: LoggedRun):
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if uri is None:
            # MLflow wants to be told that plain files, which need no database, are meant.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            uri = (run.folder.resolve().parent / "mlruns").as_uri()
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._id = run.remembered("mlflow") or self._create(run, Param)
        self._client.update_run(self._id, status="RUNNING")

    def _create(self, run: LoggedRun, param: Any) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "leadline")
        known = self._client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else self._client.create_experiment(name)
        created = self._client.create_run(experiment, run_name=run.folder.resolve().name)
        identifier = str(created.info.run_id)
        # Servers take a hundred at a time, and values of 500 characters.
        params = [param(key, value[:500]) for key, value in run.flat_recipe().items()]
        for first in range(0, len(params), 100):
            self._client.log_batch(identifier, params=params[first : first + 100])
        run.remember("mlflow", identifier)
        return identifier

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Log one metric each."""
        for name, value in values.items():
            self._client.log_metric(self._id, name, value, step=step)

    def picture(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Log an image."""
        self._client.log_image(self._id, pixels, key=name, step=step)

    def close(self) -> None:
        """Say that nothing more comes."""
        self._client.set_terminated(self._id)


LOGGERS: dict[str, Callable[[LoggedRun], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}

NEEDS = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}
"""The module without which a logger cannot be."""


def check_installed(names: Sequence[str]) -> None:
    """Import what the loggers need, so that a missing package shows before there is a run.

    Errors: ModuleNotFoundError naming it.
    """
    for module in (NEEDS[name] for name in names):
        importlib.import_module(module)


class Loggers:
    """Several loggers as one. One that fails is left out from then on, and `say` tells so once.

    Errors: ModuleNotFoundError at the start, where a logger that the recipe names is not installed.
    """

    def __init__(self, names: Sequence[str], run: LoggedRun, say: Callable[[str], None]):
        self._say = say
        self._working: dict[str, Logger] = {}
        for name in names:
            try:
                self._working[name] = LOGGERS[name](run)
            except ModuleNotFoundError:
                raise
            except Exception as error:  # whatever a foreign library raises: training goes on
                self._leave_out(name, error)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Hand the values to each logger."""
        self._each(lambda logger: logger.numbers(step, values))

    def picture(self, step: int, name: str, pixels: NDArray[np.uint8]) -> None:
        """Hand the picture to each logger."""
        self._each(lambda logger: logger.picture(step, name, pixels))

    def close(self) -> None:
        """Close each logger."""
        self._each(lambda logger: logger.close())
        self._working.clear()

    def _each(self, call: Callable[[Logger], None]) -> None:
        for name, logger in list(self._working.items()):
            try:
                call(logger)
            except Exception as error:  # whatever a foreign library raises: training goes on
                self._leave_out(name, error)

    def _leave_out(self, name: str, error: Exception) -> None:
        self._working.pop(name, None)
        self._say(
            f"logger {name} failed and is left out from here on; training goes on, and metrics.csv "
            f"has every number ({one_line(error)})"
        )
