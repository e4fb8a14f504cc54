"""What works on this machine: every runtime is tried, and the default one timed."""

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
"""Largest difference in metres of a runtime's depth from the first runtime's, both in float32."""


@dataclass(frozen=True)
class RuntimeState:
    """One engine: its version, None if missing, and its fault, if any."""

    name: str
    version: str | None
    fault: str | None = None

    @property
    def works(self) -> bool:
        """Whether its prediction agrees with that of the first runtime."""
        return self.version is not None and self.fault is None


@dataclass(frozen=True)
class MachineState:
    """The report of `leadline doctor`.

    `missing` is {extra: its modules that are not installed}. `pictures_per_second` is measured with
    the shipped model in the default runtime and precision at 640x480; None if that does not work.
    `cache` is the folder of compiled models, None if there is no cache; `cache_bytes` is its size.
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
        """Return the report as JSON-serialisable values."""
        return asdict(self)


def examine(extras: Mapping[str, str]) -> MachineState:
    """Try every installed runtime with the shipped model, and time the default one.

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
    """Return the state of a runtime and its depth, which should equal `first`."""
    version = installed_version(name)
    if version is None:
        return RuntimeState(name, None), None
    try:
        predictor = Predictor.load(DEFAULT_MODEL, runtime=cast(RuntimeName, name), precision="f32")
        depth = predictor(picture).depth
    # Any error of an engine that is installed but broken: a missing library, a wrong version.
    except (LeadlineError, ImportError, OSError, RuntimeError, AttributeError) as error:
        return RuntimeState(name, version, one_line(error)[:200]), None
    off = 0.0 if first is None else float(np.abs(depth - first).max())
    fault = None if off <= LARGEST_DIFFERENCE else f"its depth is off by up to {off:.3g} m"
    return RuntimeState(name, version, fault), depth


def _speed(picture: NDArray[np.uint8]) -> tuple[str, float]:
    """Return the default precision, and the median rate in pictures per second, one by one."""
    predictor = Predictor.load()
    predictor(picture)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        predictor(picture)
        seconds.append(time.perf_counter() - start)
    precision = "" if predictor.precision is None else predictor.precision.precision
    return precision, 1 / median(seconds)
