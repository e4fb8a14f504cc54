"""Process many requests in a few threads, with limits on the queue and on every wait."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any, Generic, TypeVar

from leadline.serving.problems import ProblemError, unavailable

Result = TypeVar("Result")

LONGEST_RETRY = 60
"""Upper limit in seconds of the suggested waiting time."""
_FORGET = 0.1
"""Weight of the newest job in the mean job time."""


class _Job(Generic[Result]):
    """The work of one request, and its outcome: seconds and result."""

    def __init__(self, work: Callable[[], Result]):
        self._work = work
        self.future: Future[tuple[float, Result]] = Future()

    def run(self) -> None:
        """Run the work, in a thread, unless it was cancelled."""
        if not self.future.set_running_or_notify_cancel():
            return
        began = time.monotonic()
        try:
            result = self._work()
        except BaseException as error:
            self.future.set_exception(error)
            del self  # else the error holds this frame, and through it the job, which holds it
        else:
            self.future.set_result((time.monotonic() - began, result))


class WorkQueue:
    """`workers` threads, and at most `waiting` jobs waiting for them.

    Its methods are for the thread of the event loop; jobs may call `late`.
    """

    def __init__(self, workers: int, waiting: int):
        self.workers = workers
        self.limit = workers + waiting
        self.held = 0
        self._job_seconds = 0.1
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="work")
        # Not the executor's queue, which keeps cancelled jobs until a thread is free.
        self._jobs: deque[_Job[Any]] = deque()
        self._busy, self._lock = 0, Lock()

    @property
    def waiting(self) -> int:
        """Number of jobs not yet started."""
        return max(0, self.held - self.workers)

    @property
    def running(self) -> int:
        """Number of running jobs."""
        return min(self.held, self.workers)

    def retry_after(self) -> int:
        """Return the seconds after which the queue should have room."""
        seconds = math.ceil(self._job_seconds * self.held / self.workers)
        return min(max(1, seconds), LONGEST_RETRY)

    def late(self) -> ProblemError:
        """Return the problem of a request whose deadline has passed."""
        return unavailable(
            "the deadline passed before the picture was done; try again later",
            "deadline",
            self.retry_after(),
        )

    async def run(
        self,
        work: Callable[[], Result],
        deadline: float,
        held: AbstractContextManager[object] | None = None,
    ) -> Result:
        """Return the result of `work`; `deadline` is a time of `time.monotonic`.

        `held` is entered now, and left when the work has ended or was dropped: started work
        continues after this has returned. A job that is not started by the deadline, or whose
        caller is cancelled, is dropped at once, and nothing of it is kept.
        Errors: ProblemError 503 if the queue is full or the deadline has passed.
        """
        if self.held >= self.limit:
            raise unavailable(
                f"{self.held} pictures are in work or wait; try again later",
                "queue full",
                self.retry_after(),
            )
        job = self._submit(work, held or nullcontext())
        seconds = max(0.0, deadline - time.monotonic())
        try:
            return (await asyncio.wait_for(asyncio.wrap_future(job.future), seconds))[1]
        except TimeoutError:
            raise self.late() from None
        finally:
            self._drop(job)

    def _submit(
        self, work: Callable[[], Result], held: AbstractContextManager[object]
    ) -> _Job[Result]:
        loop = asyncio.get_running_loop()
        job = _Job(work)
        self.held += 1
        held.__enter__()
        job.future.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._finished, done, held)
        )
        with self._lock:
            self._jobs.append(job)
            needs_thread = self._busy < self.workers
            self._busy += needs_thread
        if needs_thread:
            self._threads.submit(self._work_off)
        return job

    def _work_off(self) -> None:
        """Run jobs, in a thread, until none waits."""
        while True:
            with self._lock:
                if not self._jobs:
                    self._busy -= 1
                    return
                job = self._jobs.popleft()
            job.run()
            del job  # else an error it raised holds this frame, and through it the job

    def _drop(self, job: _Job[Any]) -> None:
        """Remove a job that has not started."""
        if job.future.cancel():
            with self._lock:
                if job in self._jobs:
                    self._jobs.remove(job)

    def _finished(self, future: Future[Any], held: AbstractContextManager[object]) -> None:
        self.held -= 1
        held.__exit__(None, None, None)
        if future.cancelled() or future.exception() is not None:
            return  # dropped or refused, so its time is not representative
        seconds, _ = future.result()
        self._job_seconds += _FORGET * (seconds - self._job_seconds)

    def close(self) -> None:
        """Wait for running jobs, and drop the others."""
        with self._lock:
            dropped = list(self._jobs)
            self._jobs.clear()
        for job in dropped:
            job.future.cancel()
        self._threads.shutdown(wait=True)
