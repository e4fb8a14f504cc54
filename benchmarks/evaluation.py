"""What scoring costs beside predicting, and whether its memory grows with the images.

    python benchmarks/evaluation.py [--data DIR [--split val]] [--count 8] [--rounds 9]

Without --data it renders samples of its own (480x640, with holes and classes). Every image is
predicted by the shipped model in float32 and in bfloat16 and scored right after, as an evaluation
does it, in one process on one core. Counted is CPU time, the ways in alternation, medians of many
rounds: what other processes do to the clock of a shared machine cancels out. Then it scores 4 and
400 images in a row and prints the most memory that took.
"""

import argparse
import platform
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from leadline.datasets import Sample, open_data
from leadline.evaluation.breakdowns import BREAKDOWNS, Breakdowns
from leadline.evaluation.evaluate import evaluate
from leadline.evaluation.predictions import PredictedMaps
from leadline.export.parity import smooth_pictures
from leadline.inference import Predictor
from leadline.metrics import METRICS, Protocol, get_protocol
from leadline.metrics.depth_metrics import metric_set

PROTOCOL = "nyu-eigen"
MOST_IMAGES = 400


def cpu_name() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def render_samples(count: int) -> list[Sample]:
    """Return pictures of blobs with boxes of depth, 2 % of it missing, and a class for each box."""
    rng = np.random.default_rng(0)
    samples = []
    for index, image in enumerate(smooth_pictures(count, 480, 640)):
        depth = cv2.resize(rng.uniform(2, 9, (3, 4)).astype(np.float32), (640, 480))
        labels = np.zeros((480, 640), np.int32)
        for box in range(1, 40):
            top, left = rng.integers(0, 400), rng.integers(0, 560)
            height, width = rng.integers(20, 160, 2)
            part = np.s_[top : top + height, left : left + width]
            depth[part], labels[part] = depth[part] * rng.uniform(0.5, 0.95), box
        depth[rng.random(depth.shape) < 0.02] = 0
        samples.append(Sample.from_metres(f"{index}.png", image, depth, depth > 0, labels))
    return samples


class Repeated:
    """The same samples again and again, as a data set of `total`."""

    root = "samples in memory"

    def __init__(self, samples: list[Sample], total: int):
        self.samples, self.total = samples, total

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index % len(self.samples)]

    def sample_id(self, index: int) -> str:
        """Return the number of the sample as its id."""
        return str(index)


class OneMap:
    """The same prediction for every photograph."""

    def predict(self, sample: Sample) -> PredictedMaps:
        """Return a slanted wall."""
        wall = np.linspace(1, 6, sample.depth.size, dtype=np.float32)
        return PredictedMaps(wall.reshape(480, 640))


def scoring_ways(samples: list[Sample]) -> dict[str, Callable[[Sample, np.ndarray], object]]:
    """Return what is done with a prediction, by name."""
    protocol: Protocol = get_protocol(PROTOCOL)
    nine = metric_set(METRICS)
    breakdowns = Breakdowns(BREAKDOWNS, protocol)

    def table(sample: Sample, metres: np.ndarray) -> object:
        return nine.values(nine.sums(*protocol.score(metres, sample.depth, sample.valid).vectors))

    def reported(sample: Sample, metres: np.ndarray) -> object:
        return protocol.score(metres, sample.depth, sample.valid).metrics

    def everything(sample: Sample, metres: np.ndarray) -> object:
        compared = protocol.score(metres, sample.depth, sample.valid)
        breakdowns.update(0, sample, PredictedMaps(metres), compared)
        return compared.metrics

    return {
        "the nine metrics": table,
        "all that is reported": reported,
        "the same and every breakdown": everything,
    }


def cpu_milliseconds(samples: list[Sample], rounds: int) -> dict[str, dict[str, float]]:
    """Return {precision: {way: median CPU ms per image}}, "predicting" being the first way."""
    predictors = {
        precision: Predictor.load("compact-nyu", precision=precision, threads=1)
        for precision in ("f32", "bf16")
    }
    ways = scoring_ways(samples)
    times = {(p, way): [] for p in predictors for way in ("predicting", *ways)}
    for _ in range(1 + rounds):
        spent = dict.fromkeys(times, 0.0)
        for sample in samples:
            for precision, predictor in predictors.items():
                for way, score in ways.items():
                    started = time.process_time()
                    metres = predictor.predict_batch(sample.image[None]).depth[0]
                    predicted = time.process_time()
                    score(sample, metres)
                    spent[precision, way] += time.process_time() - predicted
                    spent[precision, "predicting"] += (predicted - started) / len(ways)
        for key, seconds in spent.items():
            times[key].append(1000 * seconds / len(samples))
    # The first round warms up.
    medians = {key: float(np.median(each[1:])) for key, each in times.items()}
    return {
        precision: {way: medians[precision, way] for way in ("predicting", *ways)}
        for precision in predictors
    }


def peak_memory(samples: list[Sample], total: int) -> float:
    """Return the most MB that scoring `total` images with every breakdown took."""
    data, predictions = Repeated(samples, total), OneMap()
    tracemalloc.start()
    evaluate(predictions, data, protocol=PROTOCOL, breakdowns=BREAKDOWNS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="480x640 with labels; default: rendered samples")
    parser.add_argument("--split")
    parser.add_argument("--count", type=int, default=8, help="images, evenly spaced over the data")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.data:
        data = open_data(options.data, options.split)
        samples = [data[int(i)] for i in np.linspace(0, len(data) - 1, options.count)]
    else:
        samples = render_samples(options.count)
    print(f"{len(samples)} images 480x640, {PROTOCOL}, {options.rounds} rounds, {cpu_name()}")
    print(f"{'one core, CPU time':<32}{'ms':>8}{'of predicting':>16}")
    for precision, ways in cpu_milliseconds(samples, options.rounds).items():
        for way, each in ways.items():
            print(f"{precision + ' ' + way:<32}{each:>8.2f}{each / ways['predicting']:>16.3f}")
    peak_memory(samples, 1)
    for total in (4, MOST_IMAGES):
        print(f"scoring {total} images with every breakdown: {peak_memory(samples, total):.1f} MB")


if __name__ == "__main__":
    main()
