"""Append samples to the arrays of a shard folder, block by block, with a journal."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from leadline import __version__
from leadline.datasets.encoding import Encoding
from leadline.datasets.opened_as import is_same, other_opening
from leadline.datasets.sample import Sample
from leadline.datasets.shards import (
    CHANNELS,
    COLUMNS,
    FORMAT,
    HEADER_BYTES,
    MANIFEST,
    SAMPLES,
    VERSION,
)
from leadline.errors import LeadlineError
from leadline.io.atomic import make_folders
from leadline.io.locks import lock_file

BLOCK_SAMPLES = 32
"""Samples per line of the journal, which is the most a kill can cost."""

JOURNAL = "journal.jsonl"
CHUNK = 1 << 20


class ShardWriter:
    """Appends to `folder`, which it creates or continues; use it as a context manager.

    `done` is the number of samples safely stored; `dataset` is their published data set, if any.
    Errors: OSError from the disk; LeadlineError if the folder belongs to other data or to another
    process.
    """

    def __init__(self, folder: Path, plan: dict[str, Any], encoding: Encoding, dataset: str = ""):
        self.folder = folder
        self._dataset = dataset
        self._begin = {"plan": plan, "encoding": asdict(encoding)}
        self._encoding = encoding
        self._blocks: list[dict[str, Any]] = []
        self._open_block: list[dict[str, Any]] = []
        self._files: dict[str, FileIO] = {}
        self._sums: dict[str, Any] = {}

    @property
    def done(self) -> int:
        """Number of samples in complete blocks, which are safe from now on."""
        return sum(len(block["samples"]) for block in self._blocks)

    def __enter__(self) -> Self:
        make_folders(self.folder)
        self._journal = FileIO(self.folder / JOURNAL, "a+")
        try:
            self._lock()
            self._continue()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in (self._journal, *self._files.values()):
            file.close()

    def _lock(self) -> None:
        try:
            lock_file(self._journal.fileno())
        except OSError:
            raise LeadlineError(
                f"{self.folder}: another process is packing here; wait for it, or stop it"
            ) from None

    def _continue(self) -> None:
        """Read the journal, keep the intact blocks, and cut off everything after them."""
        entries = _intact_entries(self._journal)
        begin = next(entries, None)
        if begin is not None:
            if not is_same(begin["plan"], self._begin["plan"]):
                other = other_opening(begin["plan"], self._begin["plan"])
                what = f"with other settings ({other})" if other else "of other data or size"
                raise LeadlineError(
                    f"{self.folder}: holds an unfinished packing {what}; delete this folder, or "
                    "choose another output folder"
                )
            self._begin, self._encoding = begin, Encoding(**begin["encoding"])
        for name in self._encoding.dtypes:
            self._files[name] = FileIO(
                os.open(self._path(name), os.O_RDWR | os.O_CREAT, 0o666), "r+"
            )
        positions = dict.fromkeys(self._files, HEADER_BYTES)
        for block in entries:
            ends = {name: at + self._size(name, block) for name, at in positions.items()}
            if any(
                digest(self._files[name], positions[name], ends[name]) != block["sha256"][name]
                for name in positions
            ):
                break
            self._blocks.append(block)
            positions = ends
        for name, file in self._files.items():
            file.truncate(positions[name])
            file.seek(positions[name])
        self._rewrite_journal()
        self._start_block()

    def _rewrite_journal(self) -> None:
        self._journal.truncate(0)
        for entry in (self._begin, *self._blocks):
            _write(self._journal, journal_line(entry))
        os.fsync(self._journal.fileno())

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def _size(self, name: str, block: dict[str, Any]) -> int:
        pixels: int = sum(row["size"][0] * row["size"][1] for row in block["samples"])
        return pixels * CHANNELS[name] * np.dtype(self._encoding.dtypes[name]).itemsize

    def _start_block(self) -> None:
        self._open_block = []
        self._sums = {name: hashlib.sha256() for name in self._files}

    def add(self, sample: Sample, scene: str) -> None:
        """Append one sample of a scene; raises UnfitError if the encoding is too narrow."""
        for name, array in self._encoding.arrays(sample).items():
            content = np.ascontiguousarray(array).data.cast("B")
            _write(self._files[name], content)
            self._sums[name].update(content)
        camera = sample.intrinsics
        self._open_block.append(
            {
                "id": sample.id,
                "size": sample.size,
                "labelled": sample.labels is not None,
                "camera": camera and (camera.fx, camera.fy, camera.cx, camera.cy),
                "scene": scene,
            }
        )
        if len(self._open_block) == BLOCK_SAMPLES:
            self._close_block()

    def _close_block(self) -> None:
        for file in self._files.values():
            os.fsync(file.fileno())
        sums = {name: sum.hexdigest() for name, sum in self._sums.items()}
        block = {"samples": self._open_block, "sha256": sums}
        _write(self._journal, journal_line(block))
        os.fsync(self._journal.fileno())
        self._blocks.append(block)
        self._start_block()

    def finish(self) -> None:
        """Write headers, the list of samples and the manifest; the folder is then complete.

        The journal is kept, so that a kill before the folder is renamed costs nothing.
        """
        if self._open_block:
            self._close_block()
        rows = [row for block in self._blocks for row in block["samples"]]
        arrays: dict[str, dict[str, Any]] = {}
        for name, file in self._files.items():
            dtype, shape = np.dtype(self._encoding.dtypes[name]), _shape(name, rows)
            file.seek(0)
            _write(file, npy_header(dtype, shape))
            os.fsync(file.fileno())
            arrays[name] = {"dtype": dtype.name, "shape": shape}
        arrays["depth"]["units_per_metre"] = self._encoding.units_per_metre
        columns = {key: [row[key] for row in rows] for key in COLUMNS}
        listing = json.dumps(columns).encode()
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "written_by": f"leadline {__version__}",
            "samples": len(rows),
            "arrays": arrays,
            **({"dataset": self._dataset} if self._dataset else {}),
            "plan": self._begin["plan"],
            "samples_sha256": hashlib.sha256(listing).hexdigest(),
            "blocks": [
                {"samples": len(block["samples"]), "sha256": block["sha256"]}
                for block in self._blocks
            ],
        }
        self._write_file(SAMPLES, listing)
        self._write_file(MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())

    def _write_file(self, name: str, content: bytes) -> None:
        with FileIO(self.folder / name, "w") as file:
            _write(file, content)
            os.fsync(file.fileno())


def _shape(name: str, rows: list[dict[str, Any]]) -> list[int]:
    """Return (N,H,W[,3]) if all samples have one size, else (pixels[,3])."""
    tail = [CHANNELS[name]] if CHANNELS[name] > 1 else []
    sizes = {tuple(row["size"]) for row in rows}
    if len(sizes) == 1:
        return [len(rows), *sizes.pop(), *tail]
    return [sum(row["size"][0] * row["size"][1] for row in rows), *tail]


def npy_header(dtype: np.dtype[Any], shape: list[int]) -> bytes:
    """Return the header of a NPY file (version 1.0), padded to `HEADER_BYTES`."""
    about = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": tuple(shape)}
    start = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
    return (start + repr(about).encode()).ljust(HEADER_BYTES - 1) + b"\n"


def digest(file: FileIO, start: int, end: int) -> str:
    """Return the SHA-256 of the bytes from `start` to `end`, or to the end of a shorter file."""
    total = hashlib.sha256()
    file.seek(start)
    while start < end and (chunk := file.read(min(CHUNK, end - start))):
        total.update(chunk)
        start += len(chunk)
    return total.hexdigest()


def journal_line(entry: dict[str, Any]) -> bytes:
    """Return a line of the journal: its own checksum, then the entry as JSON."""
    content = json.dumps(entry).encode()
    return hashlib.sha256(content).hexdigest().encode() + b" " + content + b"\n"


def _intact_entries(journal: FileIO) -> Iterator[dict[str, Any]]:
    """Yield the entries of a journal up to the first truncated or damaged one."""
    journal.seek(0)
    for line in journal.readall().split(b"\n")[:-1]:
        total, _, content = line.partition(b" ")
        if hashlib.sha256(content).hexdigest().encode() != total:
            return
        yield json.loads(content)


def _write(file: FileIO, content: bytes | memoryview) -> None:
    """Write all of `content`; a full disk accepts a part of it before it raises."""
    rest = memoryview(content)
    while rest:
        written = file.write(rest)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[written:]
