"""Pack a data set into shards, so that a kill at any moment costs seconds, never the result.

`pack_shards` packs all splits of a data set; `plan_packing` and `pack` do it for one split.

Samples are appended in blocks to arrays in a hidden folder beside the result. Once a block is on
disk, a line with its checksums is added to the journal. A later run checks every block against its
line, cuts off what is not in the journal, and continues. The folder gets its name at the end.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from leadline.datasets.encoding import Encoding, UnfitError, choose_encoding
from leadline.datasets.folders import check_outside
from leadline.datasets.layout import ALL
from leadline.datasets.open import Opening, find_data
from leadline.datasets.opened_as import OPENED_AS, is_same, other_opening
from leadline.datasets.sample import DepthDataset, Sample, evenly_spaced
from leadline.datasets.shard_writer import JOURNAL, ShardWriter
from leadline.datasets.shards import is_shard_folder, read_manifest
from leadline.datasets.warp import resize_sample
from leadline.errors import LeadlineError, one_line
from leadline.progress import Say, Track, unsaid, untracked

PROBED = 16
"""Number of samples read to choose the encoding and to estimate the space."""

SPARE_BYTES = 64 << 20

Size = tuple[int, int]


@dataclass(frozen=True)
class Resize:
    """A new size for every sample: `size_for` maps (H, W) to (h, w), and `name` describes it.

    Shards of rules with different names are different data: see `pack_shards`. With `fill`, the
    whole picture is resized to the new size, even if rounding changed its aspect ratio.
    """

    name: str
    size_for: Callable[[Size], Size]
    fill: bool = False

    @classmethod
    def to(cls, height: int, width: int) -> Self:
        """Return the rule that resizes every sample to `height` x `width` pixels."""
        return cls(f"{height}x{width}", lambda _size: (height, width))


@dataclass(frozen=True)
class PackOptions:
    """What to pack, and how to store it.

    `splits` are names of the data's splits; () means all. `resize` changes the size of every
    sample, None keeps it. With `units_per_metre`, depth is rounded to that unit; otherwise it is
    stored without loss.
    """

    splits: tuple[str, ...] = ()
    resize: Resize | None = None
    units_per_metre: float | None = None


@dataclass(frozen=True)
class Packing:
    """A data set to be packed into `folder`; `bytes_needed` is estimated from a few samples."""

    data: DepthDataset
    folder: Path
    resize: Resize | None
    encoding: Encoding
    bytes_needed: int
    plan: dict[str, Any]

    @property
    def partial(self) -> Path:
        """The folder of the arrays until they are complete."""
        return self.folder.with_name(f".{self.folder.name}.partial")

    @property
    def is_done(self) -> bool:
        """Whether exactly this data is already packed in `folder`."""
        return is_shard_folder(self.folder) and is_same(
            read_manifest(self.folder).get("plan"), self.plan
        )

    def read(self, index: int) -> Sample:
        """Return sample `index` as it will be stored."""
        return _read(self.data, index, self.resize)

    def describe(self) -> str:
        """Return how many samples there are and the types of their arrays, in words."""
        state = ", already packed" if self.is_done else ""
        return f"{len(self.data)} samples, {self.encoding.describe()}{state}"


@dataclass(frozen=True)
class PackPlan:
    """The plan of `pack_shards`: `packings` by split, and the bytes needed and free."""

    packings: dict[str, Packing]
    bytes_needed: int
    bytes_free: int

    def __str__(self) -> str:
        lines = [f"{split}: {packing.describe()}" for split, packing in self.packings.items()]
        needed, free = self.bytes_needed / 1e9, self.bytes_free / 1e9
        return "\n".join([*lines, f"to write: about {needed:.2f} GB ({free:.1f} GB free)"])


@dataclass(frozen=True)
class PackedData:
    """The result of `pack_shards` in `folder`: the number of samples of every split."""

    folder: Path
    samples: dict[str, int]


def pack_shards(
    data: Path | str,
    out: Path | str,
    packing: PackOptions | None = None,
    *,
    announce: Callable[[PackPlan], None] = lambda _plan: None,
    track: Track = untracked,
    say: Say = unsaid,
    **opening: Unpack[Opening],
) -> PackedData:
    """Pack the splits of `data` into shards below `out`, a folder each; continue a stopped call.

    Data without splits is packed into `out` itself. `opening` are the keyword arguments of
    `leadline.datasets.find_data` (layout, units_per_metre, ...). `announce` is given the plan
    before anything is written; `track` shows progress over samples; `say` is given messages for the
    user.
    Errors: LeadlineError, before anything is written, if the data cannot be opened, `out` is the
    data, lies in it, or holds something else, or the disk is too small; and as `pack`.

    >>> packed = pack_shards("pairs", "shards", PackOptions(resize=Resize.to(24, 32)))
    >>> packed.samples
    {'all': 4}
    >>> from leadline.datasets import open_data
    >>> open_data(packed.folder)[0].size
    (24, 32)
    """
    data, out = Path(data), Path(out)
    packing = packing or PackOptions()
    check_outside(out, data)
    source = find_data(data, **opening)
    planned = {
        split or ALL: plan_packing(
            source.open(split),
            out if split is None else out / split,
            resize=packing.resize,
            units_per_metre=packing.units_per_metre,
        )
        for split in packing.splits or source.splits or (None,)
    }
    announce(PackPlan(planned, *check_space(planned.values(), out)))
    for split, plan in planned.items():
        pack(plan, f"pack {split}", track=track, say=say)
    return PackedData(out, {split: len(plan.data) for split, plan in planned.items()})


def plan_packing(
    data: DepthDataset,
    folder: Path,
    *,
    resize: Resize | None = None,
    units_per_metre: float | None = None,
) -> Packing:
    """Read a few samples and plan how the data will be stored.

    With `units_per_metre`, depth is rounded to that unit; otherwise it is stored without loss.
    Errors: LeadlineError if a sample cannot be read, or `folder` holds something else.
    """
    probes = [_read(data, index, resize) for index in evenly_spaced(len(data), PROBED)]
    encoding = choose_encoding(probes, data.units_per_metre, units_per_metre)
    pixels = np.mean([np.prod(sample.size, dtype=np.int64) for sample in probes])
    ids = json.dumps([data.sample_id(index) for index in range(len(data))])
    plan = {
        "samples": len(data),
        "ids_sha256": hashlib.sha256(ids.encode()).hexdigest(),
        "resize": resize.name if resize else "none",
        "rounded_to": units_per_metre,
        "source": str(data.root.resolve()),
        "name": data.description,
        **({OPENED_AS: dict(data.opened_as)} if data.opened_as else {}),
    }
    needed = int(pixels * encoding.bytes_per_pixel * len(data))
    packing = Packing(data, folder, resize, encoding, needed, plan)
    if not packing.is_done and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "something else already"
        if is_shard_folder(folder):
            other = other_opening(read_manifest(folder).get("plan"), plan)
            what = f"shards of other settings ({other})" if other else "other shards already"
        raise LeadlineError(f"{folder}: holds {what}; choose another output folder")
    return packing


def _read(data: DepthDataset, index: int, resize: Resize | None) -> Sample:
    sample = data[index]
    if resize is None:
        return sample
    return resize_sample(sample, resize.size_for(sample.size), fill=resize.fill)


def check_space(packings: Iterable[Packing], where: Path) -> tuple[int, int]:
    """Return the bytes still to be written, and the bytes free at `where`.

    Errors: LeadlineError, before anything is written, if the space does not suffice.
    """
    needed = 0
    for packing in packings:
        if not packing.is_done:
            written = sum(file.stat().st_size for file in packing.partial.glob("*.npy"))
            needed += max(0, packing.bytes_needed - written)
    existing = next(folder for folder in (where, *where.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    if needed + SPARE_BYTES > free:
        raise LeadlineError(
            f"{where}: needs about {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free; free "
            "space, choose another disk, or pack smaller pictures (--area, --size)"
        )
    return needed, free


def pack(
    packing: Packing, title: str = "pack", *, track: Track = untracked, say: Say = unsaid
) -> None:
    """Write the shards, continuing an earlier attempt if there is one.

    `track` shows progress over samples, under `title`; `say` is given messages for the user.
    Errors: LeadlineError for an unreadable sample, a full or unwritable disk, or an attempt with
    other data; samples packed so far are kept.
    """
    if packing.is_done:
        return
    encoding = packing.encoding
    while True:
        try:
            _pack_as(packing, encoding, title, track, say)
            return
        except UnfitError as unfit:
            encoding = unfit.wider
            say(f"{packing.folder}: starting again as {encoding.describe()}, which a sample needs")
            shutil.rmtree(packing.partial)


def _pack_as(packing: Packing, encoding: Encoding, title: str, track: Track, say: Say) -> None:
    count, done, scenes = len(packing.data), 0, packing.data.scenes()
    try:
        dataset = packing.data.dataset
        with ShardWriter(packing.partial, packing.plan, encoding, dataset) as writer:
            done = writer.done
            if done:
                say(f"{packing.folder}: {done} of {count} samples are already packed and intact")
            for index in track(range(done, count), title, count - done, unit="images"):
                writer.add(packing.read(index), scenes[index])
                done = writer.done
            writer.finish()
        _publish(packing.partial, packing.folder)
    except LeadlineError:
        if done:
            say(
                f"{packing.folder}: {done} of {count} samples are kept; correct the error and run "
                "the same command again"
            )
        raise
    except OSError as error:
        remedy = "free space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "correct that"
        raise LeadlineError(
            f"{packing.folder}: cannot write here ({one_line(error)}); {done} of {count} samples "
            f"are kept: {remedy} and run the same command again"
        ) from error


def _publish(partial: Path, folder: Path) -> None:
    if folder.is_dir():
        folder.rmdir()  # empty, or `plan_packing` would have refused
    partial.rename(folder)
    (folder / JOURNAL).unlink()
    # The new name is durable only after syncing the parent folder.
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
