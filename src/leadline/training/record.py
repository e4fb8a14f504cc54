"""What a run leaves behind while it trains: metrics.csv, status.json, curves, sample pictures."""

import csv
from collections.abc import Callable, Mapping, Sequence
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
from leadline.io.photos import write_png
from leadline.metrics import METRICS, protocol_for
from leadline.training.curves import draw_curves
from leadline.training.loggers import LoggedRun, Loggers
from leadline.training.recipe import Recipe
from leadline.training.runs import METRICS_FILE, open_run
from leadline.training.status import State, Status
from leadline.viz.color import robust_range
from leadline.viz.panels import side_by_side

COLUMNS = ("step", "epoch", "loss", "lr", *(f"val_{name}" for name in METRICS))


class RunRecord:
    """Writes the numbers and pictures of a run into its folder, and tells its loggers.

    `say` hears of loggers that fail; nothing else here is allowed to fail quietly.
    """

    def __init__(
        self,
        run: Path,
        recipe: Recipe,
        *,
        first_step: int,
        total_steps: int,
        steps_per_epoch: int,
        images_per_step: int,
        say: Callable[[str], None],
    ):
        self.run, self.recipe = run, recipe
        self._rows = _rows_before(run / METRICS_FILE, first_step)
        self._write_rows()
        self._status = Status.begin(run, first_step, total_steps, steps_per_epoch, images_per_step)
        self._seconds_before, self._opened = self._status.seconds, monotonic()
        self._status.write(run)
        self._loggers = Loggers(recipe.trainer.loggers, LoggedRun(run, recipe, first_step), say)

    def add(self, step: int, epoch: int, numbers: Mapping[str, float]) -> None:
        """Append one row; names that are not columns go to the loggers alone."""
        columns = {name: value for name, value in numbers.items() if name in COLUMNS}
        row = {
            name: str(value) for name, value in {"step": step, "epoch": epoch, **columns}.items()
        }
        if row not in self._rows[-2:]:  # a validation that a resumed run has to repeat
            self._rows.append(row)
            with (self.run / METRICS_FILE).open("a", newline="") as file:
                csv.DictWriter(file, COLUMNS).writerow(row)
        self._loggers.numbers(step, {_full_name(name): value for name, value in numbers.items()})
        self._note(step)

    def _note(self, step: int, state: State = "running") -> None:
        seconds = self._seconds_before + monotonic() - self._opened
        self._status = replace(self._status, state=state, step=step, seconds=round(seconds, 1))
        self._status.write(self.run)

    def _write_rows(self) -> None:
        with (
            atomic_path(self.run / METRICS_FILE) as temporary,
            temporary.open("w", newline="") as file,
        ):
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self._rows)

    def draw_curves(self, *, finished: bool) -> None:
        """Draw loss, learning rate and validation metrics over the steps into `curves.png`.

        The last picture of a run that is `finished` says so; `status.json` does only in `close`.
        """
        run = open_run(self.run)
        if finished:
            run = replace(run, status=replace(self._status, state="finished"))
        draw_curves([run], self.run / "curves.png")

    def draw_samples(
        self, step: int, samples: Sequence[Sample], predictions: Sequence[NDArray[np.float32]]
    ) -> None:
        """Write rows of photograph, truth, prediction and error, in the truth's colour range."""
        height, width = samples[0].depth.shape
        protocol = protocol_for(self.recipe.trainer.protocol, (height, width))
        self._status = replace(self._status, protocol=protocol.name)
        self._note(step)
        rows = [_sample_row(*pair) for pair in zip(samples, predictions, strict=True)]
        widest = max(row.shape[1] for row in rows)
        rows = [np.pad(row, ((0, 4), (0, widest - row.shape[1]), (0, 0))) for row in rows]
        picture = np.concatenate(rows)
        write_png(self.run / "samples" / f"step_{step:06d}.png", picture, None)
        self._loggers.picture(step, "samples", picture)

    def close(self, step: int, *, finished: bool) -> None:
        """Note at which step the run ended and whether something is left to do.

        Where the note cannot be written the run has failed already, and its own error is the one
        to see.
        """
        self._loggers.close()
        with suppress(OSError, LeadlineError):
            self._note(step, "finished" if finished else "stopped")


def _full_name(name: str) -> str:
    return f"val/{name.removeprefix('val_')}" if name.startswith("val_") else f"train/{name}"


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


def _rows_before(path: Path, first_step: int) -> list[dict[str, str]]:
    if first_step == 0 or not path.is_file():
        return []
    with path.open(newline="") as file:
        return [
            {name: value for name, value in row.items() if name in COLUMNS and value}
            for row in csv.DictReader(file)
            if (row["step"] or "").isdigit() and int(row["step"]) <= first_step
        ]
