"""Reading back what `leadline evaluate -o` wrote: scores, per-image rows and kept predictions."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth.errors import LeadlineError
from leadline.metrics import Protocol

REQUIRED = ("model", "data", "protocol", "images", "images_scored", "metrics")


@dataclass(frozen=True, eq=False)
class KeptCase:
    """An image whose prediction was kept: its place in the data's order, its id and why."""

    index: int
    id: str
    roles: tuple[str, ...]
    path: Path

    def prediction(self) -> NDArray[np.float32]:
        """Read the prediction, (H,W) metres at the truth's size, 0 where missing."""
        prediction = _read_case(self.path, "prediction")["prediction"]
        if prediction.ndim != 2 or prediction.dtype.kind != "f":
            raise LeadlineError(f"{self.path}: its prediction is not a (H,W) array of metres")
        return prediction.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Result:
    """A result folder: `content` is result.json, `rows` is per_image.csv.

    `rows` maps "pixels" and every metric to one float64 value an image, NaN where the image has
    no scored pixel; `ids` are the images in the same order.
    """

    folder: Path
    content: Mapping[str, Any]
    ids: tuple[str, ...]
    rows: Mapping[str, NDArray[np.float64]]

    @property
    def model(self) -> str:
        """What was scored."""
        return str(self.content["model"])

    @property
    def metrics(self) -> dict[str, float]:
        """The scores under the protocol's aggregation."""
        return dict(self.content["metrics"])

    @property
    def intervals(self) -> dict[str, list[float]]:
        """95 % bootstrap intervals of `metrics`; empty where the file has none."""
        return dict(self.content.get("intervals") or {})

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """Scores of what never looked at the photographs."""
        return dict(self.content.get("baselines") or {})

    @property
    def breakdowns(self) -> dict[str, Any]:
        """Scores of parts of the pictures, those that were asked for."""
        return dict(self.content.get("breakdowns") or {})

    @property
    def protocol(self) -> dict[str, Any]:
        """Every field of the protocol, its name and its hash."""
        return dict(self.content["protocol"])

    @cached_property
    def settled_protocol(self) -> Protocol:
        """The protocol itself.

        Errors: LeadlineError where this version of Leadline does not know one of its fields.
        """
        known = {field.name for field in fields(Protocol)}
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.protocol.items()
            if name != "hash"
        }
        try:
            protocol = Protocol(**given)
        except TypeError as error:
            unknown = ", ".join(sorted(set(given) - known)) or str(error)
            raise LeadlineError(
                f"{self.folder}: its protocol was written by another version of Leadline "
                f"({unknown}); evaluate again"
            ) from None
        if protocol.hash != self.protocol["hash"]:
            raise LeadlineError(
                f"{self.folder}: the protocol's fields do not give its hash "
                f"{self.protocol['hash']}; result.json was changed, evaluate again"
            )
        return protocol

    @property
    def protocol_label(self) -> str:
        """Name and hash, as tables print them."""
        return f"{self.protocol['name']} [{self.protocol['hash']}]"

    @property
    def data_label(self) -> str:
        """The last part of the data's path, and the split."""
        split = self.content.get("split")
        name = Path(str(self.content["data"])).name or str(self.content["data"])
        return f"{name} ({split})" if split else name

    @cached_property
    def cases(self) -> tuple[KeptCase, ...]:
        """The kept predictions in the data's order."""
        files = (self.folder / "cases").glob("*.npz")
        return tuple(sorted((_case(file) for file in files), key=lambda case: case.index))

    def aligned(self, metric: str, ids: Sequence[str]) -> NDArray[np.float64]:
        """Return the values of a metric in the order of `ids`, each of which was evaluated."""
        place = {name: index for index, name in enumerate(self.ids)}
        return self.rows[metric][[place[name] for name in ids]]

    def score_of(self, image: str, metric: str) -> float:
        """Return one image's value of a metric, NaN where it was not scored."""
        return float(self.rows[metric][self.ids.index(image)])


def load_result(path: Path) -> Result:
    """Read a result folder, given as the folder or as its result.json.

    Errors: LeadlineError where a file is missing, damaged, or not what `evaluate -o` writes.
    """
    folder = path if path.is_dir() else path.parent
    file = folder / "result.json" if path.is_dir() else path
    if not file.is_file():
        raise LeadlineError(
            f"{file}: no such result; give a folder that leadline evaluate -o FOLDER wrote"
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{file}: not readable as JSON ({error})") from error
    _check_content(file, content)
    ids, rows = _read_rows(folder / "per_image.csv")
    if len(ids) != content["images"]:
        raise LeadlineError(
            f"{folder}: result.json speaks of {content['images']} images, per_image.csv of "
            f"{len(ids)}; they belong to different runs, evaluate again"
        )
    return Result(folder, content, ids, rows)


def _check_content(file: Path, content: object) -> None:
    if not isinstance(content, dict):
        raise LeadlineError(f"{file}: holds no result; give what leadline evaluate -o wrote")
    missing = [key for key in REQUIRED if key not in content]
    if missing:
        raise LeadlineError(
            f"{file}: lacks {', '.join(missing)}; give what leadline evaluate -o FOLDER wrote"
        )
    protocol, metrics = content["protocol"], content["metrics"]
    if not (isinstance(protocol, dict) and {"name", "hash"} <= set(protocol)):
        raise LeadlineError(f"{file}: its protocol has no name or no hash; evaluate again")
    numbers = isinstance(metrics, dict) and all(_is_number(value) for value in metrics.values())
    if not numbers or not metrics:
        raise LeadlineError(f"{file}: its metrics are not numbers; evaluate again")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


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
            f"{path}: is not a table of scores ({error}); evaluate again"
        ) from error
    if "pixels" not in rows or not ids:
        raise LeadlineError(f"{path}: is not a table of scores; evaluate again")
    return ids, rows


def _case(path: Path) -> KeptCase:
    content = _read_case(path, "id", "role")
    roles = tuple(str(content["role"]).split(","))
    if not path.stem.isdigit():
        raise LeadlineError(f"{path}: is not named by an image's number; remove it")
    return KeptCase(int(path.stem), str(content["id"]), roles, path)


def _read_case(path: Path, *names: str) -> Mapping[str, NDArray[Any]]:
    """Read the named arrays of a case, never unpickling anything."""
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in names}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise LeadlineError(f"{path}: is damaged or no kept case ({error})") from error
