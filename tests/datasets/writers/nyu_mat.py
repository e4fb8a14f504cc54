"""`nyu_depth_v2_labeled.mat`: MATLAB 7.3, that is HDF5 behind a block of 512 bytes of text."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

HEADER = (
    b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Sun Jul 22 10:51:34 2012 "
    b"HDF5 schema 1.00 ."
)


def write_nyu_mat(
    path: Path,
    images: np.ndarray,
    filled: np.ndarray,
    raw: np.ndarray,
    labels: np.ndarray,
    scenes: Sequence[str] = (),
    names: Sequence[str] = ("book", "bottle", "cabinet"),
) -> Path:
    """Write (N,H,W,3) uint8 images, (N,H,W) float32 metres and (N,H,W) uint16 labels.

    MATLAB holds images(row, column, channel, n) in column-major order, which HDF5 tools see as
    (n, channel, column, row). Cells of text are references to arrays of UTF-16 code units.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        _array(file, "images", images.transpose(0, 3, 2, 1), b"uint8")
        _array(file, "depths", filled.transpose(0, 2, 1), b"single")
        _array(file, "rawDepths", raw.transpose(0, 2, 1), b"single")
        _array(file, "labels", labels.transpose(0, 2, 1), b"uint16")
        _array(file, "instances", (labels % 3).astype(np.uint8).transpose(0, 2, 1), b"uint8")
        _cells(file, "names", list(names))
        _cells(file, "scenes", list(scenes) or [f"kitchen_{n:04d}" for n in range(len(images))])
        _cells(file, "sceneTypes", ["kitchen"] * len(images))
    with path.open("r+b") as stream:
        stream.write(HEADER.ljust(124) + b"\0\x02IM")
    return path


def _array(file: h5py.File, key: str, values: np.ndarray, kind: bytes) -> None:
    chunks = (1, *values.shape[1:])
    data = file.create_dataset(key, data=values, chunks=chunks, compression="gzip")
    data.attrs["MATLAB_class"] = np.bytes_(kind)


def _cells(file: h5py.File, key: str, texts: list[str]) -> None:
    references = file.require_group("#refs#")
    cells = file.create_dataset(key, (1, len(texts)), dtype=h5py.ref_dtype)
    for number, text in enumerate(texts):
        units = np.frombuffer(text.encode("utf-16-le"), np.uint16)[:, None]
        cells[0, number] = references.create_dataset(f"{key}{number}", data=units).ref
    cells.attrs["MATLAB_class"] = np.bytes_(b"cell")
