"""A disk cache of compiled models, so that the next process need not compile them again."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path

VARIABLE = "LEADLINE_CACHE"
"""Environment variable with another cache folder; empty turns the cache off."""

LARGEST_BYTES = 500_000_000
"""Limit of the cache: the least recently used files beyond it are removed. About 35 compiled
forms of a shipped model fit."""

_SUM_BYTES = 32


class CompiledCache:
    """Files of compiled models, each preceded by its SHA-256: damaged files are compiled again.

    `folder` is `$LEADLINE_CACHE`, else `leadline` in `$XDG_CACHE_HOME` or in `~/.cache`. If it
    cannot be written, nothing is cached.
    """

    def __init__(self) -> None:
        base = os.environ.get(VARIABLE)
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        self.folder: Path | None = None
        if base != "":
            with suppress(RuntimeError):  # no home folder
                self.folder = Path(base or Path(home) / "leadline").expanduser() / "openvino"

    def read(self, *key: str) -> bytes | None:
        """Return the bytes stored under a key, or None if they are missing or damaged."""
        path = self._path(key)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                stored, blob = file.read(_SUM_BYTES), file.read()
        except OSError:
            return None
        with suppress(OSError):  # a read-only folder can still be used
            os.utime(path)
        return blob if hashlib.sha256(blob).digest() == stored else None

    def write(self, blob: bytes, *key: str) -> None:
        """Store bytes under a key, and remove the oldest files beyond the limit."""
        path = self._path(key)
        if path is None:
            return
        # If the cache cannot be written, only the next start is slower.
        with suppress(LeadlineError, OSError):
            with atomic_path(path) as temporary:
                temporary.write_bytes(hashlib.sha256(blob).digest() + blob)
            self._remove_oldest()

    def size(self) -> int:
        """Return the number of stored bytes."""
        return sum(state.st_size for state, _ in self._files())

    def clear(self) -> int:
        """Remove all files; return the number of bytes removed."""
        files = self._files()
        for _, file in files:
            file.unlink(missing_ok=True)
        return sum(state.st_size for state, _ in files)

    def _files(self) -> list[tuple[os.stat_result, Path]]:
        """Return the stored files, and partial files left by a killed process."""
        files = []
        for file in [] if self.folder is None else self.folder.glob("*.blob"):
            with suppress(FileNotFoundError):  # removed by another process
                files.append((file.stat(), file))
        return files

    def _path(self, key: tuple[str, ...]) -> Path | None:
        name = hashlib.sha256("\n".join(key).encode()).hexdigest()[:32]
        return None if self.folder is None else self.folder / f"{name}.blob"

    def _remove_oldest(self) -> None:
        total = 0
        for state, file in sorted(self._files(), key=lambda pair: -pair[0].st_mtime):
            total += state.st_size
            if total > LARGEST_BYTES:
                file.unlink(missing_ok=True)
