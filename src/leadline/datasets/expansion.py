"""Expand a training split by rotated, zoomed and cropped copies, written to disk once.

Source of the method: Wang, Fu and Dong 2019, section 4.1, who make about 5,000 pairs of 715. Every
copy depends only on (seed, number of the copy, id of the sample), so the same files result from any
number of processes and after any interruption. Validation data is written beside it, unchanged.
"""

import csv
import multiprocessing
import signal
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Unpack, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.datasets.folders import check_outside
from leadline.datasets.open import Opening, find_data
from leadline.datasets.opened_as import OPENED_AS, is_same, other_opening
from leadline.datasets.pairs import UNFINISHED
from leadline.datasets.random_warp import draw_warp
from leadline.datasets.sample import DepthDataset, Sample
from leadline.datasets.warp import warp
from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, check_seed
from leadline.io.atomic import atomic_path, write_json, write_text
from leadline.io.files import read_json
from leadline.io.formats import write_depth
from leadline.io.locks import locked
from leadline.io.photos import write_png
from leadline.io.png16 import LARGEST
from leadline.io.workers import end_with_parent
from leadline.progress import Track, untracked

ImageFormat = Literal["jpg", "png"]
JPEG_QUALITY = 95
LARGEST_ZOOM = 16
SETTINGS_FILE = UNFINISHED
COLUMNS = ("image", "depth", "label", "source", "zoom")


@dataclass(frozen=True)
class ExpandOptions:
    """How training samples are expanded: each is kept and gets `per_image` changed copies.

    `rotation` in degrees, in both directions; `zoom` is the range of the zoom, with the crop
    anywhere in the picture; depth is divided by it. `units_per_metre` is the scale of the 16-bit
    PNGs, `void` the class id of pixels from outside the picture, and of ids below 0.
    """

    per_image: int = 6
    seed: int = 0
    rotation: float = 5.0
    zoom: tuple[float, float] = (1.0, 1.5)
    units_per_metre: float = 1000.0
    image_format: ImageFormat = "jpg"
    void: int = 0

    def __post_init__(self) -> None:
        if self.image_format not in get_args(ImageFormat):
            formats = ", ".join(get_args(ImageFormat))
            raise LeadlineError(f"image format {self.image_format!r}: choose one of {formats}")
        check_seed(self.seed)
        if not 1 <= self.zoom[0] <= self.zoom[1] <= LARGEST_ZOOM:
            raise LeadlineError(
                f"zoom {self.zoom[0]:g}..{self.zoom[1]:g}: expected 1 <= smallest <= largest <= "
                f"{LARGEST_ZOOM} (a smaller picture would leave a black frame)"
            )


@dataclass(frozen=True)
class SplitCopies:
    """One split to write: its samples, the number of copies of each, the image format."""

    name: str
    samples: DepthDataset
    copies: int
    image_format: str

    def files(self, index: int, copy: int) -> dict[str, str]:
        """Return the paths of image, depth and label of a copy, below the output folder."""
        # In folders that no layout recognises: an unfinished result, without CSVs, is no data set.
        name = f"{index:06d}_{copy}"
        return {
            "image": f"{self.name}/rgb/{name}.{self.image_format}",
            "depth": f"{self.name}/depth/{name}.png",
            "label": f"{self.name}/label/{name}.png",
        }


Job = tuple[int, int]
"""(number of the split, index of the sample): one sample with all its copies."""


@dataclass(frozen=True)
class ExpandedData:
    """The result of `expand` in `folder`: numbers of pairs, and of `sources`, the original ones."""

    folder: Path
    sources: int
    train: int
    val: int


def expand(
    data: Path | str,
    out: Path | str,
    expansion: ExpandOptions | None = None,
    *,
    val_fraction: float = 0.1,
    workers: int = 1,
    track: Track = untracked,
    **opening: Unpack[Opening],
) -> ExpandedData:
    """Write the training split of `data`, expanded, and its validation split into the folder `out`.

    Validation images are written unchanged; if the data has no `val` split, `val_fraction` of the
    samples, drawn with the seed of `expansion`, are held out. The result is a folder of pairs. The
    same call continues a stopped one. `opening` are the keyword arguments of
    `leadline.datasets.find_data` (layout, units_per_metre, ...). `track` shows progress over pairs.
    Errors: LeadlineError if `out` lies in the data or holds anything else, nothing is left for
    validation, or a depth does not fit 16 bits.

    >>> expand("pairs", "expanded", ExpandOptions(per_image=2), val_fraction=0.25)
    ExpandedData(folder=PosixPath('expanded'), sources=3, train=9, val=1)
    >>> from leadline.datasets import find_data
    >>> find_data(Path("expanded")).splits
    ('train', 'val')
    """
    expansion = expansion or ExpandOptions()
    check_outside(Path(out), Path(data))
    train, val = find_data(Path(data), **opening).open_train_and_val(
        val_fraction=val_fraction, seed=expansion.seed
    )
    if val is None:
        raise LeadlineError(
            f"{data}: {len(train)} pairs leave none for validation; raise --val-fraction"
        )
    write_expansion(train, val, Path(out), expansion, workers=workers, track=track)
    return ExpandedData(Path(out), len(train), len(train) * (expansion.per_image + 1), len(val))


def write_expansion(
    train: DepthDataset,
    val: DepthDataset,
    out: Path,
    options: ExpandOptions,
    *,
    workers: int = 1,
    track: Track = untracked,
) -> None:
    """Write `train` expanded and `val` unchanged into the pairs folder `out`.

    `val.csv` and then `train.csv` are written last: a folder without them is unfinished.
    Errors: as `expand`, and if another process writes there.
    """
    _claim(out, options, train, val)
    with locked(out, "expanded"):
        for half_written in out.glob("*/*/.leadline-*"):  # by a process that was killed
            half_written.unlink(missing_ok=True)
        _write_pairs(train, val, out, options, workers, track)


def _write_pairs(
    train: DepthDataset,
    val: DepthDataset,
    out: Path,
    options: ExpandOptions,
    workers: int,
    track: Track,
) -> None:
    # Validation photographs are stored losslessly.
    splits = (
        SplitCopies("val", val, 1, "png"),
        SplitCopies("train", train, options.per_image + 1, options.image_format),
    )
    writer = _Writer(splits, out, options)
    jobs = [
        (number, index)
        for number, split in enumerate(splits)
        for index in range(len(split.samples))
    ]
    total = sum(split.copies * len(split.samples) for split in splits)
    for _ in track(_run(writer, jobs, workers), "expand", total, unit="pairs"):
        pass
    declarations = f"depth_scale: {options.units_per_metre:g}   # units per metre\n"
    if val.dataset:
        declarations += f"dataset: {val.dataset}\n"
    write_text(out / "dataset.yaml", declarations)
    for split in reversed(splits):  # train.csv, which identifies the result, comes last
        _write_csv(out, split, options)


def _claim(out: Path, options: ExpandOptions, train: DepthDataset, val: DepthDataset) -> None:
    """Write the settings into the folder, or compare them with the existing ones."""
    ids = [samples.sample_id(i) for samples in (train, val) for i in range(len(samples))]
    settings = {
        **asdict(options),
        "zoom": list(options.zoom),
        "training_samples": len(train),
        "validation_samples": len(val),
        "samples_crc32": zlib.crc32("\n".join(ids).encode()),
        **({OPENED_AS: dict(train.opened_as)} if train.opened_as else {}),
    }
    path = out / SETTINGS_FILE
    if path.is_file():
        written = read_json(path, "record of the expansion's settings")
        if not is_same(written, settings):
            other = other_opening(written, settings)
            what = f"other settings ({other})" if other else "other settings or of other data"
            raise LeadlineError(
                f"{path}: the folder holds an expansion with {what}; choose another output folder "
                "or remove this one"
            )
        return
    if out.is_dir() and any(out.iterdir()):
        raise LeadlineError(f"{out}: not empty and not an expansion; choose another output folder")
    write_json(path, settings)


def _generator(sample_id: str, copy: int, options: ExpandOptions) -> np.random.Generator:
    return np.random.default_rng([options.seed, copy, zlib.crc32(sample_id.encode())])


def _zoom_of(sample_id: str, copy: int, options: ExpandOptions) -> float:
    if copy == 0:
        return 1.0
    # This is the first number that `draw_warp` draws.
    return float(_generator(sample_id, copy, options).uniform(*options.zoom))


def make_copy(sample: Sample, copy: int, options: ExpandOptions) -> Sample:
    """Return copy number `copy` of a sample, at its own size; number 0 is the sample itself.

    Pixels from outside the picture have the label -1.
    """
    if copy == 0:
        return sample
    rng = _generator(sample.id, copy, options)
    size = sample.size
    zoom, inverse = draw_warp(size, size, rng, rotation=options.rotation, zoom=options.zoom, flip=0)
    image, values, labels = warp(sample, size, inverse)
    depth, valid = np.empty(size, np.float32), np.empty(size, bool)
    sample.to_metres(values, depth, valid)
    camera = None if sample.intrinsics is None else _camera_of_copy(sample.intrinsics, inverse)
    return Sample.from_metres(sample.id, image, depth / np.float32(zoom), valid, labels, camera)


def _camera_of_copy(camera: Intrinsics, inverse: NDArray[np.float64]) -> Intrinsics:
    """Return the camera of a copy whose pixels lie at `inverse` (2,3) in the picture of `camera`.

    Depth is divided by the zoom instead of multiplying the focal length, which stays. The principal
    point moves with the picture, maybe to the outside.
    """
    centre = np.array([camera.cx, camera.cy])
    cx, cy = np.linalg.solve(inverse[:, :2], centre - inverse[:, 2])
    return replace(camera, cx=float(cx), cy=float(cy))


@dataclass(frozen=True)
class _Writer:
    """Writes the files of a job; it is sent once to every worker process."""

    splits: tuple[SplitCopies, ...]
    out: Path
    options: ExpandOptions

    def write(self, job: Job) -> int:
        """Write the missing copies of one sample; return the number of its copies."""
        number, index = job
        split = self.splits[number]
        sample: Sample | None = None
        for copy in range(split.copies):
            files = split.files(index, copy)
            if (self.out / files["depth"]).is_file():
                continue
            sample = sample or split.samples[index]
            self._write_files(make_copy(sample, copy, self.options), files)
        return split.copies

    def _write_files(self, sample: Sample, files: dict[str, str]) -> None:
        _write_image(self.out / files["image"], sample.image)
        if sample.labels is not None:
            labels = np.where(sample.labels < 0, self.options.void, sample.labels)
            _write_label(self.out / files["label"], labels, sample.id)
        # Depth comes last: if it exists, the copy is complete.
        units = self.options.units_per_metre
        farthest = float(sample.depth.max(where=sample.valid, initial=0))
        if farthest > LARGEST / units:
            raise LeadlineError(
                f"{sample.id}: has depth of {farthest:g} m, and 16 bits hold {LARGEST / units:g} m "
                f"at {units:g} units per metre; use fewer: --units kitti (256) or vkitti-cm (100)"
            )
        # Without a provenance, which a copy has not; with its own camera.
        depth_map = DepthMap.from_metres(sample.depth, sample.valid, sample.intrinsics)
        write_depth(self.out / files["depth"], depth_map, "png16", units)


def _write_image(path: Path, image: NDArray[np.uint8]) -> None:
    if path.suffix == ".png":
        write_png(path, image)
        return
    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, quality=JPEG_QUALITY, subsampling=0)


def _write_label(path: Path, labels: NDArray[np.integer], sample_id: str) -> None:
    if labels.max() > LARGEST:
        raise LeadlineError(f"{sample_id}: has a class id above {LARGEST}; correct the label image")
    if labels.max() < 256:
        write_png(path, labels.astype(np.uint8))
    else:
        write_png(path, labels.astype(np.uint16))


_worker_writer: _Writer | None = None


def _start_worker(writer: _Writer) -> None:
    import cv2

    global _worker_writer  # noqa: PLW0603  a process gets the data set once, not with every job
    _worker_writer = writer
    cv2.setNumThreads(1)
    end_with_parent()


def _work(job: Job) -> int:
    assert _worker_writer is not None
    return _worker_writer.write(job)


def _run(writer: _Writer, jobs: Sequence[Job], workers: int) -> Iterator[int]:
    """Yield once for every finished pair."""
    if workers <= 1:
        for job in jobs:
            yield from range(writer.write(job))
        return
    # Not forked: OpenCV's threads do not survive a fork, and the child would wait forever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (writer,)) as pool:
        with _ignore_sigint():
            counts = pool.map(_work, jobs)
        try:
            for count in counts:
                yield from range(count)
        except BrokenProcessPool as error:
            raise LeadlineError(
                "a worker process was killed, perhaps because memory ran out; run the same command "
                "again to continue, with fewer --workers if memory is short"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _ignore_sigint() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, which a terminal sends to all of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _write_csv(out: Path, split: SplitCopies, options: ExpandOptions) -> None:
    """List the copies of a split; a copy has a label if its label file exists."""
    rows = [
        _row(out, split, index, copy, options)
        for index in range(len(split.samples))
        for copy in range(split.copies)
    ]
    columns = [name for name in COLUMNS if any(row[name] for row in rows) or name != "label"]
    path = out / f"{split.name}.csv"
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _row(
    out: Path, split: SplitCopies, index: int, copy: int, options: ExpandOptions
) -> dict[str, str]:
    files, source = split.files(index, copy), split.samples.sample_id(index)
    label = files["label"] if (out / files["label"]).is_file() else ""
    zoom = f"{_zoom_of(source, copy, options):.6f}"
    return {**files, "label": label, "source": source, "zoom": zoom}
