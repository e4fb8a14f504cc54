"""Pack a data set's train and val splits into one small tar, to be carried to a GPU machine.

    python benchmarks/gpu/pack.py --data DATA -o packed.tar [--size 240x320] [--quality 85]

The tar holds a folder of pairs that `leadline train --data` takes as it is: JPEG images, 16-bit
depth PNG in millimetres, label PNG where there are labels. The JPEG quality is the one loss beyond
the resizing, which is the training's own.
"""

import argparse
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.cli.progress import Progress
from leadline.datasets import open_data
from leadline.datasets.sample import Sample
from leadline.datasets.warp import resize_sample
from leadline.depth import DepthMap
from leadline.errors import LeadlineError
from leadline.io import write_depth
from leadline.io.atomic import atomic_path
from leadline.io.labels import write_labels

SPLITS = ("train", "val")
LARGEST_LABEL = np.iinfo(np.uint8).max


def write_sample(sample: Sample, folder: Path, name: str, quality: int) -> str:
    """Write the files of one sample; return its line for the split's csv."""
    files = [f"rgb/{name}.jpg", f"depth/{name}.png"]
    image = folder / files[0]
    Image.fromarray(sample.image).save(image, quality=quality, subsampling=0)
    write_depth(folder / files[1], DepthMap(sample.depth, sample.valid))
    if sample.labels is not None:
        if sample.labels.min() < 0 or sample.labels.max() > LARGEST_LABEL:
            raise LeadlineError(f"{sample.id}: labels outside 0..{LARGEST_LABEL} do not fit a byte")
        files.append(f"label/{name}.png")
        write_labels(folder / files[2], sample.labels.astype(np.uint8))
    return ",".join(files)


def write_split(data: Path, split: str, folder: Path, size: tuple[int, int], quality: int) -> int:
    """Write one split at `size` (h, w) into `folder`; return its number of samples."""
    samples = open_data(data, split)
    lines = []
    with Progress(f"pack {split}", len(samples), "images") as progress:
        for index in range(len(samples)):
            sample = resize_sample(samples[index], size)
            lines.append(write_sample(sample, folder, f"{split}-{index:05d}", quality))
            progress.advance()
    columns = "image,depth,label" if lines and lines[0].count(",") == 2 else "image,depth"
    (folder / f"{split}.csv").write_text("\n".join([columns, *lines]) + "\n")
    return len(lines)


def pack(data: Path, out: Path, size: tuple[int, int], quality: int) -> dict[str, int]:
    """Write the tar `out`; return the number of samples of each split."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "packed"
        for name in ("rgb", "depth", "label"):
            (folder / name).mkdir(parents=True)
        counts = {split: write_split(data, split, folder, size, quality) for split in SPLITS}
        if not any((folder / "label").iterdir()):
            (folder / "label").rmdir()
        (folder / "dataset.yaml").write_text("depth_scale: 1000   # millimetres\n")
        with atomic_path(out) as partial, tarfile.open(partial, "w") as tar:
            tar.add(folder, "packed")
    return counts


def parse_size(text: str) -> tuple[int, int]:
    """Return (h, w) of a text like 240x320."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise LeadlineError(f"--size {text}: give HxW, such as 240x320")
    return int(height), int(width)


def main(arguments: list[str] | None = None) -> int:
    """Pack, and say how large the result is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", default="240x320")
    parser.add_argument("--quality", type=int, default=85, choices=range(1, 101), metavar="1..100")
    options = parser.parse_args(arguments)
    try:
        counts = pack(options.data, options.out, parse_size(options.size), options.quality)
    except LeadlineError as error:
        print(f"pack: {error}", file=sys.stderr)
        return 2
    counted = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"{options.out}: {counted}; {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
