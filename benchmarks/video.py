"""How fast `leadline.video` is beside the network alone, on a clip that is made here.

    python benchmarks/video.py [--frames 300] [--rounds 5]

The clip is 480x854 (480p), H.264. The network alone predicts its decoded frames, several at once,
as video does; both take turns. Ratios within one run are what to read; processor time includes
loading the model for each video.
"""

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from leadline.inference import Predictor
from leadline.inference.openvino_runtime import processor_name
from leadline.inference.predict_video import video
from leadline.io.jobs import default_workers
from leadline.weights import DEFAULT_MODEL

HEIGHT, WIDTH, RATE = 480, 854, 25


def write_clip(path: Path, count: int) -> list[np.ndarray]:
    """A picture of soft blobs that moves sideways; returns some of its frames."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 24, 3), dtype=np.uint8)
    wide = cv2.resize(coarse, (WIDTH + count, HEIGHT), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for number in range(count):
            pixels = np.ascontiguousarray(wide[:, number : number + WIDTH])
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return [np.ascontiguousarray(wide[None, :, step : step + WIDTH]) for step in range(16)]


def main() -> None:
    """Measure in turns, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    predictor = Predictor.load(options.model, hint="throughput", uncertainty=False)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(default_workers()) as threads:
        clip = Path(folder) / "clip.mp4"
        frames = write_clip(clip, options.frames)
        bare, whole, rates = [], [], []
        for turn in range(options.rounds + 1):
            started, processor = time.perf_counter(), time.process_time()
            numbers = range(options.frames)
            list(threads.map(lambda i: predictor.predict_batch(frames[i % len(frames)]), numbers))
            network = time.perf_counter() - started, time.process_time() - processor
            processor = time.process_time()
            out = Path(folder) / "out.mp4"
            result = video(clip, out, model=options.model, color_range=(0.5, 8.0))
            if turn:  # the first round compiles
                bare.append(network)
                whole.append((result.seconds, time.process_time() - processor))
                rates.append(result.rate)
    ratios = np.array(bare) / np.array(whole)
    wall, used = np.median(ratios, axis=0)
    print(f"{options.model}, {predictor.precision}, {processor_name()}")
    print(f"{options.rounds} x {options.frames} frames of {HEIGHT}x{WIDTH}, ", end="")
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}")
    print(f"file to file: {wall:.2f} of the network's rate ({ratios[:, 0].min():.2f} to ", end="")
    print(f"{ratios[:, 0].max():.2f}), by processor time {used:.2f}; ", end="")
    print(f"{np.median(rates):.1f} frames/s (median)")


if __name__ == "__main__":
    main()
