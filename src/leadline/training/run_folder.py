"""A run folder: its contents, its progress and its scores. Read without torch.

`recipe.yaml` and `run.json` make a folder a run, with `training_images.json` beside them;
`status.json`, `metrics.csv`, `curves.png`, `checkpoints/` and `model/` are written during training.
"""

import csv
import math
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any, Literal, Self

from leadline.datasets import trained_on
from leadline.errors import LeadlineError, one_line
from leadline.io.atomic import write_json, write_text
from leadline.io.files import read_json
from leadline.io.yaml_files import read_yaml
from leadline.metrics import HIGHER_IS_BETTER, METRICS
from leadline.training.recipe import Recipe
from leadline.training.schedules import SELECTION_METRIC

RECIPE_FILE, INFO_FILE, MODEL = trained_on.RECIPE_FILE, trained_on.INFO_FILE, trained_on.MODEL
STATUS_FILE, METRICS_FILE, CURVES_FILE = "status.json", "metrics.csv", "curves.png"
CHECKPOINTS, SAMPLES = "checkpoints", "samples"


@dataclass(frozen=True)
class RunInfo:
    """The start conditions of a run that are not in its recipe: `run.json`.

    `data` is the path of the data (None if the recipe names it), `units_per_metre` its depth scale
    if given, `initialised_from` a description of the initial weights. `parent` is the folder of the
    finished run that this run continues, None if there is none.
    """

    data: str | None
    units_per_metre: float | None
    initialised_from: str
    parent: str | None = None

    @property
    def data_path(self) -> Path | None:
        """The path of `--data`, None if the recipe names all its data."""
        return None if self.data is None else Path(self.data)

    def write(self, folder: Path) -> None:
        """Write `run.json`."""
        write_json(folder / INFO_FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `run.json`.

        Errors: LeadlineError if the file is missing or damaged.
        """
        path = folder / INFO_FILE
        remedy = (
            'write it again: {"data": "FOLDER", "units_per_metre": null, '
            '"initialised_from": "random weights"}'
        )
        content = read_json(path, "record of the run's start", remedy)
        try:
            units = content["units_per_metre"]
            return cls(
                data=None if content["data"] is None else str(content["data"]),
                units_per_metre=None if units is None else float(units),
                initialised_from=str(content["initialised_from"]),
                parent=content.get("parent"),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise LeadlineError(f"{path}: is damaged ({one_line(error)}); {remedy}") from error


State = Literal["running", "stopped", "finished"]


@dataclass(frozen=True)
class Status:
    """The progress of a run: `status.json`.

    `running` stays until it is overwritten, even if the process dies: see `is_alive`. `finished`
    runs are complete, maybe after fewer steps than `total_steps` (early stopping). `seconds` is the
    training time over all resumptions. `started` and `updated` are ISO 8601, UTC.
    """

    state: State
    step: int
    total_steps: int
    steps_per_epoch: int
    images_per_step: int
    started: str
    updated: str
    seconds: float = 0.0
    protocol: str | None = None
    host: str = ""
    pid: int = 0

    @classmethod
    def start(
        cls, folder: Path, step: int, total_steps: int, steps_per_epoch: int, images_per_step: int
    ) -> Self:
        """Return the status of a run that starts or resumes now, in this process."""
        status = cls(
            "running",
            step,
            total_steps,
            steps_per_epoch,
            images_per_step,
            started=_now(),
            updated=_now(),
            host=socket.gethostname(),
            pid=os.getpid(),
        )
        before = cls.read(folder) if step > 0 else None
        if before is None:
            return status
        return replace(
            status, started=before.started, seconds=before.seconds, protocol=before.protocol
        )

    def write(self, folder: Path) -> None:
        """Write `status.json`, dated now."""
        write_json(folder / STATUS_FILE, asdict(replace(self, updated=_now())))

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read `status.json`; None if the folder has none.

        Errors: LeadlineError if the file is damaged.
        """
        path = folder / STATUS_FILE
        if not path.is_file():
            return None
        remedy = "remove it, the run does not need it"
        content = read_json(path, "run's status", remedy)
        try:
            known = {field.name for field in fields(cls)}
            status = cls(**{name: value for name, value in content.items() if name in known})
            counts = (
                status.step, status.total_steps, status.steps_per_epoch, status.images_per_step
            )  # fmt: skip
            if not all(isinstance(count, int) and count >= 0 for count in counts):
                raise ValueError("its steps are not whole numbers")
            return replace(status, seconds=float(status.seconds), pid=int(status.pid))
        except (ValueError, TypeError, AttributeError) as error:
            raise LeadlineError(f"{path}: is damaged ({one_line(error)}); {remedy}") from error

    def is_alive(self) -> bool | None:
        """Return whether the training process still exists; None if that cannot be determined."""
        if self.state != "running":
            return False
        # On Windows, signal 0 is Ctrl-C.
        if self.host != socket.gethostname() or sys.platform == "win32":
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # the process of another user
            return True
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Run:
    """The content of a run folder; `rows` are the lines of `metrics.csv`, without empty values."""

    folder: Path
    recipe: dict[str, Any]
    rows: list[dict[str, float]]
    status: Status | None
    data: str | None = None
    """The path of `--data`, on which its scores depend; None if there was none."""
    parent: str | None = None
    """The folder of the run that this run continues."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the run in `folder`.

        Errors: LeadlineError if it is not a run folder or one of its files is damaged.
        """
        if not folder.is_dir():
            raise LeadlineError(f"{folder}: no such folder")
        check_run(folder)
        data = parent = None
        with suppress(LeadlineError):
            info = RunInfo.read(folder)
            data, parent = info.data, info.parent
        recipe, rows = _read_recipe(folder), _read_rows(folder)
        return cls(folder, recipe, rows, Status.read(folder), data, parent)

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @property
    def step(self) -> int:
        """Number of finished steps, according to the folder."""
        if self.status:
            return self.status.step
        return max((int(row["step"]) for row in self.rows), default=0)

    @property
    def state(self) -> str:
        """The state in words: `finished`, `ended early, N of M`, `running, N of M` etc."""
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
    def is_finished(self) -> bool:
        """Whether the run is complete, according to the folder."""
        if self.status is not None:
            return self.status.state == "finished"
        trainer = self.recipe.get("trainer") or {}
        if trainer.get("max_steps") is not None:
            return self.step >= int(trainer["max_steps"])
        epoch = max((row.get("epoch", 0) for row in self.rows), default=0)
        return "epochs" in trainer and epoch >= int(trainer["epochs"])

    @property
    def kept(self) -> dict[str, float]:
        """The validation row of the saved model: `epoch`, `step` and the metrics.

        This is the best model, or with `trainer.keep=last` the last one.
        """
        scored = [row for row in self.rows if _is_number(row.get(f"val_{SELECTION_METRIC}"))]
        if not scored:
            return {}
        if (self.recipe.get("trainer") or {}).get("keep") == "last":
            row = max(scored, key=lambda row: row["step"])
        else:
            row = min(scored, key=lambda row: row[f"val_{SELECTION_METRIC}"])
        return {
            name.removeprefix("val_"): v for name, v in row.items() if name not in {"loss", "lr"}
        }

    def series(self, column: str, x: str = "step") -> tuple[list[float], list[float]]:
        """Return (positions on the axis `x`, values) of `column` of metrics.csv.

        `x` is `step`, `epoch` or `images`.
        Errors: LeadlineError if the folder does not store the length of an epoch.
        """
        rows = [row for row in self.rows if _is_number(row.get(column))]
        scale = self._units_per_step(x)
        return [row["step"] * scale for row in rows], [row[column] for row in rows]

    def _units_per_step(self, x: str) -> float:
        if x == "step":
            return 1.0
        if self.status is None:
            raise LeadlineError(
                f"{self.folder}: has no status.json, which says how long an epoch is; use --x step"
            )
        if x == "images":
            return float(self.status.images_per_step)
        return 1.0 / max(1, self.status.steps_per_epoch)

    def summary(self) -> dict[str, Any]:
        """Return the entry of this run in `leadline runs --json`."""
        status, kept = self.status, self.kept
        return {
            "run": self.name,
            "folder": str(self.folder),
            "recipe": self.recipe.get("name"),
            "state": self.state,
            "step": self.step,
            "total_steps": status.total_steps if status else None,
            "best_epoch": int(kept["epoch"]) if "epoch" in kept else None,
            "best_step": int(kept["step"]) if "step" in kept else None,
            **{metric: kept.get(metric) for metric in METRICS},
            "protocol": status.protocol if status else None,
            "data": self.data,
            "parent": self.parent,
            "started": status.started if status else None,
            "updated": status.updated if status else None,
            "seconds": status.seconds if status else None,
            "bytes": sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file()),
        }


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def create_run_folder(folder: Path, recipe: Recipe, info: RunInfo) -> None:
    """Write the files that make a folder a run; `recipe.yaml`, which identifies it, comes last."""
    info.write(folder)
    write_text(folder / RECIPE_FILE, recipe.to_yaml())


def is_run(folder: Path) -> bool:
    """Return whether `folder` is a run folder."""
    return (folder / RECIPE_FILE).is_file() and (folder / INFO_FILE).is_file()


def check_run(folder: Path) -> None:
    """Raise LeadlineError if `folder` is not a run folder."""
    if not is_run(folder):
        raise LeadlineError(f"{folder}: not a run folder (no {RECIPE_FILE} and {INFO_FILE} in it)")


def resume_command(folder: Path) -> str:
    """Return the command that goes on with a run, as a shell takes it."""
    return f"leadline train --resume {quote(str(folder))}"


def check_is_new(folder: Path) -> None:
    """Raise LeadlineError if `folder` already holds a run.

    A run killed before its first checkpoint cannot be resumed, and may be overwritten.
    """
    began = (folder / RECIPE_FILE).exists()
    if began and (any(folder.glob(f"{CHECKPOINTS}/*.ckpt")) or (folder / MODEL).exists()):
        raise LeadlineError(
            f"{folder}: already holds a run; continue it with {resume_command(folder)}, or "
            "choose another --out"
        )


def _read_recipe(folder: Path) -> dict[str, Any]:
    # Not through the schema, so that runs of other versions can be listed.
    path = folder / RECIPE_FILE
    content = read_yaml(path, "recipe")
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
        rows = [_as_numbers(line) for line in lines[:-1]]
        with suppress(ValueError):  # the last line may be half written
            rows += [_as_numbers(line) for line in lines[-1:]]
    except (OSError, ValueError, csv.Error) as error:
        raise LeadlineError(f"{path}: cannot be read ({one_line(error)})") from error
    if any(not _is_number(row.get("step")) for row in rows):
        raise LeadlineError(f"{path}: is damaged (a line has no step)")
    return rows


def _as_numbers(line: dict[str, str]) -> dict[str, float]:
    return {name: float(value) for name, value in line.items() if name and value}


@dataclass(frozen=True)
class RunListing:
    """The runs in a place, and the other folders as `(folder, reason)`."""

    runs: list[Run]
    skipped: list[tuple[Path, str]]


def list_runs(folders: Iterable[Path]) -> RunListing:
    """Open each folder that is a run, and the runs inside the other folders.

    Errors: LeadlineError if a folder does not exist.
    """
    runs: list[Run] = []
    skipped: list[tuple[Path, str]] = []
    for folder in folders:
        if not folder.is_dir():
            raise LeadlineError(f"{folder}: no such folder")
        inside = [folder] if is_run(folder) else sorted(p for p in folder.iterdir() if p.is_dir())
        for candidate in inside:
            try:
                runs.append(Run.open(candidate))
            except LeadlineError as error:
                skipped.append((candidate, str(error).removeprefix(f"{candidate}: ")))
    return RunListing(runs, skipped)


SORT_KEYS = ("run", "recipe", "started", "updated", "seconds", "step", "bytes", *METRICS)


def sort_runs(runs: Sequence[Run], key: str) -> list[Run]:
    """Return the runs, best or oldest first; runs without a value come last.

    Errors: LeadlineError for an unknown key.
    """
    if key not in SORT_KEYS:
        raise LeadlineError(f"sort key {key}: not known; choose one of {', '.join(SORT_KEYS)}")
    values = [(run, run.summary()[key]) for run in runs]
    having = [(run, value) for run, value in values if value is not None]
    having.sort(key=lambda pair: pair[1], reverse=key in HIGHER_IS_BETTER)
    return [run for run, _ in having] + [run for run, value in values if value is None]
