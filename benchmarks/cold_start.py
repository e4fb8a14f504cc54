"""What one prediction in a fresh process costs, model file by model file, in alternating rounds.

    leadline export compact-nyu --format openvino -o out
    leadline export compact-nyu --format onnx -o out
    python benchmarks/cold_start.py compact-nyu out/compact-nyu.onnx out/compact-nyu.xml

Processor seconds (user and system, all threads) come first, since a busy neighbour changes them
less than the clock. The last line is the checksum's part of it.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from leadline.inference import find_model
from leadline.io.checksums import verify_weights

PREDICT = """
import sys, numpy, leadline
leadline.load(sys.argv[1])(numpy.full((480, 640, 3), 90, numpy.uint8))
"""


def main() -> None:
    """Time every model in turn, round after round, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="+", help="shipped model, .onnx or .xml")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {model: [] for model in options.models}
    for _ in range(options.rounds + 1):
        for model, seconds in times.items():
            seconds.append(one_process(model))
    for model, seconds in times.items():
        processor, clock = zip(*seconds[1:], strict=True)  # the first one fills the file cache
        print(
            f"{model}: {median(processor):.2f} s of processor, {median(clock):.2f} s by the clock"
        )
    path = find_model(options.models[0])
    print(f"checksum of {path.name}: {1000 * min(checking(path) for _ in range(11)):.1f} ms")


def one_process(model: str) -> tuple[float, float]:
    """Return processor and clock seconds of a new process that predicts one picture."""
    before, start = processor_seconds(), time.perf_counter()
    subprocess.run([sys.executable, "-c", PREDICT, model], check=True)
    return processor_seconds() - before, time.perf_counter() - start


def processor_seconds() -> float:
    """Return user and system seconds of all child processes so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def checking(path: Path) -> float:
    """Return the processor seconds that comparing a file with its checksum takes."""
    start = time.process_time()
    verify_weights(path)
    return time.process_time() - start


if __name__ == "__main__":
    main()
