"""What a run leaves behind while it trains: metrics.csv, TensorBoard, curves, sample pictures."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.sample import Sample
from leadline.depth.atomic import atomic_path
from leadline.depth.depth_map import DepthMap
from leadline.depth.images import write_png
from leadline.depth.panels import side_by_side
from leadline.metrics import METRICS
from leadline.training.curves import Curves, draw_curves

COLUMNS = ("step", "epoch", "loss", "lr", *(f"val_{name}" for name in METRICS))


class RunRecord:
    """Writes rows of numbers to `metrics.csv` and TensorBoard, and pictures beside them."""

    def __init__(self, run: Path, first_step: int):
        from torch.utils.tensorboard import SummaryWriter

        self.run = run
        self.rows = _rows_before(run / "metrics.csv", first_step)
        self._write_rows()
        self.board: Any = SummaryWriter(str(run / "tensorboard"), purge_step=first_step)

    def add(self, step: int, epoch: int, numbers: Mapping[str, float]) -> None:
        """Append one row; names that are not columns go to TensorBoard alone."""
        row = {"step": step, "epoch": epoch, **{k: v for k, v in numbers.items() if k in COLUMNS}}
        self.rows.append({name: str(value) for name, value in row.items()})
        with (self.run / "metrics.csv").open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)
        for name, value in numbers.items():
            place = (
                f"val/{name.removeprefix('val_')}" if name.startswith("val_") else f"train/{name}"
            )
            self.board.add_scalar(place, value, step)

    def _write_rows(self) -> None:
        with (
            atomic_path(self.run / "metrics.csv") as temporary,
            temporary.open("w", newline="") as file,
        ):
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)

    def draw_curves(self) -> None:
        """Draw loss and validation metrics over the steps into `curves.png`."""
        draw_curves([Curves(self.run.name, self.rows)], self.run / "curves.png")

    def draw_samples(
        self, step: int, samples: Sequence[Sample], predictions: Sequence[NDArray[np.float32]]
    ) -> None:
        """Write rows of photograph, truth and prediction, in the truth's colour range."""
        rows = [
            side_by_side(
                sample.image,
                DepthMap.from_metres(sample.depth, sample.valid),
                [DepthMap.from_metres(prediction)],
            )
            for sample, prediction in zip(samples, predictions, strict=True)
        ]
        widest = max(row.shape[1] for row in rows)
        rows = [np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in rows]
        picture = np.concatenate(rows)
        write_png(self.run / "samples" / f"step_{step:06d}.png", picture, None)
        self.board.add_image("samples", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Flush TensorBoard's files."""
        self.board.close()


def _rows_before(path: Path, first_step: int) -> list[dict[str, str]]:
    if first_step == 0 or not path.is_file():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["step"]) <= first_step]
