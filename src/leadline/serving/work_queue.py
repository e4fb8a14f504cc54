"""Work of many requests in a few threads, with an end to the queue and to every wait."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from leadline.serving.problems import ProblemError

Result = TypeVar("Result")

LONGEST_RETRY = 60
"""Seconds: nobody is asked to come back later than that."""
_FORGET = 0.1
"""Share of the newest job in the mean time of a job."""


class WorkQueue:
    """`workers` threads, and at most `waiting` jobs before them.

    All methods are for the thread of the event loop.
    """

    def __init__(self, workers: int, waiting: int):
        self.workers = workers
        self.limit = workers + waiting
        self.held = 0
        self._job_seconds = 0.1
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="work")

    @property
    def waiting(self) -> int:
        """Jobs that no thread has begun."""
        return max(0, self.held - self.workers)

    @property
    def running(self) -> int:
        """Jobs that a thread works on."""
        return min(self.held, self.workers)

    def retry_after(self) -> int:
        """Return in how many seconds the queue should have room."""
        seconds = math.ceil(self._job_seconds * self.held / self.workers)
        return min(max(1, seconds), LONGEST_RETRY)

    async def run(self, work: Callable[[], Result], deadline: float) -> Result:
        """Return what `work` returns; `deadline` is a time of `time.monotonic`.

        Errors: ProblemError 503 where the queue is full or the deadline has passed. A job that has
        not begun by then is dropped, also where the caller is cancelled.
        """
        if self.held >= self.limit:
            raise ProblemError(
                503,
                f"{self.held} pictures are in work or wait; try again later",
                "queue full",
                {"Retry-After": str(self.retry_after())},
            )
        loop = asyncio.get_running_loop()
        future = self._threads.submit(self._timed, work)
        self.held += 1
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._finished, done))
        seconds = max(0.0, deadline - time.monotonic())
        try:
            return (await asyncio.wait_for(asyncio.wrap_future(future), seconds))[1]
        except TimeoutError:
            raise ProblemError(
                503,
                "the deadline passed before the picture was done; try again later",
                "deadline",
                {"Retry-After": str(self.retry_after())},
            ) from None

    @staticmethod
    def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
        began = time.monotonic()
        result = work()
        return time.monotonic() - began, result

    def _finished(self, future: Future[Any]) -> None:
        self.held -= 1
        try:
            seconds, _ = future.result()
        except Exception:  # dropped, or refused: its time says nothing of others
            return
        self._job_seconds += _FORGET * (seconds - self._job_seconds)

    def close(self) -> None:
        """Wait for the jobs that have begun, and drop the others."""
        self._threads.shutdown(wait=True, cancel_futures=True)
