"""Many sizes, many threads, many files: what each costs beside the plain case, in alternation.

    python benchmarks/many_pictures.py [--sizes 600] [--calls 200] [--files 2000] [--memory 2000]

Sizes: bf16 and f32 take turns over pictures of as many sizes as there are pictures, in a random
order one by one and by `predict_many`, and as a folder; memory is that of a fresh process with
compiled models in the cache, beside one that saw a single size. Threads: 8 threads share one
predictor, and take turns with a serial loop. Files: `leadline.inference.predict` over a folder of
JPEG files, loading the model included, takes turns with the network alone, called one by one and
several at once. Memory: that of `leadline predict` over a folder of so many pictures, beside one of
20. Ratios within one run are what to read; those of processor time feel a busy neighbour less.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from leadline.inference import OutputOptions, Predictor, predict
from leadline.inference.openvino_runtime import processor_name
from leadline.inference.precision import PrecisionOption
from leadline.io.jobs import default_workers
from leadline.weights import DEFAULT_MODEL

MEMORY = """
import re, sys
from pathlib import Path
import numpy as np
from leadline.inference import Predictor
model, precision, count, one = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "one"
predictor = Predictor.load(model, precision=precision)
rng = np.random.default_rng(0)
for size in rng.integers(160, 641, (count, 2)):
    predictor(np.full((640, 640, 3) if one else (*size, 3), 90, np.uint8))
# Not ru_maxrss, which begins with the peak of the process that started this one.
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024)
"""


FOLDER = """
import re, sys, warnings
from pathlib import Path
from leadline.inference import OutputOptions, predict
warnings.simplefilter("ignore")
model, photos, out, precision = sys.argv[1:]
predict(photos, out, model=model, precision=precision, output=OutputOptions("png16"))
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024)
"""


def picture(height: int, width: int, seed: int) -> np.ndarray:
    """Soft blobs of colour, (H,W,3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def seconds(call: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def many_sizes(model: str, count: int) -> None:
    """bf16 against f32 over pictures that all have another size, and the memory of both."""
    sizes = np.random.default_rng(0).integers(160, 641, (count, 2))
    pictures = [picture(h, w, i) for i, (h, w) in enumerate(sizes)]
    predictors = {name: Predictor.load(model, precision=name) for name in ("f32", "bf16")}
    times = dict.fromkeys(predictors, 0.0)
    for image in pictures:
        for name, predictor in predictors.items():
            times[name] += seconds(lambda p=predictor, x=image: p(x))
    print(
        f"{len({tuple(size) for size in sizes})} sizes: bf16 is {times['f32'] / times['bf16']:.2f}",
        end="",
    )
    rates = {name: count / spent for name, spent in times.items()}
    print(f" times as fast as f32 ({rates['bf16']:.1f} and {rates['f32']:.1f} images/s)")
    for name, predictor in predictors.items():
        times[name] = seconds(lambda p=predictor: list(p.predict_many(pictures)))
    print(
        f"by predict_many: bf16 is {times['f32'] / times['bf16']:.2f} times as fast as f32 (",
        end="",
    )
    print(f"{count / times['bf16']:.1f} and {count / times['f32']:.1f} images/s)")
    folder_of_sizes(model, pictures)
    for name in predictors:
        for kind in ("one", "many"):
            printed_by(MEMORY, model, name, "2", kind)  # fills the cache
        peak = [printed_by(MEMORY, model, name, str(count), kind) for kind in ("one", "many")]
        print(
            f"{name}: peak memory {peak[1]:.0f} MB of many sizes, {peak[0]:.0f} MB of one, ", end=""
        )
        print(f"ratio {peak[1] / peak[0]:.2f}")


def folder_of_sizes(model: str, pictures: Sequence[np.ndarray], rounds: int = 2) -> None:
    """bf16 against f32 over a folder of these pictures, from file to file."""
    times: dict[PrecisionOption, list[float]] = {"f32": [], "bf16": []}
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        for index, image in enumerate(pictures):
            cv2.imwrite(str(photos / f"{index:05}.jpg"), image)
        for turn in range(rounds + 1):
            for name, spent in times.items():
                out = Path(folder) / f"{name}{turn}"
                taken = seconds(lambda n=name, o=out: predict(photos, o, model=model, precision=n))
                spent.extend([taken] * bool(turn))  # the first round compiles
        alike = Path(folder) / "alike"
        alike.mkdir()
        for index in range(len(pictures)):
            cv2.imwrite(str(alike / f"{index:05}.jpg"), picture(640, 640, index))
        peak = {
            (name, kind): printed_by(FOLDER, model, str(Path(folder) / kind), f"{folder}/{i}", name)
            for name in times
            for i, kind in enumerate(("photos", "alike"))
        }
    exact, fast = (np.median(times[name]) for name in ("f32", "bf16"))
    count = len(pictures)
    print(f"a folder of them: bf16 is {exact / fast:.2f} times as fast as f32 (", end="")
    print(f"{count / fast:.1f} and {count / exact:.1f} images/s, loading and files included)")
    for name in times:
        many, one = peak[name, "photos"], peak[name, "alike"]
        print(
            f"{name}: peak memory {many:.0f} MB of a folder of many sizes, {one:.0f} MB of ", end=""
        )
        print(f"one, ratio {many / one:.2f}")


def many_threads(model: str, calls: int, rounds: int = 5) -> None:
    """8 threads against a serial loop, and whether they give the same metres."""
    predictor = Predictor.load(model, precision="f32")
    images = [picture(480, 640, i) for i in range(8)]
    expected = [predictor(image).depth for image in images]
    serial, shared, errors = [], [], 0
    with ThreadPoolExecutor(8) as threads:
        for _ in range(rounds):
            part = [i % 8 for i in range(8 * calls // rounds)]
            serial.append(seconds(lambda p=part: [predictor(images[i]) for i in p]))
            results: list[np.ndarray] = []

            def together(numbers: list[int] = part, depths: list[np.ndarray] = results) -> None:
                chosen = [images[i] for i in numbers]
                depths.extend(each.depth for each in threads.map(predictor, chosen))

            shared.append(seconds(together))
            errors += sum(
                not np.allclose(depth, expected[i], atol=1e-4)
                for i, depth in zip(part, results, strict=True)
            )
    ratios = np.array(serial) / np.array(shared)
    print(f"8 threads x {calls} calls: {errors} wrong, throughput of 8 threads / of one ", end="")
    print(f"{np.median(ratios):.2f} (rounds {ratios.min():.2f} to {ratios.max():.2f})")


def many_files(model: str, count: int, rounds: int) -> None:
    """A folder of JPEG files to depth files against the network alone, in both of its forms."""
    one_by_one, together = (
        Predictor.load(model, hint=hint, uncertainty=False) for hint in ("latency", "throughput")
    )
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(default_workers()) as threads:
        photos, image = Path(folder) / "photos", picture(480, 640, 0)[None]
        photos.mkdir()
        part = max(2, count // rounds)
        for index in range(part):
            cv2.imwrite(str(photos / f"{index:05}.jpg"), picture(480, 640, index))
        ways = {
            "network, one by one": lambda: [one_by_one.predict_batch(image) for _ in range(part)],
            "network, several at once": lambda: list(
                threads.map(lambda _: together.predict_batch(image), range(part))
            ),
        }
        for name in ("npy", "png16"):
            out = Path(folder) / name
            ways[f"folder to {name}"] = lambda n=name, o=out: predict(
                photos, o, model=model, output=OutputOptions(n)
            )
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        one_by_one.predict_batch(image)  # compiles
        together.predict_batch(image)
        for _ in range(rounds):
            for name, way in ways.items():
                before = time.process_time()
                wall = seconds(way)
                spent[name].append((wall, time.process_time() - before))
    print(f"{rounds} x {part} JPEG files of 480x640, as rates of the network alone:")
    for name, values in list(spent.items())[2:]:
        for bare in list(spent)[:2]:
            ratios = np.array(spent[bare]) / np.array(values)
            wall, processor = np.median(ratios, axis=0)
            print(f"  {name} / {bare}: {wall:.2f} ({ratios[:, 0].min():.2f} to ", end="")
            print(f"{ratios[:, 0].max():.2f}), by processor time {processor:.2f}")


def printed_by(code: str, *arguments: str) -> float:
    """The number that a fresh process prints."""
    return float(subprocess.check_output([sys.executable, "-c", code, *arguments]))


def many_kept(model: str, count: int, few: int = 20) -> None:
    """Peak memory of a folder of so many pictures, and of one of a few."""
    peak = {}
    for number in (few, count):
        with tempfile.TemporaryDirectory() as folder:
            photos = Path(folder) / "photos"
            photos.mkdir()
            cv2.imwrite(str(photos / "00000.jpg"), picture(480, 640, 0))
            for index in range(1, number):
                (photos / f"{index:05}.jpg").hardlink_to(photos / "00000.jpg")
            peak[number] = printed_by(FOLDER, model, str(photos), f"{folder}/out", "auto")
    print(f"a folder of {count} pictures: peak memory {peak[count]:.0f} MB, of {few} ", end="")
    print(f"{peak[few]:.0f} MB, ratio {peak[count] / peak[few]:.2f}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, default=600)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2, help="parts that the files come in")
    parser.add_argument("--memory", type=int, default=2000)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    print(f"{options.model}, {processor_name()}, ", end="")
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}")
    if options.sizes:
        many_sizes(options.model, options.sizes)
    if options.calls:
        many_threads(options.model, options.calls)
    if options.files:
        many_files(options.model, options.files, options.rounds)
    if options.memory:
        many_kept(options.model, options.memory)


if __name__ == "__main__":
    main()
