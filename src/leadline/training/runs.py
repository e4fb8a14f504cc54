"""Reading run folders, without torch: what a run was, how far it came, how good it is."""

import csv
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from leadline.errors import LeadlineError, one_line
from leadline.metrics import HIGHER_IS_BETTER, METRICS
from leadline.training.origin import ORIGIN_FILE, read_origin
from leadline.training.status import Status, read_status

RECIPE_FILE, METRICS_FILE = "recipe.yaml", "metrics.csv"
SELECTED_BY = "abs_rel"
"""The validation metric by which a run's best model is kept."""


@dataclass(frozen=True)
class RunFolder:
    """A run as its folder tells it; `rows` are the lines of `metrics.csv`, blanks left out."""

    folder: Path
    recipe: dict[str, Any]
    rows: list[dict[str, float]]
    status: Status | None
    data: str | None = None
    """What `--data` was, which its scores depend on; None where `run.json` is damaged."""

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name

    @property
    def step(self) -> int:
        """Steps done, as far as the folder knows."""
        return (
            self.status.step if self.status else max((int(r["step"]) for r in self.rows), default=0)
        )

    @property
    def state(self) -> str:
        """`finished`, `running at N of M`, `stopped at N of M` or, where nobody knows, `at N`."""
        status = self.status
        if status is None:
            return f"at step {self.step}"
        position = f"{status.step} of {status.total_steps}"
        if status.state == "finished":
            whole = status.step >= status.total_steps
            return "finished" if whole else f"ended early, {position}"
        alive = status.is_alive()
        return f"{'at' if alive is None else 'running,' if alive else 'stopped,'} {position}"

    @property
    def best(self) -> dict[str, float]:
        """The validation row of the model that is kept: `epoch`, `step` and the metrics."""
        scored = [row for row in self.rows if _is_number(row.get(f"val_{SELECTED_BY}"))]
        if not scored:
            return {}
        row = min(scored, key=lambda row: row[f"val_{SELECTED_BY}"])
        return {
            name.removeprefix("val_"): v for name, v in row.items() if name not in {"loss", "lr"}
        }

    def series(self, column: str, x: str = "step") -> tuple[list[float], list[float]]:
        """Return the values of `column` of metrics.csv and where on the axis `x` they lie.

        `x` is `step`, `epoch` or `images`. Errors: LeadlineError where the folder does not tell.
        """
        rows = [row for row in self.rows if _is_number(row.get(column))]
        scale = self._units_per_step(x)
        return [row["step"] * scale for row in rows], [row[column] for row in rows]

    def _units_per_step(self, x: str) -> float:
        if x == "step":
            return 1.0
        if self.status is None:
            raise LeadlineError(
                f"{self.folder}: has no status.json, which tells how long an epoch is; use --x step"
            )
        if x == "images":
            return float(self.status.images_per_step)
        return 1.0 / max(1, self.status.steps_per_epoch)

    def summary(self) -> dict[str, Any]:
        """Return what `leadline runs --json` prints of this run."""
        status, best = self.status, self.best
        return {
            "run": self.name,
            "folder": str(self.folder),
            "recipe": self.recipe.get("name"),
            "state": self.state,
            "step": self.step,
            "total_steps": status.total_steps if status else None,
            "best_epoch": int(best["epoch"]) if "epoch" in best else None,
            "best_step": int(best["step"]) if "step" in best else None,
            **{metric: best.get(metric) for metric in METRICS},
            "protocol": status.protocol if status else None,
            "data": self.data,
            "started": status.started if status else None,
            "updated": status.updated if status else None,
            "seconds": status.seconds if status else None,
            "bytes": sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file()),
        }


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def is_run(folder: Path) -> bool:
    """Tell whether `folder` looks like a run's."""
    return (folder / RECIPE_FILE).is_file() and (folder / ORIGIN_FILE).is_file()


def open_run(folder: Path) -> RunFolder:
    """Read the run in `folder`.

    Errors: LeadlineError where it is not a run folder or one of its files is damaged.
    """
    if not folder.is_dir():
        raise LeadlineError(f"{folder}: no such folder")
    if not is_run(folder):
        raise LeadlineError(f"{folder}: not a run folder (no recipe.yaml and run.json in it)")
    data = None
    with suppress(LeadlineError):
        data = read_origin(folder).data
    return RunFolder(folder, _read_recipe(folder), _read_rows(folder), read_status(folder), data)


def _read_recipe(folder: Path) -> dict[str, Any]:
    # Not through the schema: a run of another version can still be listed.
    path = folder / RECIPE_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise LeadlineError(f"{path}: cannot be read ({one_line(error)})") from error
    if not isinstance(content, dict):
        raise LeadlineError(f"{path}: a recipe is a mapping of keys")
    return content


def _read_rows(folder: Path) -> list[dict[str, float]]:
    path = folder / METRICS_FILE
    if not path.is_file():  # the run has just begun
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        rows = [_numbers_of(line) for line in lines[:-1]]
        with suppress(ValueError):  # the last line may be half written
            rows += [_numbers_of(line) for line in lines[-1:]]
    except (OSError, ValueError, csv.Error) as error:
        raise LeadlineError(f"{path}: cannot be read ({one_line(error)})") from error
    if any(not _is_number(row.get("step")) for row in rows):
        raise LeadlineError(f"{path}: is damaged (a line has no step)")
    return rows


def _numbers_of(line: dict[str, str]) -> dict[str, float]:
    return {name: float(value) for name, value in line.items() if name and value}


@dataclass(frozen=True)
class Found:
    """Runs, and why other folders in the same place are none: `(folder, reason)`."""

    runs: list[RunFolder]
    others: list[tuple[Path, str]]


def find_runs(folders: Iterable[Path]) -> Found:
    """Open each folder that is a run, and the runs in each folder that is none.

    Errors: LeadlineError where a folder does not exist.
    """
    runs: list[RunFolder] = []
    others: list[tuple[Path, str]] = []
    for folder in folders:
        if not folder.is_dir():
            raise LeadlineError(f"{folder}: no such folder")
        inside = [folder] if is_run(folder) else sorted(p for p in folder.iterdir() if p.is_dir())
        for candidate in inside:
            try:
                runs.append(open_run(candidate))
            except LeadlineError as error:
                others.append((candidate, str(error).removeprefix(f"{candidate}: ")))
    return Found(runs, others)


def sorted_runs(runs: Sequence[RunFolder], key: str) -> list[dict[str, Any]]:
    """Return the summaries, best or oldest first; those that lack the key come last.

    Errors: LeadlineError where no summary has that key.
    """
    summaries = [run.summary() for run in runs]
    known = ["run", "recipe", "started", "updated", "seconds", "step", "bytes", *METRICS]
    if key not in known:
        raise LeadlineError(f"--sort {key}: not known; choose one of {', '.join(known)}")
    having = [summary for summary in summaries if summary[key] is not None]
    having.sort(key=lambda summary: summary[key], reverse=key in HIGHER_IS_BETTER)
    return having + [summary for summary in summaries if summary[key] is None]
