"""Speed of the published networks in OpenVINO and in torch, beside plain eager torch.

    python benchmarks/networks.py [MODEL]... [--rounds 11] [--folder KEPT]

Each network is built with the encoder of its document and random weights, which speed does not
depend on, and takes a ready picture of 480x640. The ways take turns; "eager" is the network as
PyTorch runs it by default, in float32 and NCHW, in a process of its own, since the torch runtime
changes how memory is kept in its process; the torch runtime's row goes from bytes to metres.
Files that were made, of float32 and of int8 by NNCF, are kept in --folder for the next run.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from openvino._offline_transformations import apply_moc_transformations

from leadline.export.exporter import to_onnx, write_exported
from leadline.export.files import write_openvino
from leadline.inference.graph_parts import cut_network
from leadline.inference.openvino_runtime import openvino_core, processor_name
from leadline.inference.runtimes import TorchRuntime
from leadline.models import DepthModel, ModelConfig, create_model
from leadline.models.catalog import CATALOG

MODELS = ["densedepth", "vgg19-fcn", "resnet34-unet", "resnet50-upproj", "compact"]
SIZE = (480, 640)
CALIBRATED_ON = 1


def build(name: str) -> DepthModel:
    """A network of the catalogue that processes SIZE, with random weights."""
    info = CATALOG[name]
    area = SIZE[0] * SIZE[1]
    config = ModelConfig(name, stride=info.stride, training_area=area, options=dict(info.options))
    return create_model(config, seed=0).eval()


def network_file(model: DepthModel, path: Path) -> Any:
    """The network between the resizes, as `leadline export` writes it; to `path` once."""
    if not path.exists():
        write_exported(to_onnx(model), path, "f32")
    cut = cut_network(openvino_core().read_model(path))
    assert cut is not None
    return cut.model


def eight_bits(network: Any, path: Path) -> Any:
    """The same in int8, calibrated on noise: for its speed alone."""
    if not path.exists():
        import nncf

        network = network.clone()
        apply_moc_transformations(network, cf=True)  # joins convolutions with their BatchNorm
        rng = np.random.default_rng(0)
        pictures = [rng.random((1, 3, *SIZE), dtype=np.float32) for _ in range(CALIBRATED_ON)]
        write_openvino(
            nncf.quantize(network, nncf.Dataset(pictures), subset_size=CALIBRATED_ON), path
        )
    return openvino_core().read_model(path)


def in_openvino(network: Any, precision: str, threads: int) -> Callable[[], object]:
    """A call of a compiled network."""
    network = network.clone()
    network.reshape([1, 3, *SIZE])
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
    }
    compiled = openvino_core().compile_model(network, "CPU", options)
    picture = np.random.default_rng(0).random((1, 3, *SIZE), dtype=np.float32)
    return lambda: compiled([picture], share_inputs=True)


def ways_of(name: str, folder: Path, threads: int) -> dict[str, Callable[[], object]]:
    """Every way of running one network, eager first."""
    model = build(name)
    network = network_file(model, folder / f"{name}.onnx")
    quantised = eight_bits(network, folder / f"{name}-int8.xml")
    picture = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3), dtype=np.uint8)
    model.save(folder / name)
    exact, halved = (TorchRuntime(folder / name, threads, precision=p) for p in ("f32", "bf16"))
    return {
        "eager f32": OtherProcess(name, threads),
        "torch runtime f32": lambda: exact.run(picture),
        "torch runtime bf16": lambda: halved.run(picture),
        "OpenVINO f32": in_openvino(network, "f32", threads),
        "OpenVINO bf16": in_openvino(network, "bf16", threads),
        "OpenVINO int8": in_openvino(quantised, "f32", threads),
    }


def serve_eager(pipe: Connection, name: str, threads: int) -> None:
    """Run a network as torch does by itself, each time that something comes through the pipe."""
    torch.set_num_threads(threads)
    model, tensor = build(name), torch.rand(1, 3, *SIZE)
    with suppress(EOFError):  # the other end is closed: there is nothing more to run
        while pipe.recv():
            wall, processor = time.perf_counter(), time.process_time()
            with torch.no_grad():
                model(tensor)
            pipe.send((time.perf_counter() - wall, time.process_time() - processor))


class OtherProcess:
    """A call of the eager network in a process of its own; returns its wall and processor time."""

    def __init__(self, name: str, threads: int):
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        context.Process(target=serve_eager, args=(theirs, name, threads), daemon=True).start()

    def __call__(self) -> tuple[float, float]:
        """Run it once."""
        self._pipe.send(True)
        return cast("tuple[float, float]", self._pipe.recv())


def measure(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """(rounds, 2) wall and processor seconds of each way, in turns."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            said = way()
            taken = time.perf_counter() - wall, time.process_time() - processor
            if turn:  # the first round warms up
                spent[name].append(said if isinstance(way, OtherProcess) else taken)
    return {name: np.array(values) for name, values in spent.items()}


def main() -> None:
    """Measure each network by itself, and print its ratios to eager torch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--prepare", action="store_true", help="make the files alone")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.models:
            ways = ways_of(name, folder, options.threads)
            if options.prepare:
                continue
            spent = measure(ways, options.rounds)
            eager = spent["eager f32"]
            print(f"{name}, 480x640, {processor_name()}, {options.rounds} rounds, ", end="")
            print(f"{options.threads} threads, load {os.getloadavg()[0]:.1f}")
            for way, values in spent.items():
                ratios = eager / values
                wall, processor = np.median(ratios, axis=0)
                low, high = np.percentile(ratios[:, 0], [25, 75])
                print(f"  {way:<20}{wall:>6.2f} x eager ({low:.2f} to {high:.2f}), ", end="")
                print(f"by processor time {processor:.2f}")


if __name__ == "__main__":
    main()
