"""Several models, loaded on first use, within a memory limit."""

from __future__ import annotations

import gc
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from leadline.errors import nearest, value_words
from leadline.inference.find_model import find_model
from leadline.inference.predictor import Predictor
from leadline.io.malloc import return_freed_memory
from leadline.io.processors import usable_processors
from leadline.serving.options import ServeOptions
from leadline.serving.problems import ProblemError

_WARM_UP_SIZES = ((480, 640), (640, 480), (480, 640))
"""The first size gets its own compiled model; the others use the any-size model, which generates
code for a size on its first use."""


@dataclass(frozen=True)
class LoadedModel:
    """A model under its name in requests, and the bytes it took to load it."""

    name: str
    predictor: Predictor
    memory: int


class NotLoadedError(Exception):
    """A model must be loaded first; `name` is its name in requests."""

    def __init__(self, name: str):
        super().__init__(name)
        self.name = name


class ModelPool:
    """Loads models by name; the least recently used are released if memory is short.

    A released model is freed when the last request that uses it is done. `get` and `load` may be
    called from several threads.
    """

    def __init__(
        self,
        sources: Mapping[str, str | Path],
        most_memory: int,
        load: Callable[[str | Path], Predictor],
    ):
        self._sources = dict(sources)
        self._most_memory = most_memory
        self._load = load
        self._loaded: OrderedDict[str, LoadedModel] = OrderedDict()
        self._lock, self._loading = Lock(), Lock()

    @classmethod
    def of_options(cls, options: ServeOptions) -> ModelPool:
        """Return the models of a server.

        Errors: LeadlineError for a model that does not exist.
        """
        for source in options.models.values():
            find_model(source)

        def load(source: str | Path) -> Predictor:
            predictor = Predictor.load_with(source, options.load)
            predictor.require_metres("the service")
            return predictor

        return cls(options.models, options.model_memory, load)

    @property
    def default(self) -> str:
        """The model for requests that name none."""
        return next(iter(self._sources))

    def get(self, name: str | None) -> LoadedModel:
        """Return a loaded model; None means the default.

        Errors: ProblemError 404 for an unknown name; NotLoadedError.
        """
        name = self.default if name is None else name
        if name not in self._sources:
            known = ", ".join(self._sources)
            raise ProblemError(
                404,
                f"model {value_words(name)}: not served here{nearest(name, self._sources)}; "
                f"there are {known}",
                "model",
            )
        found = self._find(name)
        if found is None:
            raise NotLoadedError(name)
        return found

    def _find(self, name: str) -> LoadedModel | None:
        with self._lock:
            if name in self._loaded:
                self._loaded.move_to_end(name)
            return self._loaded.get(name)

    def load(self, name: str) -> LoadedModel:
        """Load a model and warm it up, so that its first request does not wait.

        Models are loaded one at a time. Errors: those of `Predictor.load`.
        """
        with self._loading:
            found = self._find(name)
            if found is not None:
                return found
            before = _resident_bytes()
            predictor = self._load(self._sources[name])
            _warm_up(predictor)
            memory = max(_resident_bytes() - before, _file_bytes(self._sources[name]))
            loaded = LoadedModel(name, predictor, memory)
            with self._lock:
                self._loaded[name] = loaded
                released = self._release()
            if released:
                gc.collect()
                return_freed_memory()
            return loaded

    def _release(self) -> int:
        """Release models until the rest fits, but never the newest; return how many."""
        released = 0
        while self._sum() > self._most_memory and len(self._loaded) > 1:
            self._loaded.popitem(last=False)
            released += 1
        return released

    @property
    def memory(self) -> int:
        """Total bytes of all loaded models."""
        with self._lock:
            return self._sum()

    def _sum(self) -> int:
        return sum(model.memory for model in self._loaded.values())

    def describe(self) -> list[dict[str, Any]]:
        """Describe every model, the default first."""
        with self._lock:
            return [self._describe(name) for name in self._sources]

    def _describe(self, name: str) -> dict[str, Any]:
        found = self._loaded.get(name)
        about: dict[str, Any] = {
            "name": name,
            "default": name == self.default,
            "loaded": found is not None,
            "unit": "m",
        }
        if found is not None:
            predictor, camera = found.predictor, found.predictor.training_camera
            about |= {
                "memory_bytes": found.memory,
                "runtime": predictor.runtime.name,
                "precision": predictor.precision and predictor.precision.precision,
                "processing_area": camera.processing_area,
                "training_focal": camera.focal,
                "training_area": camera.area,
            }
        return about


def _warm_up(predictor: Predictor) -> None:
    """Predict once in the form for one picture, and in the form for many on all its threads.

    A file for photographs of one size gets pictures of that size.
    """
    only = predictor.runtime.config.picture_size
    sizes = _WARM_UP_SIZES if only is None else (only,)
    pictures = [np.zeros((*size, 3), np.uint8) for size in sizes]
    many = predictor.for_many()
    if many is not predictor:
        list(map(predictor, pictures))
    with ThreadPoolExecutor(usable_processors()) as threads:
        for picture in pictures:
            list(threads.map(many, [picture] * usable_processors()))


def _file_bytes(source: str | Path) -> int:
    path = find_model(source)
    files = path.parent.glob(f"{path.stem}.*") if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _resident_bytes() -> int:
    """Return the memory of this process, 0 if the system does not tell."""
    statm = Path("/proc/self/statm")
    if not statm.is_file():
        return 0
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
