"""`Layout`: how a published data set is stored, recognised, opened and read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.depth_form import PLAIN, DepthForm
from leadline.datasets.sample import DepthDataset, Sample
from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth
from leadline.errors import LeadlineError, size_words
from leadline.io.formats import read_stored_depth
from leadline.io.photos import Photo, read_photo

SPLITS = ("train", "val", "test")
"""The names of splits."""

ALL = "all"
"""The split of every data set that contains all its samples."""


@dataclass(frozen=True)
class Option:
    """An option of a layout. Without `choices`, any value of the default's type is valid.

    `is_path`: the value names a file or a folder; "" means none.
    """

    help: str
    default: str | float | bool
    choices: tuple[str | float | bool, ...] = ()
    is_path: bool = False

    def parse(self, value: Any) -> Any:
        """Convert `value`, maybe typed as text, to the option's type.

        Paths become absolute, so that they name the same data from any folder.
        Errors: ValueError, saying what is accepted.
        """
        if self.choices:
            for choice in self.choices:
                if str(value).lower() == str(choice).lower():
                    return choice
            raise ValueError(f"choose one of {', '.join(map(str, self.choices))}")
        if self.is_path and value != "":
            return str(Path(str(value)).expanduser().resolve())
        if isinstance(self.default, str):
            return str(value)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValueError("give a number") from None


Options = Mapping[str, Option]
"""The options of a layout, by name."""


SIZE_OPTION = Option(
    "of a pair with two sizes: image enlarges the depth, depth shrinks the image",
    "depth",
    ("image", "depth"),
)
"""The option `depth_size` of layouts whose depth is smaller than their photographs."""


@dataclass(frozen=True)
class Origin:
    """Where to get a data set (`url`), its licence, its size, and what to unpack."""

    url: str
    licence: str
    size: str
    unpack: str


@dataclass(frozen=True)
class FilePair:
    """The files of one sample, relative to the root of its data set."""

    image: str
    depth: str
    label: str = ""

    @property
    def id(self) -> str:
        """The image's path."""
        return self.image


@dataclass(frozen=True)
class Layout(DepthDataset):
    """A data set in one published layout; a new layout is one subclass in a file of its own.

    A subclass describes itself in the class variables, and defines how it is recognised
    (`matches`), which splits it has (`splits`) and how it becomes a list of items (`open`). Items
    such as `FilePair` name the files of a sample; reading is inherited. Override `paths` for other
    items, and `read_depth`, `read_labels` and `camera` where a layout differs.

    `data_argument` describes the argument of --data, `source` the publication, `origin` where to
    get the data, None for the user's own. `fixed_units` is the layout's fixed number of units per
    metre, if any. `form` is how its depth files differ from planar z at the photograph's size.
    `published_as` is the only published data set in this layout, "" if there may be several.
    `unpaired_files` says what a photograph without depth, or depth without a photograph, means: a
    fault of this copy, usual in the published data, or unknown, since its folders hold other files
    too.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    data_argument: ClassVar[str]
    source: ClassVar[str]
    origin: ClassVar[Origin | None] = None
    fixed_units: ClassVar[float | None] = None
    published_as: ClassVar[str] = ""
    options: ClassVar[Options] = {}
    unpaired_files: ClassVar[Literal["fault", "usual", "unknown"]] = "unknown"

    form: DepthForm = PLAIN

    @classmethod
    @abstractmethod
    def matches(cls, path: Path) -> str | None:
        """Return the evidence that `path` is of this layout, or None.

        Reads at most a few file names or the first bytes of a file.
        """

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the splits at `path`, () if the layout has none."""
        return ()

    @classmethod
    def sibling(cls, path: Path, split: str) -> Path | None:
        """Return the file of `split` beside `path`, which is the file of another split."""
        return None

    @classmethod
    def scanned_folders(cls, path: Path) -> tuple[Path, ...]:
        """Return the folders in which any further file would be taken as part of the data."""
        return ()

    @classmethod
    @abstractmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        units_per_metre: float | None,
        # Never passed: with both, a type checker lets a subclass declare its own options.
        *args: Any,
        **options: Any,
    ) -> Self:
        """Open one split, or everything (None), with a value for each of `options`.

        Errors: LeadlineError for missing files.
        """

    def read(self, item: Any) -> Sample:
        """Read the image, the depth and any labels of one item."""
        files = self.paths(item)
        photo = read_photo(files["image"], self.grey_levels)
        image, depth = photo.pixels, self.read_depth(files["depth"])
        camera = self.camera(item, (photo.height, photo.width))
        if camera is None and depth.intrinsics is None:
            camera = exif_camera(photo)
        has_mask = any(kind.startswith("mask") for kind in files)
        if self.form != PLAIN or has_mask or depth.shape != image.shape[:2]:
            image, depth = self.form.apply(image, depth, files, camera)
        elif camera is not None:
            depth = replace(depth, intrinsics=camera)
        labels = None
        if "label" in files and self.with_labels:
            labels = self.form.labels_in_one_size(self.read_labels(files), image)
            check_one_size(labels, files["label"], image, files["image"])
        return Sample(item.id, image, depth, labels)

    def paths(self, item: Any) -> dict[str, Path]:
        """Return the files of one item by kind: image, depth and, if there is one, label."""
        names = {"image": item.image, "depth": item.depth, "label": item.label}
        return {kind: self.root / name for kind, name in names.items() if name}

    def read_depth(self, path: Path) -> DepthMap | QuantizedDepth:
        """Read a depth file."""
        return read_stored_depth(path, self.units_per_metre)

    def read_labels(self, files: Mapping[str, Path]) -> NDArray[np.int32]:
        """Read the labels, (H,W) int32 class ids, of an item with these files."""
        raise NotImplementedError

    def camera(self, item: Any, size: tuple[int, int]) -> Intrinsics | None:
        """Return the camera of one item whose image has `size` (H,W), None if not known.

        If None, the camera of the depth file or of the EXIF block is used, as in prediction.
        """
        return None

    def declared_camera(self) -> dict[str, Any] | None:
        """Return the parameters of the camera declared for all images, or None."""
        return None

    def assumptions(self) -> tuple[str, ...]:
        """Return descriptions of assumptions made in place of missing published files."""
        return ()

    @classmethod
    def other_units(cls, options: Mapping[str, Any]) -> dict[float, str]:
        """Return other units in which such depth occurs, and how to read such files.

        `options` has a value for each of the layout's own. Units are relative to the metres of
        `read`: 0.5 means that a value of 0.5 m is really one metre.
        """
        return {}

    @classmethod
    def to_json(cls) -> dict[str, Any]:
        """Return a JSON-serialisable description of the layout and its options."""
        return {
            "name": cls.name,
            "title": cls.title,
            "points_at": cls.data_argument,
            "source": cls.source,
            "origin": None if cls.origin is None else asdict(cls.origin),
            "units_per_metre": cls.fixed_units,
            "options": {name: asdict(option) for name, option in cls.options.items()},
        }

    @classmethod
    def resolve_options(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every option: from `values`, or its default.

        Errors: LeadlineError for an option that the layout does not have or a value it rejects.
        """
        for name in values:
            if name not in cls.options:
                known = ", ".join(cls.options) or "none"
                raise LeadlineError(
                    f"layout {cls.name} has no option {name!r}; its options: {known}"
                )
        resolved = {name: option.default for name, option in cls.options.items()}
        for name, value in values.items():
            try:
                resolved[name] = cls.options[name].parse(value)
            except ValueError as error:
                raise LeadlineError(
                    f"layout {cls.name}: option {name} = {value!r} is not understood; {error}"
                ) from None
        return resolved


def check_one_size(
    labels: NDArray[np.int32], file: Path, image: NDArray[np.uint8], photo: Path
) -> None:
    """Raise LeadlineError, naming both files, unless `labels` (h,w) are as large as `image`."""
    if labels.shape != image.shape[:2]:
        raise LeadlineError(
            f"{file}: label is {size_words(labels.shape)} but {photo} is "
            f"{size_words(image.shape)}; a pair must have one size"
        )


def exif_camera(photo: Photo) -> Intrinsics | None:
    """Return the camera by the EXIF block; None if its values cannot be used."""
    try:
        return photo.lens.intrinsics(photo.width, photo.height)
    except LeadlineError:
        return None
