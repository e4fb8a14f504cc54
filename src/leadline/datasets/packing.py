"""Packing a data set into shards, so that a kill at any moment costs seconds, never the result.

Samples are appended in blocks to arrays in a hidden folder beside the result. Once a block is on
disk, a line with its check sums is added to the journal. A later run checks every block against
its line, cuts off what is not vouched for, and continues. The folder gets its name at the end.
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
from typing import Any

import numpy as np

from leadline.datasets.encoding import Encoding, UnfitError, choose_encoding
from leadline.datasets.sample import DepthDataset, Sample, evenly_spaced
from leadline.datasets.shard_writer import JOURNAL, ShardWriter
from leadline.datasets.shards import is_shard_folder, read_manifest
from leadline.datasets.warp import resize_sample
from leadline.errors import LeadlineError, one_line

PROBED = 16
"""Samples looked at before the encoding is chosen and the space is estimated."""

SPARE_BYTES = 64 << 20

Size = tuple[int, int]


@dataclass(frozen=True)
class Resize:
    """A new size for every sample: `size_for` maps (H, W) to (h, w), `name` says how in words."""

    name: str
    size_for: Callable[[Size], Size]


@dataclass(frozen=True)
class Packing:
    """A data set about to be packed into `folder`; `bytes_needed` is an estimate from a few."""

    data: DepthDataset
    folder: Path
    resize: Resize | None
    encoding: Encoding
    bytes_needed: int
    plan: dict[str, Any]

    @property
    def partial(self) -> Path:
        """Where the arrays grow until they are complete."""
        return self.folder.with_name(f".{self.folder.name}.partial")

    @property
    def is_done(self) -> bool:
        """Whether this very data lies packed in `folder` already."""
        return is_shard_folder(self.folder) and read_manifest(self.folder)["plan"] == self.plan

    def read(self, index: int) -> Sample:
        """Return sample `index` as it will be stored."""
        return _read(self.data, index, self.resize)


def plan_packing(
    data: DepthDataset,
    folder: Path,
    *,
    resize: Resize | None = None,
    units_per_metre: float | None = None,
) -> Packing:
    """Look at a few samples and say how the data will be stored.

    With `units_per_metre` depth is rounded to that unit; without, it is stored to the bit.
    Errors: LeadlineError where a sample cannot be read, or `folder` holds something else.
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
    }
    needed = int(pixels * encoding.bytes_per_pixel * len(data))
    packing = Packing(data, folder, resize, encoding, needed, plan)
    if not packing.is_done and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "other shards" if is_shard_folder(folder) else "something else"
        raise LeadlineError(f"{folder}: holds {what} already; choose another output folder")
    return packing


def _read(data: DepthDataset, index: int, resize: Resize | None) -> Sample:
    sample = data[index]
    return sample if resize is None else resize_sample(sample, resize.size_for(sample.size))


def check_space(packings: Iterable[Packing], where: Path) -> tuple[int, int]:
    """Return the bytes that are still to be written and the bytes free at `where`.

    Errors: LeadlineError, before anything is written, where the first exceeds the second.
    """
    needed = 0
    for packing in packings:
        if not packing.is_done:
            there = sum(file.stat().st_size for file in packing.partial.glob("*.npy"))
            needed += max(0, packing.bytes_needed - there)
    existing = next(folder for folder in (where, *where.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    if needed + SPARE_BYTES > free:
        raise LeadlineError(
            f"{where}: needs about {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free; free "
            "space, choose another disk, or pack smaller pictures (--area, --size)"
        )
    return needed, free


def pack(
    packing: Packing,
    track: Callable[[Iterable[int]], Iterable[int]] = iter,
    say: Callable[[str], None] = lambda _line: None,
) -> None:
    """Write the shards, continuing an earlier attempt where there is one.

    `track` wraps the iteration over indices, for a progress bar; `say` is told what a person
    should know. Errors: LeadlineError for an unreadable sample, a full or unwritable disk, or an
    attempt of other data; what is packed so far stays.
    """
    if packing.is_done:
        return
    encoding = packing.encoding
    while True:
        try:
            _pack_as(packing, encoding, track, say)
            return
        except UnfitError as unfit:
            encoding = unfit.wider
            say(f"{packing.folder}: starting again with {_types(encoding)}, which a sample needs")
            shutil.rmtree(packing.partial)


def _types(encoding: Encoding) -> str:
    return ", ".join(f"{name} as {dtype}" for name, dtype in encoding.dtypes.items())


def _pack_as(
    packing: Packing,
    encoding: Encoding,
    track: Callable[[Iterable[int]], Iterable[int]],
    say: Callable[[str], None],
) -> None:
    count, done, scenes = len(packing.data), 0, packing.data.scenes()
    try:
        with ShardWriter(packing.partial, packing.plan, encoding) as writer:
            done = writer.done
            if done:
                say(f"{packing.folder}: {done} of {count} samples are there and intact")
            for index in track(range(done, count)):
                writer.add(packing.read(index), scenes[index])
                done = writer.done
            writer.finish()
        _publish(packing.partial, packing.folder)
    except LeadlineError:
        if done:
            say(
                f"{packing.folder}: {done} of {count} samples are kept; mend what is wrong and run "
                "the same command again"
            )
        raise
    except OSError as error:
        remedy = "free space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "mend that"
        raise LeadlineError(
            f"{packing.folder}: cannot write here ({one_line(error)}); {done} of {count} samples "
            f"are kept: {remedy} and run the same command again"
        ) from error


def _publish(partial: Path, folder: Path) -> None:
    if folder.is_dir():
        folder.rmdir()  # empty, or `plan_packing` would have refused
    partial.rename(folder)
    (folder / JOURNAL).unlink()
    # The new name is on disk only when the parent folder is.
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
