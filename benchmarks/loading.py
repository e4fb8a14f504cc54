"""How fast training data is read: ratios to nothing but decoding the same files.

    python benchmarks/loading.py [--data DIR [--split train]] [--count 96] [--area 76800]

Without --data it renders pairs of its own (480x640, JPEG and 16-bit PNG). Everything runs in one
process on one core and is counted in CPU time, the ways in alternation, medians of many rounds:
what other processes do to the clock of a shared machine cancels out. Then it checks that 0, 1 and 4
worker processes deliver the same bits, and prints the memory of the process over an epoch.
"""

import argparse
import hashlib
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from leadline.datasets import DepthDataset, PairsDataset, open_data
from leadline.datasets.packing import Resize, pack, plan_packing
from leadline.io.malloc import tune_malloc
from leadline.models.size_policy import processing_size
from leadline.training.batches import EpochOrder, TrainingSamples, make_loader
from leadline.training.recipe import AugmentSection, load_recipe

BATCH = 8


def cpu_name() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def render_pairs(folder: Path, count: int) -> Path:
    """Write smooth scenes with grain, and depth with the noise of a structured-light camera."""
    rng = np.random.default_rng(0)
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    for index in range(count):
        coarse = cv2.resize(rng.random((9, 12, 4)).astype(np.float32), (640, 480))
        image = 255 * coarse[..., :3] + rng.normal(0, 4, (480, 640, 3))
        depth = 1000 + 4000 * coarse[..., 3]
        step = np.maximum(1, np.rint(depth**2 * 2.85e-6))  # Kinect: steps grow with the square
        depth = np.rint((depth + rng.normal(0, 2, depth.shape)) / step) * step
        depth[rng.random(depth.shape) < 0.02] = 0
        jpeg = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
        jpeg.save(folder / "rgb" / f"{index:04d}.jpg", quality=92)
        Image.fromarray(depth.astype(np.uint16)).save(folder / "depth" / f"{index:04d}.png")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


def decode_only(data: PairsDataset) -> None:
    """Read and decode both files of every pair with OpenCV, hold the pair, and do nothing else."""
    for pair in data.items:
        _pair = (
            cv2.imdecode(np.frombuffer(pair.image.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB),
            cv2.imdecode(np.frombuffer(pair.depth.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED),
        )


def read_samples(data: DepthDataset) -> None:
    """Read every sample of a data set, with its depth in metres."""
    for index in range(len(data)):
        _depth = data[index].depth


def loader(data: DepthDataset, size: tuple[int, int], augment: AugmentSection, workers: int = 0):
    """Return the batches of one epoch, exactly as training gets them."""
    order = EpochOrder(len(data), BATCH, 0, 0, len(data) // BATCH)
    return make_loader(TrainingSamples(data, size, augment, 0), order, workers)


def alternate(ways: dict[str, Callable[[], object]], rounds: int, count: int) -> dict[str, float]:
    """Return the median CPU milliseconds per sample of each way."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            way()
            times[name].append(1000 * (time.process_time() - started) / count)
    return {name: float(np.median(each)) for name, each in times.items()}


def fingerprint(batches) -> str:
    """Return a hash of every bit of every batch."""
    total = hashlib.sha256()
    for batch in batches:
        for name in sorted(batch):
            total.update(batch[name].contiguous().numpy().tobytes())
    return total.hexdigest()[:16]


def resident() -> tuple[float, float]:
    """Return MiB of the process: its own memory, and mapped files (page cache, given back)."""
    status = Path("/proc/self/status").read_text().splitlines()
    kib = {line.partition(":")[0]: line.split()[1] for line in status if line.startswith("Rss")}
    return int(kib["RssAnon"]) / 1024, int(kib["RssFile"]) / 1024


def memory_over_an_epoch(data: DepthDataset, size: tuple[int, int], augment) -> list[str]:
    """Return the resident memory after each quarter of an epoch, as own + mapped MiB."""
    batches = loader(data, size, augment)
    marks = {round(len(batches) * quarter / 4) for quarter in range(1, 5)}
    found = []
    for number, _batch in enumerate(batches, start=1):
        if number in marks:
            own, mapped = resident()
            found.append(f"{own:.0f}+{mapped:.0f}")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of pairs; default: rendered ones")
    parser.add_argument("--split")
    parser.add_argument("--count", type=int, default=96, help="samples, a multiple of 8")
    parser.add_argument("--area", type=int, default=76_800, help="pixels of a training image")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    tune_malloc()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.data or render_pairs(Path(scratch) / "pairs", options.count)
        # Class labels are left out, as in training, unless a loss looks at them.
        whole = open_data(folder, options.split, layout="pairs").without_labels()
        count = min(options.count, len(whole)) // BATCH * BATCH
        measure(whole.subset(range(count)), Path(scratch), options)


def measure(files: PairsDataset, scratch: Path, options: argparse.Namespace) -> None:
    """Measure one data set in files and in shards."""
    count = len(files)
    pack(plan_packing(files, scratch / "shards"))
    shards = open_data(scratch / "shards")
    image = files[0].image
    size = processing_size(image.shape[0], image.shape[1], options.area, 32)
    pack(plan_packing(files, scratch / "small", resize=Resize("small", lambda _size: size)))
    small = open_data(scratch / "small")
    plain, full = AugmentSection(), load_recipe("compact").augment

    def epoch(data: DepthDataset, augment: AugmentSection) -> Callable[[], None]:
        return lambda: [None for _ in loader(data, size, augment)] and None

    ways: dict[str, Callable[[], object]] = {
        "decode only": lambda: decode_only(files),
        "files: samples": lambda: read_samples(files),
        "files: batches, no augmentation": epoch(files, plain),
        "files: batches, full warp": epoch(files, full),
        "shards: samples": lambda: read_samples(shards),
        "shards: batches, no augmentation": epoch(shards, plain),
        "shards: batches, full warp": epoch(shards, full),
        "small shards: batches, no augmentation": epoch(small, plain),
        "small shards: batches, full warp": epoch(small, full),
    }
    print(f"{count} samples {image.shape[0]}x{image.shape[1]} -> {size[0]}x{size[1]}, {cpu_name()}")
    times = alternate(ways, options.rounds, count)
    print(f"{'one core, CPU time':<40}{'ms':>7}{'rate against decode only':>26}{'files':>8}")
    for name, each in times.items():
        same = times.get("files: " + name.partition(": ")[2], times["decode only"])
        print(f"{name:<40}{each:>7.2f}{times['decode only'] / each:>26.2f}{same / each:>8.2f}")
    for name, data in (("files", files), ("shards", shards)):
        prints = [fingerprint(loader(data, size, full, workers)) for workers in (0, 1, 4)]
        verdict = "identical" if len(set(prints)) == 1 else "DIFFERENT"
        print(f"{name}: batches with 0, 1 and 4 workers {verdict} ({', '.join(prints)})")
        quarters = ", ".join(memory_over_an_epoch(data, size, full))
        print(f"{name}: MiB after each quarter of an epoch (own + mapped files): {quarters}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
