"""HDF5 files, which h5py reads; it is imported only where a file is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leadline.io.files import check_ordinary


def open_hdf5(path: Path | str) -> Any:
    """Open a file for reading, without locks: data often lies on disks that have none.

    Errors: ImportError without h5py, OSError for what is no HDF5 or is damaged, LeadlineError for
    a pipe or a device.
    """
    import h5py

    check_ordinary(path)
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "locking flag" not in str(error):
            raise
        return h5py.File(path, "r")  # the caller has it open already, with locks
