"""The training data and the hold-out of a training run, read from its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.datasets.holdout import SplitBy
from leadline.datasets.open import DataSource, find_data
from leadline.datasets.sample import DepthDataset, real_file
from leadline.errors import LeadlineError
from leadline.io.atomic import write_json
from leadline.io.files import read_json
from leadline.io.yaml_files import read_yaml

RECIPE_FILE, INFO_FILE, MODEL = "recipe.yaml", "run.json", "model"
IMAGES_FILE = "training_images.json"


@dataclass(frozen=True)
class HoldOut:
    """How a run held out samples of data without splits: arguments of `open_train_and_val`."""

    val_fraction: float
    seed: int
    val_unit: SplitBy = "sample"
    limit: int | None = None

    def open(self, source: DataSource, split: str) -> DepthDataset:
        """Open the samples that were trained on (train) or held out (val).

        Errors: LeadlineError for another split, or if nothing was held out.
        """
        train, val = source.open_train_and_val(
            val_fraction=self.val_fraction,
            seed=self.seed,
            val_unit=self.val_unit,
            limit=self.limit,
        )
        chosen = {"train": train, "val": val}.get(split)
        if chosen is None:
            raise LeadlineError(f"{source.path}: no samples were held out as {split!r}")
        return chosen.within(0.0, None)


@dataclass(frozen=True)
class TrainedSet:
    """One data set of a run: its path, how it was opened, what was held out."""

    path: Path
    hold_out: HoldOut
    opening: Mapping[str, Any] = field(default_factory=dict)

    def is_of(self, source: DataSource) -> bool:
        """Whether this is the data of `source`, opened in the same way."""
        if self.path.resolve() != source.path.resolve():
            return False
        mine, theirs = self.source().opening, source.opening
        return (mine.layout, mine.layout_options) == (theirs.layout, theirs.layout_options)

    def source(self) -> DataSource:
        """Recognise the data again.

        Errors: LeadlineError if it no longer exists, or is other data.
        """
        return find_data(self.path, **self.opening)


@dataclass(frozen=True)
class TrainingData:
    """The data of a run in the folder `run`, and of the runs it started from."""

    run: Path
    sets: tuple[TrainedSet, ...]
    earlier: tuple[TrainingData, ...] = ()

    def hold_out_of(self, source: DataSource) -> HoldOut | None:
        """Return how the run held out samples of this data; None for other data."""
        if "val" in source.splits:
            return None
        for each in self.sets:
            if each.hold_out.val_fraction > 0 and each.is_of(source):
                return each.hold_out
        return None

    def images(self) -> frozenset[str]:
        """Return the images trained on, in the form of `DepthDataset.locations`.

        These are the recorded images of the run, including those of the runs before it. If an early
        version of Leadline recorded none, they are those of its data, as far as it still exists.
        Errors: LeadlineError if the list is damaged.
        """
        written = written_images(self.run)
        if written is not None:
            return written
        found: set[str] = set()
        for each in self.sets:
            try:
                found.update(each.hold_out.open(each.source(), "train").locations())
            except LeadlineError:  # moved or gone, so it is unknown
                continue
        return frozenset(found.union(*(run.images() for run in self.earlier)))

    def count_in(self, data: DepthDataset) -> int:
        """Return how many images of `data` were trained on."""
        known = self.images()
        return sum(image in known for image in data.locations()) if known else 0


def write_training_images(run: Path, images: Iterable[str]) -> None:
    """Record the images a run is trained on, including those of the runs before it."""
    write_json(run / IMAGES_FILE, sorted(images))


def written_images(run: Path) -> frozenset[str] | None:
    """Return the recorded images of a run; None if a version of Leadline did not record them.

    Errors: LeadlineError if the list is damaged.
    """
    path = run / IMAGES_FILE
    if not path.is_file():
        return None
    remedy = "remove it; the run's data is then opened instead"
    images = read_json(path, "list of training images", remedy)
    if not isinstance(images, list):
        raise LeadlineError(f"{path}: is damaged, not a list; {remedy}")
    # Early versions followed the links of folders, but not those of files.
    return frozenset(each if "::" in each else real_file(each) for each in map(str, images))


def training_data(model: Path | str, seen: frozenset[Path] = frozenset()) -> TrainingData | None:
    """Return the data of the run of `model` (a run, its `model/` folder, or a file in it).

    None if it belongs to no run, or the run's files do not tell.
    """
    run = Path(model)
    run = run.parent if run.is_file() else run
    run = run.parent if run.name == MODEL and not (run / RECIPE_FILE).is_file() else run
    if not (run / RECIPE_FILE).is_file() or run.resolve() in seen:
        return None
    try:
        recipe = read_yaml(run / RECIPE_FILE, "recipe")
        info = read_json(run / INFO_FILE, "record of the run's start")
        sets = tuple(_sets(recipe["data"], info["data"], info["units_per_metre"]))
        starts = {str(each) for each in (recipe["model"].get("init"), info.get("parent")) if each}
    except (LeadlineError, KeyError, TypeError, ValueError, AttributeError):
        return None
    earlier = [training_data(each, seen | {run.resolve()}) for each in sorted(starts)]
    return TrainingData(run, sets, tuple(each for each in earlier if each is not None))


def _sets(
    section: Mapping[str, Any], named: str | None, units: float | None
) -> Iterator[TrainedSet]:
    """Yield the sets of a recipe's `data`; `named` is the path of `--data`, with scale `units`."""
    hold_out = HoldOut(
        float(section["val_fraction"]), int(section["seed"]), section["val_unit"], section["limit"]
    )
    for each in section.get("mix") or [section]:
        path = each.get("path") or (None if each.get("worlds") and each is not section else named)
        if path is None:  # generated
            continue
        is_named = not each.get("path")
        opening = {
            "layout": each["layout"],
            "options": each["options"],
            "units_per_metre": units if is_named else None,
        }
        yield TrainedSet(Path(path), hold_out, opening)
