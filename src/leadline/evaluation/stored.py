"""Reading back what `leadline evaluate -o` wrote: scores, per-image rows and kept predictions."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from leadline.errors import LeadlineError, one_line
from leadline.evaluation.evaluate import extent_in_words
from leadline.metrics import Protocol


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class PartScore(_Part):
    """One part of all pictures, its metrics pooled; None where it has no pixel."""

    name: str
    pixels: int
    metrics: dict[str, FiniteFloat] | None
    low: float | None = None
    high: float | None = None


class Breakdowns(_Part):
    """Scores by part of the picture, those that were asked for."""

    ranges: tuple[PartScore, ...] = ()
    edges: tuple[PartScore, ...] = ()
    classes: tuple[PartScore, ...] = ()
    boundary: dict[str, float | None] = {}


class DataOptions(_Part):
    """How the data was opened: arguments of `open_data`."""

    layout: str = "auto"
    units_per_metre: float | None = None
    options: dict[str, Any] = {}


class Content(_Part):
    """`result.json`, as docs/evaluation.md describes it."""

    leadline: str = ""
    created: str = ""
    model: str
    model_path: str | None = None
    warnings: tuple[str, ...] = ()
    data: str
    split: str | None = None
    data_options: DataOptions = DataOptions()
    protocol: dict[str, Any]
    images: int
    images_scored: int
    limit: int | None = None
    images_in_data: int | None = None
    missing_share: float = 0.0
    metrics: dict[str, FiniteFloat] = Field(min_length=1)
    intervals: dict[str, tuple[float, float]] = {}
    baselines: dict[str, dict[str, float]] = {}
    semantic: dict[str, float | None] | None = None
    breakdowns: Breakdowns | None = None


@dataclass(frozen=True, eq=False)
class KeptCase:
    """An image whose prediction was kept: its place in the data's order, its id and why."""

    index: int
    id: str
    roles: tuple[str, ...]
    path: Path

    def prediction(self) -> NDArray[np.float32]:
        """Read the prediction, (H,W) metres as scored: 0 where missing, inf where too far."""
        prediction = _read_case(self.path, "prediction")["prediction"]
        if prediction.ndim != 2 or prediction.dtype.kind != "f":
            raise LeadlineError(f"{self.path}: its prediction is not a (H,W) array of metres")
        return prediction.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Result:
    """A result folder: `content` is result.json, `rows` is per_image.csv.

    `rows` maps "pixels", "missing" and every metric to one float64 value an image, NaN where the
    image has no scored pixel; `ids` are the images in the same order.
    """

    folder: Path
    content: Content
    ids: tuple[str, ...]
    rows: Mapping[str, NDArray[np.float64]]

    @cached_property
    def protocol(self) -> Protocol:
        """The protocol that the numbers were made under.

        Errors: LeadlineError where this version of Leadline does not know one of its fields.
        """
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.content.protocol.items()
        }
        written = given.pop("hash", None)
        try:
            protocol = Protocol(**given)
        except TypeError as error:
            known = {field.name for field in fields(Protocol)}
            unknown = ", ".join(sorted(set(given) - known)) or one_line(error)
            raise LeadlineError(
                f"{self.folder}: its protocol was written by another version of Leadline "
                f"({unknown}); evaluate again"
            ) from None
        if protocol.hash != written:
            raise LeadlineError(
                f"{self.folder}: the fields of its protocol do not give its hash {written}; "
                "result.json was changed or comes from another version, evaluate again"
            )
        return protocol

    @property
    def protocol_label(self) -> str:
        """Name and hash, as tables print them."""
        return f"{self.protocol.name} [{self.protocol.hash}]"

    @property
    def data_label(self) -> str:
        """The last part of the data's path, and the split."""
        name = Path(self.content.data).name or self.content.data
        return f"{name} ({self.content.split})" if self.content.split else name

    @property
    def extent(self) -> str:
        """How many images were scored, in words."""
        limited = self.content.limit is not None
        return extent_in_words(
            self.content.images_scored,
            self.content.images,
            self.content.images_in_data if limited else None,
        )

    @property
    def breakdowns(self) -> Breakdowns:
        """Scores by part of the picture; empty where none were asked for."""
        return self.content.breakdowns or Breakdowns()

    @cached_property
    def cases(self) -> tuple[KeptCase, ...]:
        """The kept predictions in the data's order."""
        files = (self.folder / "cases").glob("*.npz")
        return tuple(sorted((_case(file) for file in files), key=lambda case: case.index))

    def aligned(self, metric: str, ids: Sequence[str]) -> NDArray[np.float64]:
        """Return the values of a metric in the order of `ids`, each of which was evaluated."""
        return self.rows[metric][[self._place[name] for name in ids]]

    def score_of(self, image: str, metric: str) -> float:
        """Return one image's value of a metric, NaN where it was not scored."""
        return float(self.rows[metric][self._place[image]])

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.ids)}


def load_result(path: Path) -> Result:
    """Read a result folder, given as the folder or as its result.json.

    Errors: LeadlineError where a file is missing, damaged, or not what `evaluate -o` writes.
    """
    folder = path.parent if path.is_file() else path
    file = path if path.is_file() else path / "result.json"
    if not file.is_file():
        raise LeadlineError(
            f"{file}: no such result; give a folder that leadline evaluate -o FOLDER wrote"
        )
    try:
        content = Content.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise LeadlineError(
            f"{file}: no result of leadline evaluate: {where}: {one_line(ValueError(first['msg']))}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise LeadlineError(f"{file}: not readable as JSON ({one_line(error)})") from error
    ids, rows = _read_rows(folder / "per_image.csv")
    lacking = [name for name in content.metrics if name not in rows]
    if len(ids) != content.images or lacking:
        raise LeadlineError(
            f"{folder}: result.json and per_image.csv belong to different runs ({content.images} "
            f"images against {len(ids)}, columns without values: {', '.join(lacking) or 'none'}); "
            "evaluate again"
        )
    return Result(folder, content, ids, rows)


def _read_rows(path: Path) -> tuple[tuple[str, ...], dict[str, NDArray[np.float64]]]:
    if not path.is_file():
        raise LeadlineError(f"{path}: is missing beside result.json; keep the folder together")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names = [name for name in reader.fieldnames or [] if name != "id"]
            table = list(reader)
        ids = tuple(row["id"] for row in table)
        rows = {
            name: np.array([float(row[name]) if row[name] else np.nan for row in table])
            for name in names
        }
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise LeadlineError(
            f"{path}: not a table of scores ({one_line(error)}); evaluate again"
        ) from error
    if "pixels" not in rows or not ids or len(set(ids)) < len(ids):
        raise LeadlineError(f"{path}: not a table with one row an image; evaluate again")
    return ids, rows


def _case(path: Path) -> KeptCase:
    content = _read_case(path, "id", "role")
    if not path.stem.isdigit():
        raise LeadlineError(f"{path}: is not named by an image's number; remove it")
    roles = tuple(str(content["role"]).split(","))
    return KeptCase(int(path.stem), str(content["id"]), roles, path)


def _read_case(path: Path, *names: str) -> Mapping[str, NDArray[Any]]:
    """Read the named arrays of a case, never unpickling anything."""
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in names}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise LeadlineError(
            f"{path}: is damaged or no kept case ({one_line(error)}); evaluate again"
        ) from error
