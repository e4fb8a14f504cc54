"""The same picture through Leadline and through other networks, in the same rounds.

    python benchmarks/peers.py [--rounds 11] [--threads 2] [--yolo PYTHON] [--cold 5]

Depth-Anything-V2-Small is built from its published configuration with random weights: speed does
not depend on them, and nothing is downloaded. It is timed network alone, in torch and in the same
OpenVINO as Leadline: its picture, 518x686, is a ready tensor. Leadline's calls go from uint8
480x640 to metres of that size, and from a JPEG file.

PYTHON is that of an environment with `ultralytics`: YOLO26n-depth is then built there from the YAML
that comes with it, with random weights, and predicts the same JPEG file. --cold times whole
processes: `leadline predict FILE` beside transformers' depth pipeline with Depth-Anything-V2-Small
saved in a folder.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from leadline.inference import Predictor
from leadline.inference.openvino_runtime import openvino_core, processor_name
from leadline.weights import DEFAULT_MODEL

YOLO = """
import sys, torch
from ultralytics import YOLO
model = YOLO("yolo26n-depth.yaml", task="depth")
torch.set_num_threads(int(sys.argv[1]))
for line in sys.stdin:
    model.predict(line.strip(), verbose=False, device="cpu")
    print("done", flush=True)
"""

PIPELINE = """
import sys
from transformers import pipeline
pipe = pipeline("depth-estimation", model=sys.argv[1], device="cpu")
pipe(sys.argv[2])["depth"].save(sys.argv[3])
"""


def depth_anything_small() -> torch.nn.Module:
    """Depth-Anything-V2-Small (Yang et al. 2024): DINOv2 ViT-S/14 and a DPT head."""
    backbone = Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=14,
        out_indices=[3, 6, 9, 12],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=384,
        neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
    )
    return DepthAnythingForDepthEstimation(config).eval()


class Alone(torch.nn.Module):
    """The network with one tensor out, as converters take it."""

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return its depth."""
        return self.network(pixels).predicted_depth


def in_openvino(
    network: torch.nn.Module, pixels: torch.Tensor, threads: int
) -> Callable[[], object]:
    """A call of a torch network in OpenVINO, bf16, as Leadline runs its own."""
    import openvino

    model = openvino.convert_model(Alone(network), example_input=pixels)
    model.reshape(list(pixels.shape))
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16",
        "INFERENCE_NUM_THREADS": threads,
    }
    compiled = openvino_core().compile_model(model, "CPU", options)
    values = pixels.numpy()
    return lambda: compiled([values], share_inputs=True)


def in_yolo(python: Path, picture: Path, threads: int) -> Callable[[], object]:
    """A call of YOLO26n-depth, file to result, in the process of another environment."""
    worker = subprocess.Popen(
        [python, "-c", YOLO, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin is not None and worker.stdout is not None

    def call() -> None:
        print(picture, file=worker.stdin, flush=True)
        while worker.stdout.readline().strip() != "done":
            if worker.poll() is not None:
                raise SystemExit("YOLO26n-depth did not run; see above")

    return call


def cold(peer: torch.nn.Module, picture: Path, folder: Path, rounds: int, model: str) -> None:
    """Time whole processes, file to file, in turns."""
    from transformers import DPTImageProcessor

    peer.save_pretrained(folder / "peer")
    size = {"height": 518, "width": 518}
    processor = DPTImageProcessor(size=size, keep_aspect_ratio=True, ensure_multiple_of=14)
    processor.save_pretrained(folder / "peer")
    python, out = sys.executable, folder / "out.png"
    commands = {
        f"leadline predict, {model}": [
            python,
            "-m",
            "leadline",
            "predict",
            picture,
            "-o",
            folder / "out",
            "--model",
            model,
        ],
        "transformers' pipeline": [python, "-c", PIPELINE, folder / "peer", picture, out],
    }
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if turn:  # the first round fills the caches
                spent[name].append(time.perf_counter() - started)
    print(f"whole processes, file to file, {rounds} rounds:")
    report({name: [1000 * each for each in values] for name, values in spent.items()})


def report(times: dict[str, list[float]]) -> None:
    """Print medians in milliseconds, and in units of the quickest way."""
    quickest = min(float(np.median(values)) for values in times.values())
    for name, values in times.items():
        low, median, high = np.percentile(values, [25, 50, 75])
        print(f"{name:<42}{median / quickest:>8.2f} {median:>9.1f} ms ({low:.1f} to {high:.1f})")


def main() -> None:
    """Measure in alternation, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="+", default=[DEFAULT_MODEL])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--yolo", type=Path, metavar="PYTHON")
    parser.add_argument("--cold", type=int, default=0, metavar="ROUNDS")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peer, pixels = depth_anything_small(), torch.rand(1, 3, 518, 686)
    parameters = sum(each.numel() for each in peer.parameters()) / 1e6
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)

    def run_peer(half: bool) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            peer(pixels)

    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "picture.jpg"
        cv2.imwrite(str(file), picture[:, :, ::-1])
        ways: dict[str, Callable[[], object]] = {}
        for model, precision in itertools.product(options.model, ("bf16", "f32")):
            predictor = Predictor.load(model, precision=precision, threads=options.threads)
            name = f"{model}, openvino {precision}"
            ways[name] = lambda p=predictor: p(picture)
            ways[f"{name}, from a file"] = lambda p=predictor: p(file)
        ways["Depth-Anything-V2-Small, openvino bf16"] = in_openvino(peer, pixels, options.threads)
        ways["Depth-Anything-V2-Small, torch bf16"] = lambda: run_peer(True)
        ways["Depth-Anything-V2-Small, torch f32"] = lambda: run_peer(False)
        if options.yolo is not None:
            ways["YOLO26n-depth, ultralytics, from a file"] = in_yolo(
                options.yolo, file, options.threads
            )
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(options.rounds + 1):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                if turn:  # the first round compiles
                    times[name].append(1000 * (time.perf_counter() - started))
        print(f"{processor_name()}, {options.rounds} rounds, {options.threads} threads, ", end="")
        print(f"load {os.getloadavg()[0]:.1f}, peer {parameters:.1f} M parameters")
        report(times)
        if options.cold:
            cold(peer, file, Path(temporary), options.cold, options.model[0])


if __name__ == "__main__":
    main()
