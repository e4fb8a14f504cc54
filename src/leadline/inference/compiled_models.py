"""What OpenVINO compiled of one network: for the sizes that come often, and for all others."""

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
"""Compiling for one size takes as long as is then saved in about so many calls."""

ANY_SIZE = ()
CACHED_KERNELS = 1
"""How many kernels OpenVINO keeps for the model of any size: its library oneDNN keeps them too, and
two copies save a twentieth of a call."""

KEPT_PRIMITIVES = 512
"""How many kernels oneDNN keeps in this process: those of seven sizes of the shipped network.

Each size takes 4.3 MB. To make its kernels anew takes as long as the network itself in bf16."""

PRIMITIVES_VARIABLE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
"""oneDNN's own environment variable for it, which a user may set."""


class CompiledModels:
    """Compiled models of one network, for any number of threads.

    The first size that the network sees, and those that come often, get a compiled model of their
    own, a tenth faster than the one for any size that serves all others. As soon as that one is
    needed, the first size's is given up where it has not come often either: two models that were
    each used for a few pictures would take half as much memory again.
    """

    def __init__(self, core: Any, model: Any, options: Mapping[str, Any], identity: str | None):
        """Compile `model` by `core`; `identity` names its content in the cache, None: not kept."""
        self._core, self._model, self._identity = core, model, identity
        self._options = dict(options)
        self._cache = CompiledCache()
        self._lock = Lock()
        self._calls: Counter[tuple[int, ...]] = Counter()
        self._pools: dict[tuple[int, ...], RequestPool] = {}

    def pool_for(self, shape: tuple[int, ...]) -> RequestPool:
        """Return requests of the model for `shape`, or of the one for any size."""
        with self._lock:
            self._calls[shape] += 1
            is_first, is_new = not self._pools, self._calls[shape] == 1
            if shape not in self._pools and not is_first and not self._deserves_its_own(shape):
                shape = ANY_SIZE
            if is_new and shape == ANY_SIZE:
                # Buffers of the sizes before lie between those that are in use.
                return_freed_memory()
            if shape not in self._pools:
                if shape == ANY_SIZE:
                    # Before compiling: what is given up first makes room for the next.
                    self._give_up_rare_sizes()
                with kept_primitives():
                    self._pools[shape] = RequestPool(self._compile(shape))
            return self._pools[shape]

    def _deserves_its_own(self, shape: tuple[int, ...]) -> bool:
        fixed = len(self._pools.keys() - {ANY_SIZE})
        return self._calls[shape] > CALLS_FOR_FIXED_SIZE and fixed < FIXED_SIZES

    def _give_up_rare_sizes(self) -> None:
        """Drop models of sizes that have not come often; calls that use one finish with it."""
        rare = [shape for shape in self._pools if self._calls[shape] <= CALLS_FOR_FIXED_SIZE]
        for shape in rare:
            del self._pools[shape]

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """Compile the model for a shape of its input, or take what an earlier process compiled."""
        if self._identity is None:
            return self._compile_anew(shape)
        import openvino

        device = str(self._core.get_property("CPU", "FULL_DEVICE_NAME"))
        # The graph is cut by Leadline's own code.
        made_by = f"{__version__} {openvino.__version__}"
        key = (self._identity, made_by, device, repr(shape), repr(self._options))
        blob = self._cache.read(*key)
        if blob is not None:
            # RuntimeError: of another build, which calls itself the same version.
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
    """Bound what oneDNN keeps, if it is used for the first time meanwhile, when it asks.

    torch has a oneDNN of its own, which asks the same variable and needs more: so it is as it was
    afterwards. Where the user has set it, that holds.
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

    There are as many as OpenVINO can run at once: a further call waits for one.
    """

    def __init__(self, compiled: Any):
        self._compiled = compiled
        self._free: list[Any] = []
        count = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._at_once = BoundedSemaphore(max(1, count))

    @contextmanager
    def request(self) -> Iterator[Any]:
        """Yield a request; what it holds may be overwritten as soon as the block is left."""
        with self._at_once:
            try:
                request = self._free.pop()
            except IndexError:
                request = self._compiled.create_infer_request()
            try:
                yield request
            finally:
                self._free.append(request)
