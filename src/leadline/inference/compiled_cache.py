"""Compiled models on disk, so that the next process need not compile them again."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path

VARIABLE = "LEADLINE_CACHE"
"""The environment variable that names another folder; empty: nothing is kept."""

LARGEST_BYTES = 500_000_000
"""What was not used for longest is removed beyond this size, in which about 35
compiled forms of a shipped model have room."""

_SUM_BYTES = 32


class CompiledCache:
    """Files of compiled models, each behind its SHA-256: a damaged one is compiled again.

    `folder` is `$LEADLINE_CACHE`, else `leadline` in `$XDG_CACHE_HOME` or in `~/.cache`. Where it
    cannot be written, nothing is kept.
    """

    def __init__(self) -> None:
        base = os.environ.get(VARIABLE)
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        self.folder: Path | None = None
        if base != "":
            with suppress(RuntimeError):  # there is no home
                self.folder = Path(base or Path(home) / "leadline").expanduser() / "openvino"

    def read(self, *key: str) -> bytes | None:
        """Return what was stored under a key, None where it is missing or damaged."""
        path = self._path(key)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                stored, blob = file.read(_SUM_BYTES), file.read()
        except OSError:
            return None
        with suppress(OSError):  # a folder that is only read: of use all the same
            os.utime(path)
        return blob if hashlib.sha256(blob).digest() == stored else None

    def write(self, blob: bytes, *key: str) -> None:
        """Store bytes under a key, and make room for them."""
        path = self._path(key)
        if path is None:
            return
        # A cache that cannot be written costs time at the next start, and nothing else.
        with suppress(LeadlineError, OSError):
            with atomic_path(path) as temporary:
                temporary.write_bytes(hashlib.sha256(blob).digest() + blob)
            self._remove_oldest()

    def size(self) -> int:
        """Return the bytes that are stored."""
        return sum(state.st_size for state, _ in self._files())

    def clear(self) -> int:
        """Remove everything that is stored; return how many bytes that were."""
        files = self._files()
        for _, file in files:
            file.unlink(missing_ok=True)
        return sum(state.st_size for state, _ in files)

    def _files(self) -> list[tuple[os.stat_result, Path]]:
        """Return what is stored, and what a killed process left half written."""
        files = []
        for file in [] if self.folder is None else self.folder.glob("*.blob"):
            with suppress(FileNotFoundError):  # another process has removed it meanwhile
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
