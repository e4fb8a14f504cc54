"""Worker processes that end with the process that started them, even where that is killed."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """Let this worker process end as soon as its parent is gone; to be called in the worker.

    A pool's workers would otherwise wait for work for ever, with all their memory.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
