"""Files written during training: metrics.csv, status.json, curves, sample pictures; and loggers."""

import csv
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.io.photos import DRAWN, write_png
from leadline.metrics import METRICS
from leadline.progress import Say
from leadline.training.curves import draw_curves
from leadline.training.loggers import LoggerContext, Loggers
from leadline.training.recipe import Recipe
from leadline.training.run_folder import CURVES_FILE, METRICS_FILE, SAMPLES, Run, State, Status
from leadline.viz.color import robust_range
from leadline.viz.panels import side_by_side

COLUMNS = ("step", "epoch", "loss", "lr", *(f"val_{name}" for name in METRICS))


class RunLogger:
    """Writes the metrics and pictures of a run into its folder, and passes them to its loggers.

    A failing logger is reported to `say`; any other failure raises.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        *,
        first_step: int,
        total_steps: int,
        steps_per_epoch: int,
        images_per_step: int,
        say: Say,
    ):
        self.folder = folder
        self._rows = _rows_until(folder / METRICS_FILE, first_step)
        self._write_rows()
        self._status = Status.start(
            folder, first_step, total_steps, steps_per_epoch, images_per_step
        )
        self._seconds_before, self._opened = self._status.seconds, monotonic()
        self._status.write(folder)
        context = LoggerContext(folder, recipe.model_dump(mode="json"), first_step)
        self._loggers = Loggers(recipe.trainer.loggers, context, say)

    def log_training(self, step: int, epoch: int, *, loss: float, lr: float) -> None:
        """Append the mean loss since the last call and the learning rate of `step`."""
        self._append(step, epoch, {"loss": loss, "lr": lr})
        self._loggers.log_metrics(step, {"train/loss": loss, "train/lr": lr})
        self._write_status(step)

    def log_validation(
        self, step: int, epoch: int, scores: Mapping[str, float], protocol: str
    ) -> None:
        """Append the scores of a validation; scores without a column go only to the loggers."""
        columns = {f"val_{name}": value for name, value in scores.items() if name in METRICS}
        self._append(step, epoch, columns)
        self._loggers.log_metrics(step, {f"val/{name}": value for name, value in scores.items()})
        self._status = replace(self._status, protocol=protocol)
        self._write_status(step)

    def _append(self, step: int, epoch: int, columns: Mapping[str, float]) -> None:
        values = {"step": step, "epoch": epoch, **columns}
        row = {name: str(value) for name, value in values.items()}
        if row in self._rows[-2:]:  # a validation repeated by a resumed run
            return
        self._rows.append(row)
        with (self.folder / METRICS_FILE).open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)

    def _write_rows(self) -> None:
        with (
            atomic_path(self.folder / METRICS_FILE) as temporary,
            temporary.open("w", newline="") as file,
        ):
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self._rows)

    def _write_status(self, step: int, state: State = "running") -> None:
        seconds = self._seconds_before + monotonic() - self._opened
        self._status = replace(self._status, state=state, step=step, seconds=round(seconds, 1))
        self._status.write(self.folder)

    def draw_curves(self, *, finished: bool) -> None:
        """Draw loss, learning rate and validation metrics over the steps into `curves.png`.

        The last picture of a `finished` run says so; `status.json` says so only after `close`.
        """
        run = Run.open(self.folder)
        if finished:
            run = replace(run, status=replace(self._status, state="finished"))
        draw_curves([run], self.folder / CURVES_FILE)

    def draw_samples(
        self, step: int, samples: Sequence[Sample], predictions: Sequence[NDArray[np.float32]]
    ) -> None:
        """Write rows of photograph, truth, prediction and error, in the truth's colour range.

        `predictions` are (H,W) metres, at the sizes of the samples.
        """
        rows = [_sample_row(*pair) for pair in zip(samples, predictions, strict=True)]
        widest = max(row.shape[1] for row in rows)
        rows = [np.pad(row, ((0, 4), (0, widest - row.shape[1]), (0, 0))) for row in rows]
        picture = np.concatenate(rows)
        write_png(self.folder / SAMPLES / f"step_{step:06d}.png", picture, DRAWN)
        self._loggers.log_image(step, SAMPLES, picture)

    def close(self, step: int, *, finished: bool) -> None:
        """Close the loggers; write the last step of the run and whether it is complete.

        If the status cannot be written, the run has already failed with an error of its own.
        """
        self._loggers.close()
        with suppress(OSError, LeadlineError):
            self._write_status(step, "finished" if finished else "stopped")


def _sample_row(sample: Sample, prediction: NDArray[np.float32]) -> NDArray[np.uint8]:
    truth = DepthMap.from_metres(sample.depth, sample.valid)
    low, high = robust_range(truth.depth, truth.valid)
    return side_by_side(
        sample.image,
        truth,
        [DepthMap.from_metres(prediction)],
        titles=(
            sample.id,
            f"truth, {low:.1f} to {high:.1f} m",
            "prediction",
            "error, blue: too near",
        ),
        error=True,
    )


def _rows_until(path: Path, first_step: int) -> list[dict[str, str]]:
    """Return the rows of a `metrics.csv` up to the step from which a run resumes."""
    if first_step == 0 or not path.is_file():
        return []
    with path.open(newline="") as file:
        return [
            {name: value for name, value in row.items() if name in COLUMNS and value}
            for row in csv.DictReader(file)
            if (row["step"] or "").isdigit() and int(row["step"]) <= first_step
        ]
