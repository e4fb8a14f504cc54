"""Verify packed shards: every byte is compared with the checksums of the manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from leadline.datasets.shard_writer import digest, npy_header
from leadline.datasets.shards import (
    CHANNELS,
    HEADER_BYTES,
    SAMPLES,
    open_arrays,
    read_manifest,
    read_samples,
    shard_folders,
)
from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.progress import Track, untracked


@dataclass(frozen=True)
class ShardCheck:
    """The result of `check_shards` for one folder; it is intact if there are no `problems`."""

    folder: Path
    samples: int
    blocks: int
    problems: tuple[str, ...]


def check_shards(path: Path, *, track: Track = untracked) -> list[ShardCheck]:
    """Compare every byte of the shard folders at `path` with its checksum.

    `track` shows progress over blocks.
    Errors: LeadlineError if there are no shards, or as `verify_shards`.
    """
    folders = shard_folders(path)
    if not folders:
        raise LeadlineError(f"{path}: no packed shards here; give what --to shards wrote")
    checks = []
    for split, folder in folders.items():
        problems = verify_shards(folder, f"verify {split or folder.name}", track=track)
        manifest = read_manifest(folder)
        checks.append(
            ShardCheck(folder, manifest["samples"], len(manifest["blocks"]), tuple(problems))
        )
    return checks


def verify_shards(folder: Path, title: str = "verify", *, track: Track = untracked) -> list[str]:
    """Return one line for every change in a shard folder since it was written.

    `track` shows progress over blocks, under `title`.
    Errors: LeadlineError if so much is missing that nothing can be compared.
    """
    manifest, samples = read_manifest(folder), read_samples(folder)
    open_arrays(folder)
    problems = []
    listing = read_bytes(folder / SAMPLES, "list of samples")
    if hashlib.sha256(listing).hexdigest() != manifest["samples_sha256"]:
        problems.append(f"{folder / SAMPLES}: has changed since it was written")
    files = {name: FileIO(folder / f"{name}.npy") for name in manifest["arrays"]}
    try:
        for name, about in manifest["arrays"].items():
            expected = npy_header(np.dtype(about["dtype"]), about["shape"])
            if files[name].read(HEADER_BYTES) != expected:
                problems.append(f"{folder / name}.npy: its header has changed")
        first = 0
        for block in track(manifest["blocks"], title, len(manifest["blocks"]), unit="blocks"):
            members = samples[first : first + block["samples"]]
            past = members[-1].first + members[-1].height * members[-1].width
            for name, about in manifest["arrays"].items():
                width = CHANNELS[name] * np.dtype(about["dtype"]).itemsize
                start, stop = (HEADER_BYTES + width * at for at in (members[0].first, past))
                if digest(files[name], start, stop) != block["sha256"][name]:
                    problems.append(
                        f"{folder / name}.npy: damaged in samples {first} to "
                        f"{first + len(members) - 1} ({members[0].id} ... {members[-1].id})"
                    )
            first += block["samples"]
    finally:
        for file in files.values():
            file.close()
    return problems
