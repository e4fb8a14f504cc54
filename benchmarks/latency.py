"""How long one photograph takes: uint8 480x640 in, metres 480x640 out, resizing included.

    python benchmarks/latency.py [--model MODEL] [--checkpoint RUN] [--height 480 --width 640]

The ways are measured in alternation and the median of many rounds is reported, as a ratio to the
slowest: absolute times of a shared machine mean little by themselves.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from leadline.export.parity import smooth_pictures
from leadline.inference import Predictor


def cpu_name() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact-nyu")
    parser.add_argument("--checkpoint", help="run folder, to measure torch too")
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=41)
    options = parser.parse_args()

    images = smooth_pictures(1, options.height, options.width)
    ways: dict[str, Callable[[], object]] = {}
    for precision in ("f32", "bf16"):
        predictor = Predictor.load(options.model, precision=precision)
        ways[f"openvino {precision}"] = lambda p=predictor: p.predict_batch(images)
    if options.checkpoint:
        in_torch = Predictor.load(options.checkpoint)
        ways["torch f32"] = lambda: in_torch.predict_batch(images)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(options.rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(1000 * (time.perf_counter() - started))
    medians = {name: float(np.median(values)) for name, values in times.items()}
    slowest = max(medians.values())
    print(f"{options.model}, {options.height}x{options.width}, {cpu_name()}, ", end="")
    print(f"{len(os.sched_getaffinity(0))} cores, {options.rounds} rounds")
    print(f"{'way':<16}{'median ms':>10}{'best ms':>10}{'times as fast':>15}")
    for name, median in medians.items():
        print(f"{name:<16}{median:>10.1f}{min(times[name]):>10.1f}{slowest / median:>15.2f}")


if __name__ == "__main__":
    main()
