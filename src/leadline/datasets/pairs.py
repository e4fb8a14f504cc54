"""Image-depth(-label) pairs from a folder or a CSV: the layout for users' own data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.depth_form import PLAIN, DepthForm, values_of
from leadline.datasets.layout import ALL, SPLITS, Layout, Option, Options
from leadline.datasets.pair_listing import (
    Pair,
    PairListing,
    folder_splits,
    list_csv,
    list_pairs,
    pairs_in,
    walked_folders,
)
from leadline.datasets.sample import Sample
from leadline.depth.depth_map import DepthMap
from leadline.depth.encodings import DepthEncoding
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.quantized import QuantizedDepth
from leadline.depth.units import parse_units
from leadline.errors import LeadlineError, value_words
from leadline.io.cameras import CameraFile, declared_camera
from leadline.io.distortion import undistort
from leadline.io.formats import stored_depth
from leadline.io.labels import read_labels
from leadline.io.photos import FULL_SCALE
from leadline.io.yaml_files import read_yaml

DECLARATIONS = "dataset.yaml"
UNFINISHED = "expansion.json"
"""The first file of an expansion: with it, but without train.csv (the last), it is unfinished."""
RENDERING, RENDERED = ("options.json", "views"), "manifest.json"
"""The first files written when worlds are rendered, and the last one."""


@dataclass(frozen=True)
class PairsDataset(Layout):
    """Pairs read from disk one at a time.

    `units_per_metre` is the scale of integer depth files (1000: millimetres, 256: KITTI); None uses
    the unit stored in each file. `camera_file` is the camera of all images, if `dataset.yaml`
    declares one, and `form` the declared difference of the depth from planar z at the photograph's
    size.
    """

    name = "pairs"
    title = "image-depth pairs"
    data_argument = "a folder with train.csv/val.csv, such a CSV, or a folder with rgb/ and depth/"
    source = "your own data"
    options: ClassVar[Options] = {
        "depth_encoding": Option(
            "carla, shift-mm: 24 bits of colour; rotated: as SUN RGB-D",
            "auto",
            ("auto", *get_args(DepthEncoding)),
        ),
        "depth_kind": Option("z along the axis, or along the ray", "auto", ("auto", "z", "ray")),
        "depth_size": Option(
            "of a pair with two sizes", "auto", ("auto", "same", "image", "depth")
        ),
    }

    camera_file: CameraFile | None = None

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a CSV, the CSV of a split, image and depth folders, or names of pairs."""
        if path.is_file():
            return f"{path.name} is a CSV" if path.suffix.lower() == ".csv" else None
        if unfinished(path):
            return None
        listed = [f"{split}.csv" for split in SPLITS if (path / f"{split}.csv").is_file()]
        if listed:
            return f"has {', '.join(listed)}"
        divided = [f"{name}/" for name in folder_splits(path).values()]
        evidence = pairs_in(path)
        if evidence and divided and not evidence.startswith(f"has {divided[0]}"):
            return f"{evidence}, divided into {', '.join(divided)}"
        return evidence

    @classmethod
    def splits(cls, path: Path) -> tuple[str, ...]:
        """Return the splits declared by CSVs or folders."""
        if not path.is_dir():
            return ()
        listed = tuple(s for s in SPLITS if (path / f"{s}.csv").is_file())
        return listed or tuple(folder_splits(path))

    @classmethod
    def sibling(cls, path: Path, split: str) -> Path | None:
        """Return `<split>.csv` beside another split's CSV."""
        other = path.parent / f"{split}.csv"
        return other if path.is_file() and path.stem in SPLITS and other.is_file() else None

    @classmethod
    def scanned_folders(cls, path: Path) -> tuple[Path, ...]:
        """Return the folders whose files are paired by name; none if a CSV lists them."""
        if path.is_file() or any((path / f"{split}.csv").is_file() for split in SPLITS):
            return ()
        return walked_folders(path)

    @classmethod
    def open(
        cls, path: Path, split: str | None, units_per_metre: float | None, **options: str
    ) -> PairsDataset:
        """Open the pairs of a CSV, of `<split>.csv` in a folder, or of the folders.

        Errors: LeadlineError if the split, a column or a partner file is missing.
        """
        root = path.parent if path.is_file() else path
        listing = list_split(path, split)
        pairs = listing.require_complete()
        if not pairs:
            raise LeadlineError(f"{path}: no image-depth pairs in it")
        declared = Declarations.read(root, options)
        units = declared.units(root, units_per_metre)
        return cls(
            root,
            pairs,
            units,
            dataset=declared.dataset,
            grey_levels=declared.grey_levels,
            form=declared.form,
            camera_file=declared.camera,
        )

    def camera(self, item: Pair, size: tuple[int, int]) -> Intrinsics | None:
        """Return the declared camera; without one, that of the depth file is used, if any."""
        height, width = size
        return None if self.camera_file is None else self.camera_file.pinhole(width, height)

    def declared_camera(self) -> dict[str, Any] | None:
        """Return the parameters of the camera of `dataset.yaml`, None without one."""
        if self.camera_file is None:
            return None
        return {name: value for name, value in asdict(self.camera_file).items() if name != "path"}

    def read(self, item: Pair) -> Sample:
        """Read a pair; if the declared lens has distortion, everything is undistorted."""
        sample = super().read(item)
        camera, file = sample.intrinsics, self.camera_file
        if file is None or camera is None or not file.bends(camera):
            return sample
        stored = sample.stored
        values, labels = values_of(stored), sample.labels
        image, values, labels = straighten(file, camera, sample.image, values, labels)
        if isinstance(stored, QuantizedDepth):
            return replace(
                sample, image=image, stored=replace(stored, values=values), labels=labels
            )
        depth = DepthMap.from_metres(values, None, camera, stored.provenance)
        return replace(sample, image=image, stored=depth, labels=labels)

    def paths(self, item: Pair) -> dict[str, Path]:
        """Return the image, the depth and, if present, the label and the mask."""
        return item.files

    def read_depth(self, path: Path) -> DepthMap | QuantizedDepth:
        """Read a depth file of the declared encoding."""
        if self.form.units_per_metre is None:
            return super().read_depth(path)
        values, about = self.form.read_values(path)
        return stored_depth(path, values, self.form.units_per_metre, about)

    def read_labels(self, files: Mapping[str, Path]) -> NDArray[np.int32]:
        """Read the label picture."""
        return read_labels(files["label"])


def unfinished(path: Path) -> str:
    """Return the command whose result in a folder is unfinished, "" if there is none."""
    if (path / UNFINISHED).is_file() and not (path / "train.csv").is_file():
        return "leadline expand"
    started = all((path / name).exists() for name in RENDERING)
    return "leadline worlds render" if started and not (path / RENDERED).is_file() else ""


def open_pairs(
    path: str | Path,
    split: str | None = None,
    *,
    units_per_metre: float | None = None,
    min_depth: float = 0.0,
    max_depth: float | None = None,
) -> PairsDataset:
    """Open pairs from a CSV, a folder with `<split>.csv`, or a folder of image and depth folders.

    A CSV has a header with `image`, `depth` and optionally `label` and `mask`, and paths relative
    to its own folder. A folder without CSVs has `rgb/` (or image, images, color) and `depth/` (or
    depths, depth_gt), paired by file stem. `dataset.yaml` beside the data may declare `depth_scale`
    in units per metre (an argument takes precedence), the `camera` of all images, and the published
    `dataset`, such as nyu.

    Errors: LeadlineError if the path, the split, a column or a partner file is missing.
    """
    path = Path(path)
    if not path.exists():
        raise LeadlineError(f"{path}: no such data; give a folder of pairs or a CSV file")
    return PairsDataset.open(path, split, units_per_metre).within(min_depth, max_depth)


def straighten(
    file: CameraFile,
    camera: Intrinsics,
    image: NDArray[np.uint8],
    values: NDArray[Any],
    labels: NDArray[np.int32] | None,
) -> tuple[NDArray[np.uint8], NDArray[Any], NDArray[np.int32] | None]:
    """Undistort a photograph, its depth and its labels to the pinhole `camera`.

    The photograph is interpolated; depth and labels take the nearest pixel.
    """
    lens = camera, file.distortion
    image = undistort(image, *lens, nearest=False)
    values = undistort(values, *lens, nearest=True)
    return image, values, None if labels is None else undistort(labels, *lens, nearest=True)


def list_split(path: Path, split: str | None) -> PairListing:
    """List the pairs of a CSV, of `<split>.csv`, of a split's folders, or of all (None, `all`).

    Errors: LeadlineError for a split that does not exist.
    """
    if path.is_file():
        return list_csv(path)
    if split in (None, ALL):
        return list_pairs(path)
    if (path / f"{split}.csv").is_file():
        return list_csv(path / f"{split}.csv")
    if split not in PairsDataset.splits(path):
        raise LeadlineError(
            f"{path}: has no {split}.csv, only {', '.join(PairsDataset.splits(path)) or ALL}; "
            "choose one of these with --split"
        )
    return list_pairs(path, split)


def _grey_levels(path: Path, given: object) -> tuple[int, int] | None:
    """Return the declared black and white levels, None if there are none."""
    if given is None:
        return None
    levels = [each for each in given if type(each) is int] if isinstance(given, list) else []
    if len(levels) != 2 or not 0 <= levels[0] < levels[1] <= FULL_SCALE:
        raise LeadlineError(
            f"{path}: grey_levels is {value_words(given)}; expected [black, white] of 16-bit "
            "pictures, such as [29000, 31040]"
        )
    return levels[0], levels[1]


KEYS = (
    *("depth_scale", "camera", "dataset", "grey_levels"),
    *(each.name for each in fields(DepthForm)),
)
OTHER_WORDS = {
    **dict.fromkeys(("intrinsics", "k", "calibration"), "camera"),
    **dict.fromkeys(("scale", "unit", "units", "depth_unit", "units_per_metre"), "depth_scale"),
}
"""Words often written for one of `KEYS`, which would otherwise be ignored."""

OTHER_NAMES = ("dataset.yml", "Dataset.yaml", "Dataset.yml", "dataset.YAML", "DATASET.YAML")


def _read_declarations(path: Path) -> dict[str, Any]:
    """Return the content of `dataset.yaml`, {} if there is none; unknown keys are allowed.

    Errors: LeadlineError for another name of the file, and for a key that resembles one of `KEYS`.
    """
    for other in (path.with_name(name) for name in OTHER_NAMES):
        # On a case-insensitive file system it is the same file.
        if other.is_file() and not (path.is_file() and other.samefile(path)):
            remedy = "remove one of both" if path.is_file() else f"rename it to {path.name}"
            raise LeadlineError(f"{other}: is not read under this name; {remedy}")
    if not path.is_file():
        return {}
    content = read_yaml(path, "declaration of the unit")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise LeadlineError(
            f"{path}: holds {value_words(content)}; expected lines such as depth_scale: 1000"
        )
    for key in content:
        word = str(key).strip().lower().replace("-", "_").replace(" ", "_")
        meant = OTHER_WORDS.get(word) or next(iter(get_close_matches(word, KEYS, 1, 0.85)), None)
        if key not in KEYS and meant is not None:
            raise LeadlineError(f"{path}: unknown key {value_words(key)}; {meant} is meant?")
    return content


@dataclass(frozen=True)
class Declarations:
    """The declarations of `dataset.yaml`; without it, all None or the default."""

    scale: float | None = None
    camera: CameraFile | None = None
    form: DepthForm = PLAIN
    dataset: str = ""
    grey_levels: tuple[int, int] | None = None

    @classmethod
    def read(cls, root: Path, options: Mapping[str, str]) -> Declarations:
        """Read the file in `root`; `options` of the layout take precedence.

        Errors: LeadlineError for invalid YAML, or an invalid unit, camera or other value.
        """
        path = root / DECLARATIONS
        content = _read_declarations(path)
        units, camera = content.get("depth_scale"), content.get("camera")
        form = DepthForm.declared(content, options, path)
        lens = None if camera is None else declared_camera(path, camera)
        if lens is not None and lens.distortion and form.depth_kind == "ray":
            raise LeadlineError(
                f"{path}: depth_kind: ray is of a pinhole, and {lens.path} has a lens with "
                "distortion; undistort the data first"
            )
        return cls(
            None if units is None else parse_units(str(units)),
            lens,
            form,
            str(content.get("dataset") or "").strip().lower(),
            _grey_levels(path, content.get("grey_levels")),
        )

    def units(self, root: Path, given: float | None) -> float | None:
        """Return the units per metre of the depth files: `given`, else as declared.

        Errors: LeadlineError if the encoding of the files has another unit.
        """
        units, fixed = given if given is not None else self.scale, self.form.units_per_metre
        if fixed is not None and units not in (None, fixed):
            raise LeadlineError(
                f"{root}: depth_encoding: {self.form.depth_encoding} says the unit itself; drop "
                f"the depth scale {units:g}"
            )
        return units if fixed is None else fixed
