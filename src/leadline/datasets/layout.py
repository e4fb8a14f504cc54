"""`Layout`: how a published data set lies on disk, is recognised, opened and read."""

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
"""What the splits of data sets are called."""

ALL = "all"
"""The split that every data set has: all of it."""


@dataclass(frozen=True)
class Option:
    """An option of a layout. Without `choices`, any value of the default's type.

    `is_path`: it names a file or a folder, "" where there is none.
    """

    help: str
    default: str | float | bool
    choices: tuple[str | float | bool, ...] = ()
    is_path: bool = False

    def parse(self, value: Any) -> Any:
        """Return `value`, which may have been typed as text, as the option's own type.

        A path becomes an absolute one, which is the same data from any folder.
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
    """Where a data set is to be had (`url`), under which licence, how large, what to unpack."""

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

    A subclass describes itself in the class variables and says how it is recognised (`matches`),
    which splits it has (`splits`) and how it becomes a list of items (`open`). Items such as
    `FilePair` name the files of a sample; the reading is inherited. Override `paths` for other
    items, and `read_depth`, `read_labels` and `camera` where a layout differs there.

    `data_argument` says what --data names, `source` who published it, `origin` where it is to be
    had, None where it is the user's own. `fixed_units` is the number of units per metre that the
    layout prescribes, None where it leaves that open. `form` is how its depth files differ from
    planar z of the photograph's size; `published_as` the published data set that lies in this
    layout alone, "" where any may. `unpaired_files` says what a photograph without depth, or depth
    without a photograph, in its folders is: a fault of this copy, usual as it is published, or
    unknown, since those folders hold other files too.
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

        Looks at no more than a few file names or the first bytes of a file.
        """

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the splits that are at `path`, () where the layout has none."""
        return ()

    @classmethod
    def sibling(cls, path: Path, split: str) -> Path | None:
        """Return the file of `split` that lies beside `path`, the file of another split."""
        return None

    @classmethod
    def scanned_folders(cls, path: Path) -> tuple[Path, ...]:
        """Return the folders where every other file, too, would be taken for a part of the data."""
        return ()

    @classmethod
    @abstractmethod
    def open(
        cls,
        path: Path,
        split: str | None,
        units_per_metre: float | None,
        # Never given: with both, a type checker lets a subclass name its own options.
        *args: Any,
        **options: Any,
    ) -> Self:
        """Open one split, or everything (None), with a value for each of `options`.

        Errors: LeadlineError for whatever is missing.
        """

    def read(self, item: Any) -> Sample:
        """Read the image, the depth and, where there are any, the labels of one item."""
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
        """Return the files of one item by kind: image, depth and, where there is one, label."""
        names = {"image": item.image, "depth": item.depth, "label": item.label}
        return {kind: self.root / name for kind, name in names.items() if name}

    def read_depth(self, path: Path) -> DepthMap | QuantizedDepth:
        """Read a depth file."""
        return read_stored_depth(path, self.units_per_metre)

    def read_labels(self, files: Mapping[str, Path]) -> NDArray[np.int32]:
        """Read the labels, (H,W) int32 class ids, of an item with these files."""
        raise NotImplementedError

    def camera(self, item: Any, size: tuple[int, int]) -> Intrinsics | None:
        """Return the camera of one item whose image is of `size` (H,W), None if not known.

        That of the depth file, or of the photograph's EXIF block, then counts, as in prediction.
        """
        return None

    def declared_camera(self) -> dict[str, Any] | None:
        """Return the numbers of the one camera that the data declares of all images, or None."""
        return None

    def assumptions(self) -> tuple[str, ...]:
        """Return, in words, what is assumed in place of files that are published and not there."""
        return ()

    @classmethod
    def other_units(cls, options: Mapping[str, Any]) -> dict[float, str]:
        """Return other units that its depth is met in, and how files in each of them are read.

        `options` has a value for each of the layout's own. Units are a metre's as `read` gives
        metres: 0.5 says that what it calls half a metre is one.
        """
        return {}

    @classmethod
    def to_json(cls) -> dict[str, Any]:
        """Return what a program needs to choose a layout and its options."""
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
        """Return every option's value: that of `values`, or its default.

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
    """Return the camera by the EXIF block; none where its values cannot be used."""
    try:
        return photo.lens.intrinsics(photo.width, photo.height)
    except LeadlineError:
        return None
