"""A depth model of transformers as one file, for photographs of one size, its processing inside.

What its image processor does is written in Python, and differs from model to model; but for
photographs of one size it is a resize, which is linear and the same for every row and for every
column, then a scale and an offset of each colour. So the processor is asked what it makes of each
row and of each column, and the answers are two matrices; those of the way back are found alike.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor, nn

from leadline.errors import LeadlineError, one_line, size_words
from leadline.export.exporter import QuietExporter, strip_traces
from leadline.export.graph import IR_VERSION, OPSET
from leadline.export.sidecar import ABOUT_KEY
from leadline.inference.runtime import CONFIG_KEY, PICTURE_SIZE_KEY
from leadline.inference.transformers_runtime import TransformersRuntime

CHUNK = 30
"""Pictures that are given to a processor at a time."""
Rounding = Literal["none", "once", "twice"]
"""Where a processor that resizes bytes rounds: at the end, or after the columns and at the end."""
LARGEST_ERROR = 2.5
"""Of 255: what one pixel may differ from what the processor says."""


class WholeModel(nn.Module):
    """Photographs (1,H,W,3) uint8 RGB of one size to metres (1,H,W), all in torch.

    Errors: LeadlineError for a model without metres, or whose processing is of another kind.
    """

    rows: Tensor
    columns: Tensor
    scale: Tensor
    offset: Tensor
    rows_back: Tensor
    columns_back: Tensor

    def __init__(self, runtime: TransformersRuntime, size: tuple[int, int]):
        super().__init__()
        if runtime.kind != "metric":
            raise LeadlineError(
                f"export writes metres, and this model predicts {runtime.kind}, which has no unit; "
                "take a metric one"
            )
        self.network, self.config = runtime.network, runtime.config
        rows, columns, scale, offset = _forward_matrices(runtime, size)
        self.rounding = _rounding(runtime, size, rows, columns, scale, offset)
        if self.rounding == "twice":
            rows, columns = _fixed_point(rows), _fixed_point(columns)
        with torch.inference_mode():
            small = self.network(torch.zeros(1, 3, len(rows), len(columns))).predicted_depth
        rows_back, columns_back = _matrices(
            lambda maps: _back(runtime, maps, size), (small.shape[-2], small.shape[-1])
        )
        for name, values in {
            "rows": rows, "columns": columns.T, "scale": scale[:, None, None],
            "offset": offset[:, None, None], "rows_back": rows_back,
            "columns_back": columns_back.T,
        }.items():  # fmt: skip
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values)).float())

    def forward(self, image: Tensor) -> Tensor:
        """Return metres (1,H,W) for an image (1,H,W,3) uint8."""
        values = image.permute(0, 3, 1, 2).float() @ self.columns
        if self.rounding == "twice":
            values = (values + 0.5).floor().clamp(0, 255)
        values = self.rows @ values
        if self.rounding != "none":
            values = (values + 0.5).floor().clamp(0, 255)
        depth = self.network(values * self.scale + self.offset).predicted_depth
        metres: Tensor = self.rows_back @ depth.reshape(1, *depth.shape[-2:]) @ self.columns_back
        return metres


def _matrices(
    resize: Callable[[NDArray[np.float32]], NDArray[Any]], size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrices (h,H) and (w,W) of a resize of maps (N,H,W) of `size` to (N,h,w)."""
    found = []
    for axis in (0, 1):
        parts = []
        for start in range(0, size[axis], CHUNK):
            stop = min(start + CHUNK, size[axis])
            maps = np.zeros((stop - start, *size), np.float32)
            for number, place in enumerate(range(start, stop)):
                maps[(number, place) if axis == 0 else (number, slice(None), place)] = 1
            # Every row, or every column, of an answer is the same but for rounding.
            parts.append(resize(maps).mean(axis=2 - axis, dtype=np.float64))
        found.append(np.concatenate(parts).T)
    return found[0], found[1]


def _forward_matrices(
    runtime: TransformersRuntime, size: tuple[int, int]
) -> tuple[NDArray[np.float64], ...]:
    """Return matrices (h,H), (w,W) and scale and offset (3,) of what goes into the network."""

    def processed(images: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(runtime.prepare(list(images))["pixel_values"], dtype=np.float64)

    black, white = (
        processed(np.full((1, *size, 3), value, np.float32))[0].mean(axis=(1, 2))
        for value in (0, 255)
    )

    def resize(maps: NDArray[np.float32]) -> NDArray[np.float64]:
        # Three maps are the three colours of one picture.
        padded = np.concatenate([maps, np.zeros((-len(maps) % 3, *size), np.float32)])
        images = 255 * padded.reshape(-1, 3, *size).transpose(0, 2, 3, 1)
        values = processed(images) - black[:, None, None]
        values /= (white - black)[:, None, None]
        answers: NDArray[np.float64] = values.reshape(-1, *values.shape[2:])[: len(maps)]
        return answers

    rows, columns = _matrices(resize, size)
    return rows, columns, (white - black) / 255, black


def _back(
    runtime: TransformersRuntime, maps: NDArray[np.float32], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Return what is made of predictions (N,h,w) for photographs of `size`."""
    from types import SimpleNamespace

    whole = [
        runtime.finish(SimpleNamespace(predicted_depth=torch.from_numpy(each[None])), size)
        for each in maps
    ]
    return np.stack([each.squeeze().numpy() for each in whole])


def _rounding(
    runtime: TransformersRuntime, size: tuple[int, int], rows: NDArray[np.float64],
    columns: NDArray[np.float64], scale: NDArray[np.float64], offset: NDArray[np.float64],
) -> Rounding:  # fmt: skip
    """Return which rounding gives what the processor makes of a picture, of random bytes.

    Errors: LeadlineError where none does: its processing is no resize of one kind.
    """
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    pixels = np.asarray(runtime.prepare([picture])["pixel_values"][0], dtype=np.float64)
    expected = (pixels - offset[:, None, None]) / scale[:, None, None]
    values = picture.transpose(2, 0, 1).astype(np.float64)
    exact = rows @ values @ columns.T
    made: dict[Rounding, NDArray[np.float64]] = {
        "none": exact,
        "once": _to_bytes(exact),
        "twice": _to_bytes(_fixed_point(rows) @ _to_bytes(values @ _fixed_point(columns).T)),
    }
    errors = {name: np.abs(each - expected) for name, each in made.items()}
    best = min(errors, key=lambda name: float(errors[name].mean()))
    if not errors[best].max() <= LARGEST_ERROR:
        raise LeadlineError(
            f"its processing of {size_words(size)} photographs is no resize alone (it differs "
            f"by {errors[best].max():.3g} of 255); such a model cannot be exported"
        )
    return best


def _to_bytes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values as bytes hold them, a half upwards."""
    return np.floor(values + 0.5).clip(0, 255)


def _fixed_point(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights as torch has them when it resizes bytes: of 16 bits, the finest that fit."""
    bits = 0
    while bits < 22 and int(0.5 + matrix.max() * 2 ** (bits + 1)) < 2**15:
        bits += 1
    rounded: NDArray[np.float64] = np.rint(matrix * 2**bits) / 2**bits
    return rounded


def transformers_to_onnx(
    model: WholeModel, size: tuple[int, int], about: Mapping[str, Any]
) -> onnx.ModelProto:
    """Return the graph of a whole model for photographs of one size, and its metadata."""
    example = torch.zeros(1, *size, 3, dtype=torch.uint8)
    try:
        with warnings.catch_warnings(), QuietExporter(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model, (example,), dynamo=True, opset_version=OPSET, external_data=False,
                input_names=["image"], output_names=["depth"], verbose=False, optimize=True,
            )  # fmt: skip
    except (RuntimeError, torch.onnx.OnnxExporterError) as error:
        raise LeadlineError(
            f"torch cannot write this network as ONNX ({one_line(error)[:200]})"
        ) from error
    graph = cast(onnx.ModelProto, program.model_proto)  # type: ignore[union-attr]
    graph.ir_version = IR_VERSION
    graph.producer_name = "leadline"
    strip_traces(graph)
    texts = {
        CONFIG_KEY: {**model.config, PICTURE_SIZE_KEY: list(size)},
        ABOUT_KEY: dict(about),
    }
    helper.set_model_props(graph, {key: json.dumps(text) for key, text in texts.items()})
    return graph
