"""What works on this machine: every runtime tried, and how fast the default one is."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from leadline import __version__
from leadline.errors import LeadlineError, one_line
from leadline.inference.compiled_cache import CompiledCache
from leadline.inference.predictor import Predictor
from leadline.inference.runtime import RuntimeName
from leadline.installed import RUNTIME_MODULES, installed_version
from leadline.io.processors import usable_processors
from leadline.weights import DEFAULT_MODEL

SIZE = (480, 640)
ROUNDS = 9
LARGEST_DIFFERENCE = 1e-3
"""Metres that a runtime's depth may differ from the first one's, both in f32."""


@dataclass(frozen=True)
class RuntimeState:
    """One engine: its version, None where it is missing, and what is wrong with it, if anything."""

    name: str
    version: str | None
    fault: str | None = None

    @property
    def works(self) -> bool:
        """Whether it has predicted a picture as the other runtimes do."""
        return self.version is not None and self.fault is None


@dataclass(frozen=True)
class MachineState:
    """What `leadline doctor` prints.

    `missing` is {extra: modules of it that are not installed}. `pictures_per_second` is of the
    shipped model in the default runtime and precision at 640x480, None where that does not work.
    `cache` is the folder of compiled models, None where nothing is kept, and `cache_bytes` its
    size.
    """

    leadline: str
    python: str
    system: str
    processors: int
    runtimes: tuple[RuntimeState, ...]
    missing: Mapping[str, list[str]]
    cache: str | None
    cache_bytes: int
    precision: str | None
    pictures_per_second: float | None

    @property
    def works(self) -> bool:
        """Whether prediction works without further options."""
        return self.pictures_per_second is not None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def examine(extras: Mapping[str, str]) -> MachineState:
    """Try every runtime that is installed with the shipped model, and time the default one.

    `extras` is {module: extra that installs it}.
    """
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    states, first = [], None
    for name in RUNTIME_MODULES:
        state, depth = _try(name, picture, first)
        first = depth if first is None else first
        states.append(state)
    missing: dict[str, list[str]] = {}
    for module, extra in extras.items():
        if installed_version(module) is None:
            missing.setdefault(extra, []).append(module)
    precision, rate = _speed(picture) if states[0].works else (None, None)
    cache = CompiledCache()
    return MachineState(
        __version__,
        platform.python_version(),
        f"{platform.system()} {platform.release()} {platform.machine()}",
        usable_processors(),
        tuple(states),
        missing,
        None if cache.folder is None else str(cache.folder),
        cache.size(),
        precision,
        rate,
    )


def _try(
    name: str, picture: NDArray[np.uint8], first: NDArray[np.float32] | None
) -> tuple[RuntimeState, NDArray[np.float32] | None]:
    """Return how a runtime does, and the depth that it gives, which is to be that of `first`."""
    version = installed_version(name)
    if version is None:
        return RuntimeState(name, None), None
    try:
        predictor = Predictor.load(DEFAULT_MODEL, runtime=cast(RuntimeName, name), precision="f32")
        depth = predictor(picture).depth
    # Whatever an engine raises that is there but broken: a missing library, another version.
    except (LeadlineError, ImportError, OSError, RuntimeError, AttributeError) as error:
        return RuntimeState(name, version, one_line(error)[:200]), None
    off = 0.0 if first is None else float(np.abs(depth - first).max())
    fault = None if off <= LARGEST_DIFFERENCE else f"its depth is off by up to {off:.3g} m"
    return RuntimeState(name, version, fault), depth


def _speed(picture: NDArray[np.uint8]) -> tuple[str, float]:
    """Return the default precision, and pictures a second: the median of several, one by one."""
    predictor = Predictor.load()
    predictor(picture)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        predictor(picture)
        seconds.append(time.perf_counter() - start)
    precision = "" if predictor.precision is None else predictor.precision.precision
    return precision, 1 / median(seconds)
