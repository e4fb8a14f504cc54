"""Compiled OpenVINO models of one network: for frequent input sizes, and for any size."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore, Lock
from typing import Any

from leadline import __version__
from leadline.inference.compiled_cache import CompiledCache
from leadline.io.malloc import return_freed_memory

FIXED_SIZES = 4
CALLS_FOR_FIXED_SIZE = 300
"""Number of calls whose time savings pay for compiling for one size."""

ANY_SIZE = ()
CACHED_KERNELS = 1
"""Number of kernels OpenVINO caches for the any-size model: oneDNN caches them too, and a second
copy saves only a twentieth of a call."""

KEPT_PRIMITIVES = 512
"""Number of kernels oneDNN caches in this process: enough for seven sizes of the shipped network.

Each size takes 4.3 MB. Rebuilding its kernels takes as long as running the network in bf16."""

PRIMITIVES_VARIABLE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
"""oneDNN's environment variable for that number, which a user may set."""


class CompiledModels:
    """Compiled models of one network, for any number of threads.

    The first input size, and frequent sizes, get compiled models of their own, which are a tenth
    faster than the any-size model that serves all others. When the any-size model is first needed,
    the model of the first size is dropped unless that size is frequent: two models used for a few
    pictures each would take half as much memory again.
    """

    def __init__(self, core: Any, model: Any, options: Mapping[str, Any], identity: str | None):
        """Compile `model` by `core`; `identity` is its cache key, None to cache nothing on disk."""
        self._core, self._model, self._identity = core, model, identity
        self._options = dict(options)
        self._cache = CompiledCache()
        self._lock = Lock()
        self._calls: Counter[tuple[int, ...]] = Counter()
        self._pools: dict[tuple[int, ...], RequestPool] = {}

    def pool_for(self, shape: tuple[int, ...]) -> RequestPool:
        """Return the requests of the model for `shape`, or of the any-size model."""
        with self._lock:
            self._calls[shape] += 1
            is_first, is_new = not self._pools, self._calls[shape] == 1
            if shape not in self._pools and not is_first and not self._deserves_its_own(shape):
                shape = ANY_SIZE
            if is_new and shape == ANY_SIZE:
                # Free buffers of earlier sizes lie between buffers in use.
                return_freed_memory()
            if shape not in self._pools:
                if shape == ANY_SIZE:
                    # Before compiling, so that the freed memory can be reused.
                    self._give_up_rare_sizes()
                with kept_primitives():
                    self._pools[shape] = RequestPool(self._compile(shape))
            return self._pools[shape]

    def _deserves_its_own(self, shape: tuple[int, ...]) -> bool:
        fixed = len(self._pools.keys() - {ANY_SIZE})
        return self._calls[shape] > CALLS_FOR_FIXED_SIZE and fixed < FIXED_SIZES

    def _give_up_rare_sizes(self) -> None:
        """Drop the models of infrequent sizes; running calls finish with theirs."""
        rare = [shape for shape in self._pools if self._calls[shape] <= CALLS_FOR_FIXED_SIZE]
        for shape in rare:
            del self._pools[shape]

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """Compile the model for an input shape, or load it from the cache."""
        if self._identity is None:
            return self._compile_anew(shape)
        import openvino

        device = str(self._core.get_property("CPU", "FULL_DEVICE_NAME"))
        # The graph depends on Leadline's own code too.
        made_by = f"{__version__} {openvino.__version__}"
        key = (self._identity, made_by, device, repr(shape), repr(self._options))
        blob = self._cache.read(*key)
        if blob is not None:
            # RuntimeError: a blob of another build with the same version.
            with suppress(RuntimeError):
                return self._core.import_model(blob, "CPU", self._options)
        compiled = self._compile_anew(shape)
        self._cache.write(bytes(compiled.export_model().getbuffer()), *key)
        return compiled

    def _compile_anew(self, shape: tuple[int, ...]) -> Any:
        model = self._model
        if shape != ANY_SIZE:
            model = model.clone()
            model.reshape(list(shape))
        return self._core.compile_model(model, "CPU", self._options)


@contextmanager
def kept_primitives() -> Iterator[None]:
    """Limit oneDNN's kernel cache, in case oneDNN is first used, and reads the variable, inside.

    torch has its own oneDNN, which reads the same variable and needs more, so the variable is
    restored afterwards. A value set by the user is kept.
    """
    if PRIMITIVES_VARIABLE in os.environ:
        yield
        return
    os.environ[PRIMITIVES_VARIABLE] = str(KEPT_PRIMITIVES)
    try:
        yield
    finally:
        os.environ.pop(PRIMITIVES_VARIABLE, None)


class RequestPool:
    """Inference requests of one compiled model, each used by one call at a time.

    There are as many as OpenVINO can run at once; further calls wait.
    """

    def __init__(self, compiled: Any):
        self._compiled = compiled
        self._free: list[Any] = []
        count = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._at_once = BoundedSemaphore(max(1, count))

    @contextmanager
    def request(self) -> Iterator[Any]:
        """Yield a request; its results may be overwritten as soon as the block ends."""
        with self._at_once:
            try:
                request = self._free.pop()
            except IndexError:
                request = self._compiled.create_infer_request()
            try:
                yield request
            finally:
                self._free.append(request)
