"""The options of a server."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.inference.load_options import LoadOptions
from leadline.io.hub import HUB
from leadline.io.jobs import default_workers
from leadline.weights import DEFAULT_MODEL

MEGA = 1_000_000
_MODEL_SUFFIXES = frozenset({".onnx", ".xml"})


@dataclass(frozen=True)
class ServeOptions:
    """What is served, and the limits.

    models: name in requests -> argument of `Predictor.load`; the first is the default.
    load: how each model is loaded.
    workers: pictures processed at the same time, by default one more than processors.
    queue: pictures that may wait; more are refused with status 503.
    deadline: seconds from the first byte of a request to the end of its work.
    max_body: bytes per request; max_pixels: per picture.
    model_memory: bytes of all loaded models, above which the least recently used are released.
    cors_origins: allowed origins of other hosts, "*" for all; none by default.
    Errors: LeadlineError for an impossible number, or a name that no request can send.
    """

    models: Mapping[str, str | Path] = field(default_factory=lambda: {DEFAULT_MODEL: DEFAULT_MODEL})
    load: LoadOptions = field(default_factory=LoadOptions)
    workers: int = field(default_factory=default_workers)
    queue: int = 32
    deadline: float = 30.0
    max_body: int = 32 * MEGA
    max_pixels: int = 32 * MEGA
    model_memory: int = 2000 * MEGA
    cors_origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        least = {
            "workers": 1,
            "queue": 0,
            "max_body": 1,
            "max_pixels": 1,
            "model_memory": 1,
        }
        for name, smallest in least.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= smallest):
                raise LeadlineError(f"{name} = {value}: give a whole number, at least {smallest}")
        if not (math.isfinite(self.deadline) and self.deadline > 0):
            raise LeadlineError(f"deadline = {self.deadline}: give seconds, more than 0")
        if not self.models:
            raise LeadlineError("no model to serve; give one")
        for name in self.models:
            if not name.isprintable() or name != name.strip():
                raise LeadlineError(
                    f"model name {name!r}: has characters that no request can send; give NAME=PATH "
                    "with another name"
                )

    @property
    def body_memory(self) -> int:
        """Limit in bytes for all requests that are being read or wait."""
        return 8 * self.max_body


def millions(option: str, value: float) -> int:
    """Convert megabytes, or millions of pixels, given for `option` to bytes or pixels.

    Errors: LeadlineError for a number that is not finite, or less than one byte or pixel.
    """
    whole = value * MEGA
    if not (math.isfinite(whole) and whole >= 1):
        raise LeadlineError(
            f"{option} {value:g}: give a number above 0, as 32 (it counts millions)"
        )
    return int(whole)


def name_models(values: list[str]) -> dict[str, str]:
    """Return {name: shipped model or path} for texts such as NAME, PATH or NAME=PATH.

    A path without a name gets its last part as name, without the suffix of a model file. If the
    whole text exists as a path, it is one, even with "=" in it.
    Errors: LeadlineError for a repeated or empty name.
    """
    models: dict[str, str] = {}
    for value in values:
        name, equals, source = value.partition("=")
        if not equals or Path(value.removeprefix(HUB)).exists():
            name, source = _name_of(value), value
        if not name or not source:
            raise LeadlineError(f"model {value!r}: give a shipped model, a path or NAME=PATH")
        if name in models:
            raise LeadlineError(
                f"model {value}: another model is called {name!r} already; give NAME=PATH"
            )
        models[name] = source
    return models or {DEFAULT_MODEL: DEFAULT_MODEL}


def _name_of(source: str) -> str:
    """Return the default name of a model; "lr=0.1" has no suffix to remove."""
    path = Path(source.removeprefix(HUB))
    return path.stem if path.suffix in _MODEL_SUFFIXES else path.name
