"""`Result`: an evaluation with the record of how its numbers were made, and its files.

A result folder holds `result.json` (the fields of `Result`), `per_image.csv` (`ImageTable`),
`cases/*.npz` (`Case`) and `worst.png`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    InstanceOf,
    ValidationError,
    field_serializer,
)

from leadline import __version__
from leadline.datasets.open import LAYOUTS, find_data
from leadline.datasets.sample import DepthDataset
from leadline.datasets.trained_on import HoldOut
from leadline.errors import LeadlineError, one_line
from leadline.evaluation.breakdowns import PartScore
from leadline.evaluation.camera_record import CameraRecord
from leadline.evaluation.cases import RANKED_BY, Case, draw_cases, read_cases, write_cases
from leadline.evaluation.scoring import ImageScore, Scores
from leadline.evaluation.uncertainty import UncertaintyScores
from leadline.io.atomic import atomic_path, write_json
from leadline.io.files import check_ordinary, read_json
from leadline.io.photos import DRAWN, write_png
from leadline.io.staging import staged
from leadline.metrics import Protocol, TruthUse
from leadline.metrics.protocol import hash_of_fields

RESULT_FILE = "result.json"
TABLE_FILE = "per_image.csv"
WORST_FILE = "worst.png"
CASES_FOLDER = "cases"
REPORT_FILE = "report.html"
BLOCK_ADVICE = "where neighbours are alike, such as frames of a video, evaluate with --block N"
COUNTS = ("pixels", "missing")
ANY_NAME: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}
"""Encoding of ids, which are file names in any encoding."""


class DataOpening(BaseModel):
    """How the data was opened: arguments of `find_data`, and a run's hold-out of it."""

    model_config = ConfigDict(frozen=True)

    layout: str = "auto"
    units_per_metre: float | None = None
    options: dict[str, Any] = {}
    hold_out: HoldOut | None = None

    def open(self, path: Path, split: str | None) -> DepthDataset:
        """Open a split of the data at `path` in the same way again.

        Errors: LeadlineError if it is other data.
        """
        source = find_data(path, **self.model_dump(exclude={"hold_out"}))
        if self.hold_out is not None and split is not None:
            return self.hold_out.open(source, split)
        return source.open(split)


@dataclass(frozen=True, eq=False)
class ImageTable:
    """`per_image.csv`: the `ids` of the images, in the data's order, and `columns` of numbers.

    The columns are "pixels", "missing" and every metric, all (n,) float64; a metric is NaN if the
    image has no scored pixel.
    """

    ids: tuple[str, ...]
    columns: Mapping[str, NDArray[np.float64]]

    @classmethod
    def from_scores(cls, images: Sequence[ImageScore], metrics: Sequence[str]) -> Self:
        """Build the table from the scores of images."""
        counts = {
            "pixels": [image.pixels for image in images],
            "missing": [image.missing for image in images],
        }
        values = {
            name: [image.metrics[name] if image.metrics else np.nan for image in images]
            for name in metrics
        }
        columns = {name: np.array(each, np.float64) for name, each in (counts | values).items()}
        return cls(tuple(image.id for image in images), columns)

    def column(self, metric: str, ids: Sequence[str]) -> NDArray[np.float64]:
        """Return the values of a metric in the order of `ids`, which must have been evaluated."""
        return self.columns[metric][[self._place[name] for name in ids]]

    def value(self, id: str, metric: str) -> float:
        """Return one image's value of a metric, NaN if it was not scored."""
        return float(self.columns[metric][self._place[id]])

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.ids)}

    def write(self, path: Path) -> None:
        """Write one line per image: metrics with all digits, or empty."""
        columns = [
            column.astype(np.int64).tolist()
            if name in COUNTS
            else ["" if np.isnan(value) else value for value in column.tolist()]
            for name, column in self.columns.items()
        ]
        with atomic_path(path) as temporary, temporary.open("w", newline="", **ANY_NAME) as f:
            writer = csv.writer(f)
            writer.writerow(["id", *self.columns])
            writer.writerows(zip(self.ids, *columns, strict=True))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table written by `write`.

        Errors: LeadlineError for a file that is missing, damaged or another table.
        """
        if not path.is_file():
            raise LeadlineError(
                f"{path}: is missing beside {RESULT_FILE}; keep the folder together"
            )
        try:
            with path.open(newline="", **ANY_NAME) as file:
                reader = csv.DictReader(file)
                names = [name for name in reader.fieldnames or [] if name != "id"]
                lines = list(reader)
            ids = tuple(line["id"] for line in lines)
            columns = {
                name: np.array([float(line[name]) if line[name] else np.nan for line in lines])
                for name in names
            }
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise LeadlineError(
                f"{path}: not a table of scores ({one_line(error)}); evaluate again"
            ) from error
        if "pixels" not in columns or not ids or len(set(ids)) < len(ids):
            raise LeadlineError(f"{path}: not a table with one row an image; evaluate again")
        return cls(ids, columns)


def check_each_once(ids: Sequence[str], data: str) -> None:
    """Raise LeadlineError if `data` lists an image twice, since results identify images by id."""
    name, count = max(Counter(ids).items(), key=lambda each: each[1], default=("", 0))
    if count > 1:
        raise LeadlineError(
            f"{data}: {name} is listed {count} times and would count as often; remove its other "
            "lines"
        )


def check_block(block: int, images: int) -> None:
    """Raise LeadlineError if `images` do not make two blocks of `block` neighbours."""
    most = max(1, images // 2)
    if not 1 <= block <= most:
        raise LeadlineError(
            f"block {block}: {images} images make no two blocks of so many; give 1 to {most}"
        )


def describe_intervals(block: int) -> str:
    """Return over what the bootstrap intervals are, in words."""
    if block == 1:
        return f"images, taken as independent ({BLOCK_ADVICE})"
    return f"images, {block} neighbours drawn together"


class Result(BaseModel):
    """An evaluation: scores, and the record of how they were made.

    The fields are the keys of `result.json`, in its order (docs/evaluation.md describes them); the
    last four are files of their own, or the folder itself, which is None for a result that was not
    loaded. New fields need a default, so that older files can be read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    leadline: str = ""
    created: str = ""
    model: str
    model_path: str | None = None
    prediction_units: str | None = None
    warnings: tuple[str, ...] = ()
    camera: CameraRecord | None = None
    data: str
    dataset: str = ""
    split: str | None = None
    data_options: DataOpening = DataOpening()
    protocol: InstanceOf[Protocol]
    images: int
    images_scored: int
    limit: int | None = None
    images_in_data: int | None = None
    missing_share: float = 0.0
    truth_use: TruthUse | None = None
    metrics: dict[str, FiniteFloat] = Field(min_length=1)
    per_image: dict[str, FiniteFloat] = {}
    pooled: dict[str, FiniteFloat] = {}
    block: int = Field(1, ge=1)
    intervals: dict[str, tuple[float, float]] = {}
    baselines: dict[str, dict[str, float]] = {}
    semantic: dict[str, float | None] | None = None
    breakdowns: dict[str, tuple[PartScore, ...] | dict[str, float | int | None]] | None = None
    uncertainty: UncertaintyScores | None = None

    table: InstanceOf[ImageTable] = Field(exclude=True, repr=False)
    cases_in_memory: tuple[InstanceOf[Case], ...] = Field((), exclude=True, repr=False)
    ratios_in_memory: tuple[InstanceOf[np.ndarray], ...] = Field((), exclude=True, repr=False)
    folder: Path | None = Field(None, exclude=True)

    @classmethod
    def from_scores(
        cls, scores: Scores, images_in_data: int | None = None, block: int = 1, **others: Any
    ) -> Self:
        """Build a result from `scores`; `others` are further fields: model, data, ...

        `images_in_data` is the total number of images, if only the first of them were scored;
        `block` neighbouring images are drawn together for intervals.
        Errors: LeadlineError if no image has a pixel to score.
        """
        images = len(scores.images)
        is_limited = images_in_data is not None and images < images_in_data
        return cls(
            leadline=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            protocol=scores.protocol,
            images=images,
            images_scored=len(scores.scored),
            limit=images if is_limited else None,
            images_in_data=images_in_data or images,
            missing_share=scores.missing_share,
            truth_use=scores.truth_use,
            metrics=scores.metrics,
            per_image=scores.per_image,
            pooled=scores.pooled,
            block=block,
            intervals=scores.intervals(block),
            baselines={name: each.metrics for name, each in scores.baselines.items()},
            table=ImageTable.from_scores(scores.images, list(scores.metrics)),
            **others,
        )

    @field_serializer("protocol")
    def _protocol_to_json(self, protocol: Protocol) -> dict[str, Any]:
        return protocol.to_json()

    def to_json(self) -> dict[str, Any]:
        """Return the content of `result.json`, ready for `json.dumps`."""
        return self.model_dump(mode="json", exclude_unset=True)

    def save(self, folder: str | Path, write_report: Callable[[Path], None] | None = None) -> None:
        """Write `result.json`, `per_image.csv`, `cases/*.npz` and `worst.png` into `folder`.

        `worst.png` needs the photographs; a loaded result leaves it unchanged. `write_report`
        writes `REPORT_FILE` into the given folder. Earlier files stay complete until all are
        written; while files of both results are there, `result.json` is missing.
        Errors: LeadlineError if the folder cannot be written, or an image was scored twice.
        """
        check_each_once(self.table.ids, self.data)
        folder = Path(folder)
        with staged(folder, last=RESULT_FILE, stale=self._earlier_files(folder)) as stage:
            self.table.write(stage / TABLE_FILE)
            write_cases(self.cases, stage / CASES_FOLDER)
            worst = self.ranked_cases("worst")
            if worst and worst[0].sample is not None:
                values = [self.table.value(case.id, RANKED_BY) for case in worst]
                write_png(stage / WORST_FILE, draw_cases(worst, values), DRAWN)
            if write_report is not None:
                write_report(stage / REPORT_FILE)
            write_json(stage / RESULT_FILE, self.to_json())

    def _earlier_files(self, folder: Path) -> list[Path]:
        """Return files of an earlier result in `folder` that would not belong to this one."""
        files = list(folder.glob(f"{CASES_FOLDER}/[0-9]*.npz"))
        if self.folder is None:
            files.append(folder / REPORT_FILE)
        if self.folder is None or not self.ranked_cases("worst"):
            files.append(folder / WORST_FILE)
        return files

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a result folder, given as the folder or as its `result.json`.

        Errors: LeadlineError if a file is missing, damaged, or not written by `evaluate -o`.
        """
        path = Path(path)
        folder = path.parent if path.is_file() else path
        file = path if path.is_file() else path / RESULT_FILE
        if not file.is_file():
            check_ordinary(path)
            raise LeadlineError(
                f"{file}: no such result; give a folder that leadline evaluate -o FOLDER wrote"
            )
        content = _read_content(file)
        table = ImageTable.read(folder / TABLE_FILE)
        try:
            result = cls(**content, table=table, folder=folder)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "content"
            raise LeadlineError(
                f"{file}: no result of leadline evaluate: {where}: "
                f"{one_line(ValueError(first['msg']))}"
            ) from None
        lacking = [name for name in result.metrics if name not in table.columns]
        if len(table.ids) != result.images or lacking:
            raise LeadlineError(
                f"{folder}: {RESULT_FILE} and {TABLE_FILE} belong to different runs "
                f"({result.images} images against {len(table.ids)}, columns without values: "
                f"{', '.join(lacking) or 'none'}); evaluate again"
            )
        return result

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The images kept for viewing, in the data's order.

        Errors: LeadlineError for a damaged file of a loaded result.
        """
        if self.folder is None:
            return self.cases_in_memory
        return read_cases(self.folder / CASES_FOLDER)

    @property
    def location(self) -> str:
        """The place of the result in messages: its folder, or its model if it was not loaded."""
        return self.model if self.folder is None else str(self.folder)

    @property
    def protocol_label(self) -> str:
        """Name and hash of the protocol, as printed in tables."""
        return f"{self.protocol.name} [{self.protocol.hash}]"

    @property
    def data_label(self) -> str:
        """The last part of the data's path, and the split."""
        name = Path(self.data).name or self.data
        return f"{name} ({self.split})" if self.split else name

    @property
    def extent(self) -> str:
        """The number of scored images, and the total if limited, in words."""
        is_limited = self.limit is not None
        limited = f", the first of {self.images_in_data} (limit {self.images})"
        return f"{self.images_scored} of {self.images} images scored{limited if is_limited else ''}"

    @property
    def interval_words(self) -> str:
        """A description of the intervals."""
        return describe_intervals(self.block)

    @property
    def boundary(self) -> dict[str, float | int | None]:
        """The agreement of depth edges: f1, precision, recall, images; empty if not measured."""
        boundary = (self.breakdowns or {}).get("boundary", {})
        return boundary if isinstance(boundary, dict) else {}

    def parts(self, breakdown: str) -> tuple[PartScore, ...]:
        """Return the scores by ranges, edges or classes; empty if not measured."""
        parts = (self.breakdowns or {}).get(breakdown, ())
        return parts if isinstance(parts, tuple) else ()

    def ranked_cases(self, role: str) -> list[Case]:
        """Return the cases kept as `role`: worst or best first, even ones in order."""
        cases = [case for case in self.cases if role in case.roles]
        if role == "even":
            return cases
        return sorted(
            cases, key=lambda case: self.table.value(case.id, RANKED_BY), reverse=role == "worst"
        )


def _read_content(file: Path) -> dict[str, Any]:
    """Read the fields of `result.json` known to this version of Leadline."""
    content = read_json(file, "result", "evaluate again")
    if not isinstance(content, dict):
        raise LeadlineError(f"{file}: no result of leadline evaluate; evaluate again")
    dataset = _dataset_of_layout(content.get("data_options"))
    if dataset:  # results of earlier versions do not name it
        content.setdefault("dataset", dataset)
    in_json = {name for name, field in Result.model_fields.items() if not field.exclude}
    known = {name: value for name, value in content.items() if name in in_json}
    if isinstance(known.get("protocol"), dict):
        known["protocol"] = _protocol_from_json(file.parent, known["protocol"])
    return known


def _dataset_of_layout(opening: Any) -> str:
    """Return the only published data set in the layout of data, "" if there may be several."""
    layout = opening.get("layout") if isinstance(opening, dict) else None
    return next((known.published_as for known in LAYOUTS if known.name == layout), "")


def _protocol_from_json(folder: Path, content: Mapping[str, Any]) -> Protocol:
    """Rebuild the protocol, and check that its fields give its hash."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }
    written = values.pop("hash", None)
    try:
        protocol = Protocol(**values)
    except (TypeError, ValueError) as error:
        known = {field.name for field in fields(Protocol)}
        unknown = ", ".join(sorted(set(values) - known)) or one_line(error)
        raise LeadlineError(
            f"{folder}: its protocol was written by another version of Leadline "
            f"({unknown}); evaluate again"
        ) from None
    if written not in (protocol.hash, hash_of_fields(values)):
        raise LeadlineError(
            f"{folder}: the fields of its protocol do not give its hash {written}; "
            f"{RESULT_FILE} was changed or comes from another version, evaluate again"
        )
    return protocol
