"""Load models for requests in a separate thread, while other requests continue."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from leadline.errors import LeadlineError
from leadline.serving.logs import LOGGER
from leadline.serving.model_pool import LoadedModel, ModelPool
from leadline.serving.problems import unavailable

_LOADING_RETRY = 5
_BROKEN_RETRY = 60


class ModelLoader:
    """Loads the models of a pool one at a time; at most `most_waiting` requests wait for them.

    `waiting` is their number. Its methods are for the thread of the event loop.
    """

    def __init__(self, pool: ModelPool, most_waiting: int):
        self.waiting = 0
        self._pool = pool
        self._most_waiting = most_waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._loads: dict[str, asyncio.Future[LoadedModel]] = {}

    async def load(self, name: str, deadline: float) -> LoadedModel:
        """Return a model once it is loaded; `deadline` is a time of `time.monotonic`.

        Requests for the same model share one load, which continues even if they are cancelled.
        Errors: ProblemError 503 if too many wait, the deadline has passed, or the model cannot be
        loaded.
        """
        load = self._load_of(name)
        if self.waiting >= self._most_waiting:
            raise unavailable(
                f"{self.waiting} requests wait for models; try again later",
                "queue full",
                _LOADING_RETRY,
            )
        self.waiting += 1
        try:
            seconds = max(0.0, deadline - time.monotonic())
            return await asyncio.wait_for(asyncio.shield(load), seconds)
        except TimeoutError:
            raise unavailable(
                f"model {name}: is still being loaded; try again later", "deadline", _LOADING_RETRY
            ) from None
        except LeadlineError:
            raise unavailable(
                f"model {name}: cannot be loaded now; the server's log says why",
                "model",
                _BROKEN_RETRY,
            ) from None
        except MemoryError:
            raise unavailable(
                f"model {name}: there is not enough memory for it now", "memory", _BROKEN_RETRY
            ) from None
        finally:
            self.waiting -= 1
            del load  # else an error of the load holds this frame, and through it itself

    def _load_of(self, name: str) -> asyncio.Future[LoadedModel]:
        """Return the current load of a model, or start one."""
        if name not in self._loads:
            loop = asyncio.get_running_loop()
            self._loads[name] = loop.run_in_executor(self._thread, self._load, name)
            self._loads[name].add_done_callback(lambda load: self._ended(name, load))
        return self._loads[name]

    def _load(self, name: str) -> LoadedModel:
        try:
            return self._pool.load(name)
        except (LeadlineError, MemoryError):
            LOGGER.exception("model")
            raise

    def _ended(self, name: str, load: asyncio.Future[LoadedModel]) -> None:
        del self._loads[name]
        if not load.cancelled():
            load.exception()  # marks it as retrieved, if all waiting requests have gone

    def close(self) -> None:
        """Wait for the current load, and cancel the others."""
        self._thread.shutdown(wait=True, cancel_futures=True)
