"""HDF5 files, read by h5py, which is imported only when a file is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leadline.io.files import check_ordinary


def open_hdf5(path: Path | str) -> Any:
    """Open a file for reading, without locks, which some file systems do not support.

    Errors: ImportError without h5py, OSError for a file that is damaged or no HDF5, LeadlineError
    for a pipe or a device.
    """
    import h5py

    check_ordinary(path)
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "locking flag" not in str(error):
            raise
        return h5py.File(path, "r")  # the caller already has it open, with locks
