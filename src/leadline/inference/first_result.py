"""Measure the time and memory that a new process needs for its first prediction.

`python -m leadline.inference.first_result OPTIONS`, with OPTIONS in JSON, prints JSON.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.errors import LeadlineError
from leadline.inference.load_options import LoadOptions
from leadline.inference.predictor import Predictor

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class FirstResult:
    """Seconds from the start of a process to its first depth map, and its peak memory in MB.

    `memory_mb` is None on systems without Linux's /proc.
    """

    seconds: float
    memory_mb: float | None


def first_result(
    model: str | Path, options: LoadOptions, shape: tuple[int, int, int]
) -> FirstResult:
    """Start a process that loads a model and predicts a batch of pictures of `shape` (N,H,W).

    Errors: LeadlineError if the process fails.
    """
    given = json.dumps({"model": str(model), "options": asdict(options), "shape": shape})
    command = [sys.executable, "-m", "leadline.inference.first_result", given]
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - started
        _, problems = process.communicate()
    if not line:
        reason = (problems.strip().splitlines() or ["no word"])[-1]
        raise LeadlineError(f"{model}: a fresh process fails ({reason})")
    return FirstResult(seconds, json.loads(line))


def _predict(model: str, options: Mapping[str, Any], shape: tuple[int, int, int]) -> float | None:
    """Predict, and return the peak memory of this process in MB."""
    pictures = np.full((*shape, 3), 90, np.uint8)
    predictor = Predictor.load(model, **options)
    if len(pictures) == 1:
        predictor(pictures[0])
    else:
        predictor.predict_batch(pictures)
    # Not getrusage: its peak includes that of the parent process.
    status = STATUS.read_text() if STATUS.is_file() else ""
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return None if peak is None else int(peak[1]) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps(_predict(**json.loads(sys.argv[1]))), flush=True)
