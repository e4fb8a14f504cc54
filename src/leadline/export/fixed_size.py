"""Files for phones and small boards: from one photograph of one size to metres.

ExecuTorch plans its memory for every possible size, and LiteRT takes fixed shapes, so the size is
chosen at export. Both run their XNNPACK kernels on the processor.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.errors import LeadlineError, one_line
from leadline.inference.runtime import Outputs, Runtime, in_file_order
from leadline.inference.runtime_config import ChannelOrder, RuntimeConfig
from leadline.io.atomic import atomic_path
from leadline.models.base import DepthModel
from leadline.models.pipeline import InferencePipeline

EXECUTORCH, LITERT = ".pte", ".tflite"
ENGINES = {EXECUTORCH: "executorch", LITERT: "litert"}
OUTPUTS = ("depth", "uncertainty", "validity", "novelty", "labels")
"""The possible outputs of a file, in this order; the file has no names for them."""


class FixedSize(nn.Module):
    """`InferencePipeline` with its outputs as a tuple."""

    def __init__(self, model: DepthModel, input_channels: ChannelOrder = "rgb"):
        super().__init__()
        self.pipeline = InferencePipeline(copy.deepcopy(model).cpu().eval())
        self.takes_bgr = input_channels == "bgr"

    def outputs(self, image: Tensor) -> dict[str, Tensor]:
        """Return {"depth": (1,H,W) float32 metres, ...} for `image` (1,H,W,3) uint8."""
        outputs: dict[str, Tensor] = self.pipeline(image.flip(-1) if self.takes_bgr else image)
        return {name: outputs[name] for name in OUTPUTS if name in outputs}

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the values of `outputs`, without names."""
        return tuple(value.contiguous() for value in self.outputs(image).values())


class FixedRuntime(Runtime):
    """A file for one photograph of one size, in its engine.

    `names` are the names of its outputs, in order.
    """

    def __init__(self, path: Path, names: Sequence[str], config: RuntimeConfig):
        self.names = tuple(names)
        self.config = config
        self.name = ENGINES[path.suffix]
        opener = _open_executorch if path.suffix == EXECUTORCH else _open_litert
        with quiet(), _explained(path.name, self.name, "cannot open this file"):
            # From bytes, so that the file itself is not kept open.
            self._call = opener(path.read_bytes())

    def run(self, images: NDArray[np.uint8]) -> Outputs:
        """Return the outputs by name for images (N,H,W,3) uint8 RGB, one after the other."""
        ordered = in_file_order(images, self.config)
        with _explained("the file", self.name, "cannot run this network"):
            rows = [self._call(np.ascontiguousarray(each[None])) for each in ordered]
        return {
            name: np.concatenate([row[index] for row in rows])
            for index, name in enumerate(self.names)
        }


def write_fixed(
    model: DepthModel, path: Path, size: tuple[int, int], input_channels: ChannelOrder
) -> FixedRuntime:
    """Write a `.pte` (ExecuTorch) or `.tflite` (LiteRT) for a photograph of `size` (H,W).

    Returns the file loaded in its engine.
    Errors: LeadlineError if the engine is not installed or cannot express the network.
    """
    whole = FixedSize(model, input_channels).requires_grad_(False)
    example = (torch.zeros(1, *size, 3, dtype=torch.uint8),)
    engine = ENGINES[path.suffix]
    with quiet():
        convert = _executorch_converter() if path.suffix == EXECUTORCH else _litert_converter()
        with torch.no_grad():
            names = list(whole.outputs(*example))
            with _explained(path.name, engine, "cannot express this network"):
                content = convert(whole, example)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    config = replace(RuntimeConfig.from_model(model.config), input_channels=input_channels)
    return FixedRuntime(path, names, config)


@contextmanager
def _explained(name: str, engine: str, what: str) -> Iterator[None]:
    """Turn the exceptions of an engine, of many types, into LeadlineError."""
    try:
        yield
    except Exception as error:
        raise LeadlineError(f"{name}: {engine} {what} ({one_line(error)[:200]})") from error


def _executorch_converter() -> Any:
    try:
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower
    except ModuleNotFoundError as error:
        raise LeadlineError(".pte needs ExecuTorch: pip install 'leadline[executorch]'") from error

    def convert(whole: nn.Module, example: tuple[Tensor, ...]) -> bytes:
        program = torch.export.export(whole, example, strict=False)
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return bytes(lowered.to_executorch().buffer)

    return convert


def _litert_converter() -> Any:
    try:
        import litert_torch
    except ModuleNotFoundError as error:
        raise LeadlineError(".tflite needs LiteRT: pip install 'leadline[litert]'") from error

    def convert(whole: nn.Module, example: tuple[Tensor, ...]) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m.tflite"
            litert_torch.convert(whole, example).export(str(path))
            return path.read_bytes()

    return convert


def _open_executorch(content: bytes) -> Any:
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(content)
    method = program.load_method("forward")

    def call(image: NDArray[np.uint8], _alive: Any = (content, program)) -> list[NDArray[Any]]:
        return [value.numpy().copy() for value in method.execute([torch.from_numpy(image)])]

    return call


def _open_litert(content: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    [(signature, names)] = interpreter.get_signature_list().items()
    runner = interpreter.get_signature_runner(signature)
    [taken] = names["inputs"]

    def call(image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        values = runner(**{taken: image})
        # They are named output_0, output_1, ... and listed in any order.
        return [np.array(values[name]) for name in sorted(names["outputs"], key=_number_of)]

    return call


def _number_of(name: str) -> int:
    return int(name.rpartition("_")[2])


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the output of the engines and their converters.

    Parts of them are not Python, so standard output and error of the process are redirected to
    nowhere for the time.
    """
    kept: dict[int, int] = {}
    disabled = logging.root.manager.disable
    _flush()
    try:
        with Path(os.devnull).open("w") as nowhere:
            for number in (1, 2):
                with suppress(OSError):  # the process lacks that stream
                    kept[number] = os.dup(number)
                    os.dup2(nowhere.fileno(), number)
        logging.disable(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        _flush()
        for number, saved in kept.items():
            os.dup2(saved, number)
            os.close(saved)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
