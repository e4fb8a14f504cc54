"""How many planted faults `leadline check-data` names, and how often it raises a false alarm.

    python benchmarks/check_data.py [--data DIR [--split train]] [--count 28] [--seeds 3]

Every fault is planted, at several severities, in copies of clean pairs: rooms rendered by this file
from planes and boxes, seen by cameras of any height and tilt, or with --data photographs drawn from
a folder of pairs. A fault is named where a finding has its code. The clean pairs, written in
other formats, units and sizes, count false alarms: every error or warning.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from leadline.data_checks import Severity, check_data
from leadline.datasets import open_data

SIZE = (240, 320)
VAL_SHARE = 4
"""Every fourth pair is a validation pair."""

Pairs = list[tuple[np.ndarray, np.ndarray]]
"""Photographs (H,W,3) uint8 and their depth (H,W) in metres, 0 invalid."""


def render_room(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Look into a box of a room with boxes in it: ray by ray, planar z."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    focal = rng.uniform(0.75, 1.0) * SIZE[1]
    z = np.ones(SIZE)
    rays = np.stack([(columns - SIZE[1] / 2) / focal, (rows - SIZE[0] / 2) / focal, z], axis=-1)
    tilt, turn = np.radians(rng.uniform(-3, 18)), np.radians(rng.uniform(-30, 30))
    look_down = [[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]]
    look_aside = [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    rays = rays @ (np.array(look_aside) @ np.array(look_down)).T
    height, far = rng.uniform(0.9, 1.7), rng.uniform(3, 7)
    walls = np.array([[-rng.uniform(1, 3), height - 2.6, -2], [rng.uniform(1, 3), height, far]])
    depth, face = _hit(rays, walls, inside=True)
    surface = face
    for number in range(1, rng.integers(5, 12)):
        middle = rng.uniform([walls[0, 0], 1.0], [walls[1, 0], far])
        wide, tall, deep = rng.uniform(0.2, 1.2), rng.uniform(0.3, 1.9), rng.uniform(0.2, 1.0)
        top = [middle[0] - wide / 2, height - tall, middle[1] - deep / 2]
        box = np.array([top, [top[0] + wide, height, top[2] + deep]])
        distance, face = _hit(rays, box, inside=False)
        nearer = (distance > 0.3) & (distance < depth)
        depth, surface = (
            np.where(nearer, distance, depth),
            np.where(nearer, 6 * number + face, surface),
        )
    colours = rng.uniform(15, 240, (surface.max() + 1, 3))
    grain = cv2.resize(
        rng.normal(0, 1, (15, 20)), (SIZE[1], SIZE[0]), interpolation=cv2.INTER_CUBIC
    )
    image = colours[surface] + 9 * grain[..., None] + rng.normal(0, 4, (*SIZE, 3))
    depth[cv2.dilate((rng.random(SIZE) < 0.001).astype(np.uint8), np.ones((5, 5))) > 0] = 0
    return np.clip(image, 0, 255).astype(np.uint8), depth.astype(np.float32)


def _hit(rays: np.ndarray, box: np.ndarray, inside: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance (inf where missed) and face (0 to 5) at which rays meet a box."""
    with np.errstate(divide="ignore"):
        both = np.sort(box[:, None, None] / rays[None], axis=0)
    enter, leave = both[0].max(axis=-1), both[1].min(axis=-1)
    axis = both[1].argmin(axis=-1) if inside else both[0].argmax(axis=-1)
    sign = np.take_along_axis(rays, axis[..., None], axis=-1)[..., 0] > 0
    distance = leave if inside else np.where((enter < leave) & (enter > 0), enter, np.inf)
    return distance, 2 * axis + sign


@dataclass(frozen=True)
class Copy:
    """A folder of pairs to plant a fault in: rgb/*.jpg, depth/*.png in millimetres, two CSVs."""

    folder: Path
    count: int
    rng: np.random.Generator

    def image(self, index: int) -> Path:
        """Return the file of a photograph."""
        return self.folder / f"rgb/{index:03d}.jpg"

    def depth(self, index: int) -> Path:
        """Return the file of a depth map."""
        return self.folder / f"depth/{index:03d}.png"

    def values(self, index: int) -> np.ndarray:
        """Return a depth map as stored."""
        return np.array(Image.open(self.depth(index)))

    def some(self, share: float) -> list[int]:
        """Draw a share of the pairs, two at least."""
        return sorted(
            self.rng.permutation(self.count)[: max(2, round(share * self.count))].tolist()
        )

    def change(self, share: float, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Store a share of the depth maps as `change` returns them."""
        for index in self.some(share):
            values = np.ascontiguousarray(change(self.values(index)))
            Image.fromarray(values).save(self.depth(index), compress_level=1)

    def in_val(self) -> int:
        """Return the number of a validation pair."""
        return VAL_SHARE - 1

    def to_npy(self, index: int, metres: np.ndarray) -> None:
        """Store a depth map in floating point, and have the lists name it."""
        np.save(self.depth(index).with_suffix(".npy"), metres)
        for name in ("train.csv", "val.csv"):
            text = (self.folder / name).read_text()
            name_in_list = f"depth/{index:03d}"
            (self.folder / name).write_text(
                text.replace(f"{name_in_list}.png", f"{name_in_list}.npy")
            )


@dataclass(frozen=True)
class Fault:
    """A kind of fault: how it is planted, at which severities, and the codes that name it."""

    name: str
    plant: Callable[[Copy, float], None]
    severities: tuple[float, ...]
    codes: tuple[str, ...]


def swap(copy: Copy, share: float) -> None:
    """Give some photographs the depth of the next of them."""
    some = copy.some(share)
    maps = [copy.depth(index).read_bytes() for index in some]
    for index, data in zip(some, maps[1:] + maps[:1], strict=True):
        copy.depth(index).write_bytes(data)


def declare(copy: Copy, units: float) -> None:
    """Declare another unit."""
    (copy.folder / "dataset.yaml").write_text(f"depth_scale: {units:g}\n")


def in_floats(copy: Copy, factor: float) -> None:
    """Store metres times a factor in NPY files, declared as metres."""
    for index in range(copy.count):
        copy.to_npy(index, copy.values(index).astype(np.float32) / 1000 * np.float32(factor))
    (copy.folder / "dataset.yaml").write_text("depth_scale: metres\n")


def spoil(value: float) -> Callable[[Copy, float], None]:
    """Return a planter that gives a share of a floating-point map's pixels one value."""

    def plant(copy: Copy, share: float) -> None:
        in_floats(copy, 1)
        file = copy.depth(1).with_suffix(".npy")
        metres = np.load(file)
        metres[copy.rng.random(metres.shape) < share] = value
        np.save(file, metres)

    return plant


def relative(copy: Copy, percentile: float) -> None:
    """Stretch every map to 8 bits by its own range."""

    def change(values: np.ndarray) -> np.ndarray:
        most = np.percentile(values, percentile)
        return np.clip(values / most * 255, 0, 255).astype(np.uint8)

    copy.change(1, change)


def coloured(copy: Copy, map: float) -> None:
    """Store pictures of depth."""
    copy.change(
        1,
        lambda values: cv2.applyColorMap((values / values.max() * 255).astype(np.uint8), int(map)),
    )


def inverted(copy: Copy, constant: float) -> None:
    """Store disparity."""
    copy.change(
        1,
        lambda v: np.where(v > 0, np.clip(constant / np.maximum(v, 1), 1, 65535), 0).astype(
            np.uint16
        ),
    )


def saturated(copy: Copy, share: float) -> None:
    """Set the farthest pixels to the end of the type."""
    copy.change(
        1, lambda v: np.where(v >= np.percentile(v, 100 - 100 * share), 65535, v).astype(np.uint16)
    )


def shorten(file: Callable[[Copy, int], Path]) -> Callable[[Copy, float], None]:
    """Return a planter that cuts a share of a file's bytes off, 12 at least."""

    def plant(copy: Copy, share: float) -> None:
        path = file(copy, 2)
        data = path.read_bytes()
        path.write_bytes(data[: -max(12, int(share * len(data)))])

    return plant


def flip_bit(copy: Copy, place: float) -> None:
    """Flip one bit of a depth file."""
    data = bytearray(copy.depth(2).read_bytes())
    data[int(place * len(data))] ^= 1 << int(copy.rng.integers(8))
    copy.depth(2).write_bytes(bytes(data))


def overwrite(data: bytes) -> Callable[[Copy, float], None]:
    """Return a planter that replaces the content of files."""

    def plant(copy: Copy, share: float) -> None:
        for index in copy.some(share):
            copy.depth(index).write_bytes(data)

    return plant


def repeat(into_val: bool, as_bytes: bool) -> Callable[[Copy, float], None]:
    """Return a planter of a training pair seen twice, to the byte or `by` pixels further on."""

    def plant(copy: Copy, by: float) -> None:
        target = copy.in_val() if into_val else 1
        if as_bytes:
            copy.image(target).write_bytes(copy.image(0).read_bytes())
        else:
            image = np.array(Image.open(copy.image(0))).astype(np.float32)
            moved = np.roll(image, int(by), axis=1) * (1 - by / 40)
            Image.fromarray(moved.astype(np.uint8)).save(copy.image(target), quality=75)
        values = np.roll(copy.values(0), int(by), axis=1)
        Image.fromarray(values).save(copy.depth(target), compress_level=9)

    return plant


def share_files(copy: Copy, count: float) -> None:
    """List training pairs in the validation list as well."""
    lines = (copy.folder / "train.csv").read_text().splitlines()[1 : 1 + int(count)]
    with (copy.folder / "val.csv").open("a") as file:
        file.write("\n".join(lines) + "\n")


def lose(copy: Copy, count: float) -> None:
    """Delete depth files and the lists, so that names pair the files."""
    for name in ("train.csv", "val.csv"):
        (copy.folder / name).unlink()
    for index in range(int(count)):
        copy.depth(index).unlink()


FEW = (0.07, 0.25, 1.0)
FAULTS = (
    Fault("pairs swapped (share)", swap, FEW, ("swapped-pairs", "unrelated-depth")),
    Fault("mirrored (share)", lambda c, s: c.change(s, np.fliplr), FEW, ("depth-mirrored",)),
    Fault("upside down (share)", lambda c, s: c.change(s, np.flipud), FEW, ("depth-upside-down",)),
    Fault(
        "turned by 180 degrees (share)",
        lambda c, s: c.change(s, lambda v: v[::-1, ::-1]),
        FEW,
        ("depth-rotated",),
    ),
    Fault(
        "shifted sideways (share of the width)",
        lambda c, s: c.change(1, lambda v: np.roll(v, round(s * v.shape[1]), axis=1)),
        (0.01, 0.02, 0.04),
        ("depth-shifted",),
    ),
    Fault(
        "wrong unit declared (units per metre)",
        declare,
        (100, 256, 500, 5000, 10000),
        ("scale-contradiction",),
    ),
    Fault(
        "floats not in metres (factor)", in_floats, (10, 100, 1000, 0.1), ("scale-contradiction",)
    ),
    Fault(
        "some in another unit (share)",
        lambda c, s: c.change(s, lambda v: (v * 0.256).astype(np.uint16)),
        (0.07, 0.25, 0.5),
        ("mixed-scales",),
    ),
    Fault("disparity (numerator)", inverted, (1e6, 1e7, 6e7), ("inverted-depth",)),
    Fault("relative, 8 bits (percentile of white)", relative, (100, 95), ("relative-depth",)),
    Fault(
        "metres in 8 bits (metres of white)",
        lambda c, s: c.change(1, lambda v: np.clip(v / (s * 1000) * 255, 0, 255).astype(np.uint8)),
        (10, 20),
        ("depth-8-bit", "relative-depth"),
    ),
    Fault("colour-mapped (OpenCV's number)", coloured, (2, 16, 20), ("depth-colour",)),
    Fault("saturated (share of the pixels)", saturated, (0.02, 0.1, 0.3), ("saturated",)),
    Fault(
        "all zero (share)",
        lambda c, s: c.change(s, np.zeros_like),
        (0.07, 0.25),
        ("no-valid-depth",),
    ),
    Fault(
        "one value (share)",
        lambda c, s: c.change(s, lambda v: np.full_like(v, 2500)),
        (0.07, 0.25),
        ("constant-depth",),
    ),
    Fault("NaN (share of one map)", spoil(np.nan), (0.001, 0.1), ("nan-depth",)),
    Fault("infinite (share of one map)", spoil(np.inf), (0.001, 0.1), ("infinite-depth",)),
    Fault("negative (share of one map)", spoil(-1), (0.001, 0.1), ("negative-depth",)),
    Fault("PNG cut short (share)", shorten(Copy.depth), (0, 0.1, 0.6), ("cut-short",)),
    Fault("JPEG cut short (share)", shorten(Copy.image), (0, 0.1, 0.6), ("cut-short",)),
    Fault("a flipped bit (place)", flip_bit, (0.1, 0.5, 0.9), ("unreadable", "cut-short")),
    Fault("empty file (share)", overwrite(b""), (0.07, 0.25), ("empty-file",)),
    Fault(
        "not a picture (share)", overwrite(b"no depth today\n"), (0.07, 0.25), ("not-a-picture",)
    ),
    Fault(
        "depth of another size (rows cut off)",
        lambda c, s: c.change(0.07, lambda v: v[: -int(s)]),
        (1, 40),
        ("size-mismatch",),
    ),
    Fault("depth file lost (count)", lose, (1, 3), ("lonely-image",)),
    Fault("training pairs listed in val (count)", share_files, (1, 3), ("leak-same-file",)),
    Fault("training image copied to val", repeat(True, True), (0,), ("leak-same-image",)),
    Fault(
        "neighbouring frame in val (pixels)", repeat(True, False), (0, 1, 3), ("leak-near-image",)
    ),
    Fault(
        "training image twice",
        repeat(False, True),
        (0,),
        ("duplicate-image",),
    ),
    Fault(
        "neighbouring frame in train (pixels)",
        repeat(False, False),
        (0, 1, 3),
        ("near-duplicates", "duplicate-depth"),
    ),
)


def write_pairs(folder: Path, pairs: Pairs) -> Path:
    """Write clean pairs: JPEG, depth in millimetres, a train and a val list."""
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
    for index, (image, depth) in enumerate(pairs):
        Image.fromarray(image).save(folder / f"rgb/{index:03d}.jpg", quality=92)
        whole = np.rint(depth * 1000).astype(np.uint16)
        Image.fromarray(whole).save(folder / f"depth/{index:03d}.png", compress_level=1)
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for index in range(len(pairs)):
        split = "val" if index % VAL_SHARE == VAL_SHARE - 1 else "train"
        lists[split].append(f"rgb/{index:03d}.jpg,depth/{index:03d}.png")
    for split, lines in lists.items():
        (folder / f"{split}.csv").write_text("\n".join(["image,depth", *lines]) + "\n")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


def resized(pairs: Pairs, factor: float) -> Pairs:
    """Return pairs of another size."""
    return [
        (
            cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA),
            cv2.resize(depth, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST),
        )
        for image, depth in pairs
    ]


def with_holes(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """Return pairs without depth in a third of the pixels, in blobs and beyond 5 m."""
    holed = []
    for image, depth in pairs:
        size = (depth.shape[1], depth.shape[0])
        blobs = cv2.resize(rng.random((12, 16)).astype(np.float32), size) > 0.6
        holed.append((image, np.where(blobs | (depth > 5), 0, depth).astype(np.float32)))
    return holed


def in_units(folder: Path, units: float) -> None:
    """Write the depth maps again in another unit, and declare it."""
    for file in (folder / "depth").iterdir():
        values = np.rint(np.array(Image.open(file)) * (units / 1000))
        Image.fromarray(np.minimum(values, 65535).astype(np.uint16)).save(file, compress_level=1)
    (folder / "dataset.yaml").write_text(f"depth_scale: {units:g}\n")


def clean_folders(
    scratch: Path, pairs: Pairs, rng: np.random.Generator
) -> Iterator[tuple[str, Path]]:
    """Yield nothing-is-wrong data sets, and how they differ."""
    yield "as they are", write_pairs(scratch / "same", pairs)
    yield "half the size", write_pairs(scratch / "half", resized(pairs, 0.5))
    yield "twice the size", write_pairs(scratch / "twice", resized(pairs, 2))
    yield "a third without depth", write_pairs(scratch / "holes", with_holes(pairs, rng))
    yield "twelve pairs", write_pairs(scratch / "few", pairs[:12])
    for units in (100, 256, 5000):
        folder = write_pairs(scratch / f"units{units}", pairs)
        in_units(folder, units)
        yield f"{units} units per metre", folder
    floats = write_pairs(scratch / "floats", pairs)
    in_floats(Copy(floats, len(pairs), rng), 1)
    yield "metres in NPY", floats
    unlisted = write_pairs(scratch / "unlisted", pairs)
    for split in ("train", "val"):
        (unlisted / f"{split}.csv").unlink()
    yield "paired by name", unlisted


def alarms(folder: Path) -> set[str]:
    """Return the codes of the errors and warnings about a folder."""
    return {f.code for f in check_data(folder).findings if f.severity != Severity.NOTE}


def named(folder: Path, fault: Fault) -> bool:
    """Return whether a finding about a folder names the fault."""
    return any(finding.code in fault.codes for finding in check_data(folder).findings)


def draw_pairs(options: argparse.Namespace, seed: int) -> Pairs:
    """Return the pairs of one seed, rendered or drawn from the data."""
    rng = np.random.default_rng([seed, 1])
    if options.data is None:
        return [render_room(rng) for _ in range(options.count)]
    data = open_data(options.data, options.split, layout="pairs").without_labels()
    chosen = rng.permutation(len(data))[: options.count]
    return [(data[int(index)].image, data[int(index)].depth) for index in chosen]


def main() -> None:
    """Plant, check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of pairs; default: rendered rooms")
    parser.add_argument("--split")
    parser.add_argument("--count", type=int, default=28, help="pairs in a data set")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    counts: dict[tuple[str, float], int] = {}
    false_alarms: dict[str, list[set[str]]] = {}
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            pairs = draw_pairs(options, seed)
            for fault, severity, is_named in plant_all(Path(scratch), pairs, seed):
                key = fault.name, severity
                counts[key] = counts.get(key, 0) + is_named
            rng = np.random.default_rng([seed, 3])
            for name, folder in clean_folders(Path(scratch), pairs, rng):
                false_alarms.setdefault(name, []).append(alarms(folder))
    report(counts, false_alarms, options.seeds)


def plant_all(scratch: Path, pairs: Pairs, seed: int) -> Iterator[tuple[Fault, float, bool]]:
    """Yield every fault at every severity, and whether it was named."""
    clean = write_pairs(scratch / "clean", pairs)
    for number, fault in enumerate(FAULTS):
        for severity in fault.severities:
            folder = scratch / "faulty"
            shutil.copytree(clean, folder)
            rng = np.random.default_rng([seed, 2, number])
            fault.plant(Copy(folder, len(pairs), rng), severity)
            yield fault, severity, named(folder, fault)
            shutil.rmtree(folder)


def report(
    counts: dict[tuple[str, float], int], false_alarms: dict[str, list[set[str]]], seeds: int
) -> None:
    """Print both tables."""
    print(f"named of {seeds} plantings, by severity")
    for fault in FAULTS:
        each = (f"{s:g}: {counts[fault.name, s]}" for s in fault.severities)
        print(f"  {fault.name:<42}{', '.join(each)}")
    complete = sum(all(counts[f.name, s] == seeds for s in f.severities) for f in FAULTS)
    print(f"all: {sum(counts.values())} of {seeds * len(counts)} plantings named, ", end="")
    print(f"{complete} of {len(FAULTS)} kinds at every severity")
    print("clean data sets with a false alarm")
    for name, codes in false_alarms.items():
        raised = ", ".join(sorted(set().union(*codes)))
        print(f"  {name:<42}{sum(map(bool, codes))} of {seeds}  {raised}")


if __name__ == "__main__":
    main()
