"""Offline expansion: rotated, zoomed and cropped copies of a training split, written to disk once.

Source of the method: Wang, Fu and Dong 2019, section 4.1, who make about 5,000 pairs of 715. Every
copy depends on (seed, number of the copy, id of the sample) alone, so the same files come out with
any number of processes and after any interruption. Validation is written beside it, unchanged.
"""

import csv
import json
import multiprocessing
import signal
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.datasets.sample import DepthDataset, Sample
from leadline.datasets.warp import OUTSIDE
from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.io.formats import write_depth
from leadline.io.photos import write_png
from leadline.io.png16 import LARGEST
from leadline.training.augment import prepare
from leadline.training.recipe import AugmentSection

IMAGE_FORMATS = ("jpg", "png")
JPEG_QUALITY = 95
LARGEST_ZOOM = 16
SETTINGS_FILE = "expansion.json"
COLUMNS = ("image", "depth", "label", "source", "zoom")


@dataclass(frozen=True)
class Expansion:
    """What is made of each training sample: itself and `per_image` changed copies.

    `rotation` in degrees, either way; `zoom` the range of the zoom, whose crop lies anywhere in
    the picture; depth is divided by it. `units_per_metre` is the scale of the 16-bit PNGs, `void`
    the class id of pixels turned in from outside the picture.
    """

    per_image: int = 6
    seed: int = 0
    rotation: float = 5.0
    zoom: tuple[float, float] = (1.0, 1.5)
    units_per_metre: float = 1000.0
    image_format: str = "jpg"
    void: int = 0

    def __post_init__(self) -> None:
        if self.image_format not in IMAGE_FORMATS:
            raise LeadlineError(
                f"image format {self.image_format!r}: choose one of {', '.join(IMAGE_FORMATS)}"
            )
        if not 1 <= self.zoom[0] <= self.zoom[1] <= LARGEST_ZOOM:
            raise LeadlineError(
                f"zoom {self.zoom[0]:g}..{self.zoom[1]:g}: expected 1 <= smallest <= largest <= "
                f"{LARGEST_ZOOM} (a smaller picture would leave a black frame)"
            )


@dataclass(frozen=True)
class Part:
    """One split on its way to disk: its samples, how many copies of each, the image format."""

    name: str
    samples: DepthDataset
    copies: int
    image_format: str

    def files(self, index: int, copy: int) -> dict[str, str]:
        """Return where image, depth and label of a copy go, below the output folder."""
        # In folders that no layout knows: without CSVs, a half-written one is not a data set.
        name = f"{index:06d}_{copy}"
        return {
            "image": f"{self.name}/rgb/{name}.{self.image_format}",
            "depth": f"{self.name}/depth/{name}.png",
            "label": f"{self.name}/label/{name}.png",
        }


Job = tuple[int, int]
"""(part, index of the sample): one sample with all its copies."""


def expand(
    train: DepthDataset,
    val: DepthDataset,
    out: Path,
    expansion: Expansion,
    *,
    workers: int = 1,
    track: Callable[[Iterator[int], int], Iterator[int]] = lambda done, _total: done,
) -> Path:
    """Write `train` expanded and `val` as it is into the pairs folder `out`; return `out`.

    `train.csv` and `val.csv` come last: a folder without them is unfinished, and the same call
    goes on where it stopped. `track` is given an iterator that yields once a finished pair, and
    their number, for a progress bar.
    Errors: LeadlineError where `out` holds anything else, or a depth does not fit 16 bits.
    """
    _claim(out, expansion, train, val)
    # Validation is kept without loss.
    parts = (
        Part("val", val, 1, "png"),
        Part("train", train, expansion.per_image + 1, expansion.image_format),
    )
    writer = _Writer(parts, out, expansion)
    jobs = [
        (number, index) for number, part in enumerate(parts) for index in range(len(part.samples))
    ]
    total = sum(part.copies * len(part.samples) for part in parts)
    for _ in track(_run(writer, jobs, workers), total):
        pass
    with atomic_path(out / "dataset.yaml") as temporary:
        temporary.write_text(f"depth_scale: {expansion.units_per_metre:g}   # units per metre\n")
    has_labels = train[0].labels is not None
    for part in parts:
        _write_csv(out / f"{part.name}.csv", part, expansion, has_labels)
    return out


def _claim(out: Path, expansion: Expansion, train: DepthDataset, val: DepthDataset) -> None:
    """Write down what the folder is for, or see that it says the same already."""
    ids = [samples.sample_id(i) for samples in (train, val) for i in range(len(samples))]
    wanted = {
        **asdict(expansion),
        "zoom": list(expansion.zoom),
        "training_samples": len(train),
        "validation_samples": len(val),
        "samples_crc32": zlib.crc32("\n".join(ids).encode()),
    }
    path = out / SETTINGS_FILE
    if path.is_file():
        if path.read_text() != json.dumps(wanted, indent=2) + "\n":
            raise LeadlineError(
                f"{path}: the folder holds an expansion with other settings or of other data; "
                "choose another output folder or remove this one"
            )
        return
    if out.is_dir() and any(out.iterdir()):
        raise LeadlineError(f"{out}: not empty and not an expansion; choose another output folder")
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(wanted, indent=2) + "\n")


def _generator(sample_id: str, copy: int, expansion: Expansion) -> np.random.Generator:
    return np.random.default_rng([expansion.seed, copy, zlib.crc32(sample_id.encode())])


def _zoom_of(sample_id: str, copy: int, expansion: Expansion) -> float:
    if copy == 0:
        return 1.0
    # The first number that `prepare` draws.
    return float(_generator(sample_id, copy, expansion).uniform(*expansion.zoom))


def changed(sample: Sample, copy: int, expansion: Expansion) -> Sample:
    """Return copy number `copy` of a sample, at its own size; number 0 is the sample itself."""
    if copy == 0:
        return sample
    section = AugmentSection.model_validate(
        {"rotation": expansion.rotation, "scale": expansion.zoom}
    )
    height, width = sample.depth.shape
    item = prepare(sample, (height, width), section, _generator(sample.id, copy, expansion))
    labels = item.labels
    if labels is not None:
        labels = np.where(labels == OUTSIDE, expansion.void, labels).astype(np.int32)
    image = np.rint(item.image * 255).astype(np.uint8)
    return Sample(sample.id, image, item.depth, item.valid, labels)


@dataclass(frozen=True)
class _Writer:
    """Writes the files of a job; sent to every worker process once."""

    parts: tuple[Part, ...]
    out: Path
    expansion: Expansion

    def write(self, job: Job) -> int:
        """Write the copies of one sample that are not there yet; return how many it has."""
        number, index = job
        part = self.parts[number]
        sample: Sample | None = None
        for copy in range(part.copies):
            files = part.files(index, copy)
            if (self.out / files["depth"]).is_file():
                continue
            sample = sample or part.samples[index]
            self._write_files(changed(sample, copy, self.expansion), files)
        return part.copies

    def _write_files(self, sample: Sample, files: dict[str, str]) -> None:
        _write_image(self.out / files["image"], sample.image)
        if sample.labels is not None:
            _write_label(self.out / files["label"], sample.labels, sample.id)
        # Depth last: where it is, the copy is whole.
        units = self.expansion.units_per_metre
        farthest = float(sample.depth.max(where=sample.valid, initial=0))
        if farthest > LARGEST / units:
            raise LeadlineError(
                f"{sample.id}: has depth of {farthest:g} m, and 16 bits hold {LARGEST / units:g} m "
                f"at {units:g} units per metre; use fewer: --units kitti (256) or vkitti-cm (100)"
            )
        depth_map = DepthMap.from_metres(sample.depth, sample.valid)
        write_depth(self.out / files["depth"], depth_map, "png16", units)


def _write_image(path: Path, image: NDArray[np.uint8]) -> None:
    if path.suffix == ".png":
        write_png(path, image)
        return
    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, quality=JPEG_QUALITY, subsampling=0)


def _write_label(path: Path, labels: NDArray[np.int32], sample_id: str) -> None:
    if labels.min() < 0 or labels.max() > LARGEST:
        raise LeadlineError(
            f"{sample_id}: has a class id outside 0 to {LARGEST}; correct the label image"
        )
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


def _work(job: Job) -> int:
    assert _worker_writer is not None
    return _worker_writer.write(job)


def _run(writer: _Writer, jobs: Sequence[Job], workers: int) -> Iterator[int]:
    """Yield once for every finished pair."""
    if workers <= 1:
        for job in jobs:
            yield from range(writer.write(job))
        return
    # Not forked: OpenCV's threads do not survive a fork, and the child would wait for them forever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (writer,)) as pool:
        with _deaf_to_interrupts():
            counts = pool.map(_work, jobs)
        try:
            for count in counts:
                yield from range(count)
        except BrokenProcessPool as error:
            raise LeadlineError(
                "a worker process was killed, maybe for want of memory; the same call goes on "
                "where this one stopped, with fewer --workers if need be"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, which a terminal sends to all: this one decides."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _write_csv(path: Path, part: Part, expansion: Expansion, has_labels: bool) -> None:
    columns = [name for name in COLUMNS if has_labels or name != "label"]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for index in range(len(part.samples)):
            source = part.samples.sample_id(index)
            for copy in range(part.copies):
                zoom = f"{_zoom_of(source, copy, expansion):.6f}"
                writer.writerow({**part.files(index, copy), "source": source, "zoom": zoom})
