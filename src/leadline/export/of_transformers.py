"""A depth model of transformers as one file for photographs of one size, including its processing.

Its image processor is written in Python and differs between models. For photographs of one size,
however, it is a resize, which is linear and separable into rows and columns, followed by a scale
and an offset per colour. Mostly it is a resize of torch, whose two matrices are known exactly; for
any other processor, they are measured by its response to each row and column. The matrices of the
post-processing are measured likewise.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from leadline.export.softplus import replace_softplus
from leadline.inference.runtime import CONFIG_KEY
from leadline.inference.runtime_config import PICTURE_SIZE_KEY
from leadline.inference.transformers_runtime import TransformersRuntime
from leadline.io.checksums import ABOUT_KEY

CHUNK = 30
"""Number of pictures given to a processor at a time."""
Rounding = Literal["none", "once", "twice"]
"""Where a processor that resizes bytes rounds: at the end, or also after the columns."""
SHRINKING = tuple({"mode": mode, "antialias": True} for mode in ("bicubic", "bilinear"))
"""The resizes of bytes in torch."""
WAYS_BACK = tuple(
    {"mode": mode, "align_corners": aligned}
    for mode in ("bicubic", "bilinear")
    for aligned in (False, True)
)
SAME = 1e-5
"""Tolerance for values of 0 to 1: the float32 rounding of one resize."""
EXACT = 0.01
"""Tolerance for values of 0 to 255 if the processor's resize is known."""
LARGEST_ERROR = 2.5
"""Tolerance for values of 0 to 255 if the resize was measured, as weights then round otherwise."""


@dataclass(frozen=True)
class Processing:
    """The preprocessing of photographs: (rows @ image @ columns.T) * scale + offset.

    `rows` (h,H) and `columns` (w,W) float64, `scale` and `offset` (3,) per colour, for values of 0
    to 255, which are rounded as `rounding` says; if twice, the matrices hold the weights that torch
    uses for bytes.
    """

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    rounding: Rounding
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]


class WholeModel(nn.Module):
    """Photographs (1,H,W,3) uint8 RGB of one size to metres (1,H,W), all in torch.

    Errors: LeadlineError for a model without metres, or with processing of another kind.
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
        self.network, self.model_type = runtime.network, runtime.model_type
        before = _processing(runtime, size)
        self.rounding = before.rounding
        shape = (1, 3, len(before.rows), len(before.columns))
        with torch.inference_mode():
            small = self.network(torch.zeros(shape)).predicted_depth
        rows_back, columns_back = _back_matrices(runtime, tuple(small.shape[-2:]), size)
        for name, values in {
            "rows": before.rows, "columns": before.columns.T,
            "scale": before.scale[:, None, None], "offset": before.offset[:, None, None],
            "rows_back": rows_back, "columns_back": columns_back.T,
        }.items():  # fmt: skip
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values)).float())

    def forward(self, image: Tensor) -> Tensor:
        """Return metres (1,H,W) for an image (1,H,W,3) uint8."""
        depth = self.network(self.pixels(image)).predicted_depth
        metres: Tensor = self.rows_back @ depth.reshape(1, *depth.shape[-2:]) @ self.columns_back
        return metres

    def pixels(self, image: Tensor) -> Tensor:
        """Return the network's input (1,3,h,w) for an image (1,H,W,3) uint8."""
        values = image.permute(0, 3, 1, 2).float() @ self.columns
        if self.rounding == "twice":
            values = (values + 0.5).floor().clamp(0, 255)
        values = self.rows @ values
        if self.rounding != "none":
            values = (values + 0.5).floor().clamp(0, 255)
        return values * self.scale + self.offset


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
            # All rows, or all columns, of a response are equal but for rounding.
            parts.append(resize(maps).mean(axis=2 - axis, dtype=np.float64))
        found.append(np.concatenate(parts).T)
    return found[0], found[1]


def _processing(runtime: TransformersRuntime, size: tuple[int, int]) -> Processing:
    """Return a processor's effect on photographs of `size`, determined with random bytes.

    Errors: LeadlineError if it is not a single resize.
    """
    black, white = (
        _processed(runtime, np.full((1, *size, 3), value, np.float32))[0].mean(axis=(1, 2))
        for value in (0, 255)
    )
    scale, offset = (white - black) / 255, black
    picture = np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    expected = _processed(runtime, picture)[0]
    expected = (expected - offset[:, None, None]) / scale[:, None, None]
    values = picture[0].transpose(2, 0, 1).astype(np.float64)
    small = (int(expected.shape[1]), int(expected.shape[2]))
    for rows, columns in _resizes_of_torch(size, small, SHRINKING, torch.float64):
        made, error = _rounded_like(rows, columns, values, expected)
        if error <= EXACT:
            return Processing(*made, scale, offset)
    rows, columns = _matrices(lambda maps: _resized(runtime, maps, black, white), size)
    made, error = _rounded_like(rows, columns, values, expected)
    if not error <= LARGEST_ERROR:
        raise LeadlineError(
            f"its processing of {size_words(size)} photographs is no resize alone (it differs "
            f"by {error:.3g} of 255); such a model cannot be exported"
        )
    return Processing(*made, scale, offset)


def _processed(runtime: TransformersRuntime, images: NDArray[Any]) -> NDArray[np.float64]:
    """Preprocess images (N,H,W,3) to (N,3,h,w)."""
    return np.asarray(runtime.prepare(list(images))["pixel_values"], dtype=np.float64)


def _resizes_of_torch(
    size: tuple[int, int], small: tuple[int, int], options: Sequence[Mapping[str, Any]],
    dtype: torch.dtype,
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:  # fmt: skip
    """Yield the matrices (h,H) and (w,W) of torch's resizes, for each of the `options`.

    `dtype` is the type in which torch computes the weights: float64 for bytes, else the image's.
    """
    for each in options:
        rows, columns = (
            _resize_matrix(old, new, each, dtype) for old, new in zip(size, small, strict=True)
        )
        yield rows, columns


def _resize_matrix(
    old: int, new: int, options: Mapping[str, Any], dtype: torch.dtype
) -> NDArray[np.float64]:
    """Return the matrix (new,old) of a resize of torch, by resizing the unit matrix."""
    unit = torch.eye(old, dtype=dtype)[None, None]
    matrix: NDArray[np.float64] = (
        nn.functional.interpolate(unit, (new, old), **options)[0, 0].double().numpy()
    )
    return matrix


def _resized(
    runtime: TransformersRuntime, maps: NDArray[np.float32],
    black: NDArray[np.float64], white: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Preprocess maps (N,H,W) of 0 to 1, three at a time as the colours of a picture."""
    size = maps.shape[1:]
    padded = np.concatenate([maps, np.zeros((-len(maps) % 3, *size), np.float32)])
    values = _processed(runtime, 255 * padded.reshape(-1, 3, *size).transpose(0, 2, 3, 1))
    values -= black[:, None, None]
    values /= (white - black)[:, None, None]
    answers: NDArray[np.float64] = values.reshape(-1, *values.shape[2:])[: len(maps)]
    return answers


def _rounded_like(
    rows: NDArray[np.float64], columns: NDArray[np.float64],
    values: NDArray[np.float64], expected: NDArray[np.float64],
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64], Rounding], float]:  # fmt: skip
    """Return the matrices and the rounding that best reproduce `expected` (3,h,w).

    They are applied to `values` (3,H,W). With rounding twice, the matrices become those that torch
    uses for bytes. Also returns the remaining largest difference.
    """
    exact = rows @ values @ columns.T
    rows_16, columns_16 = _fixed_point(rows), _fixed_point(columns)
    made: dict[Rounding, NDArray[np.float64]] = {
        "none": exact,
        "once": _to_bytes(exact),
        "twice": _to_bytes(rows_16 @ _to_bytes(values @ columns_16.T)),
    }
    errors = {name: np.abs(each - expected) for name, each in made.items()}
    best = min(errors, key=lambda name: float(errors[name].mean()))
    matrices = (rows_16, columns_16) if best == "twice" else (rows, columns)
    return (*matrices, best), float(errors[best].max())


def _back_matrices(
    runtime: TransformersRuntime, small: tuple[int, int], size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrices (H,h) and (W,w) from predictions to photographs of `size`."""
    values = np.random.default_rng(0).random((1, *small), np.float32)
    expected = _back(runtime, values, size)[0]
    for rows, columns in _resizes_of_torch(small, size, WAYS_BACK, torch.float32):
        if np.abs(rows @ values[0] @ columns.T - expected).max() <= SAME:
            return rows, columns
    return _matrices(lambda maps: _back(runtime, maps, size), small)


def _back(
    runtime: TransformersRuntime, maps: NDArray[np.float32], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Postprocess predictions (N,h,w) for photographs of `size`."""
    from types import SimpleNamespace

    whole = [
        runtime.finish(SimpleNamespace(predicted_depth=torch.from_numpy(each[None])), size)
        for each in maps
    ]
    return np.stack([each.squeeze().numpy() for each in whole])


def _to_bytes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round values to bytes, halves upwards."""
    return np.floor(values + 0.5).clip(0, 255)


def _fixed_point(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights torch uses to resize bytes: 16 bits with the finest step that fits."""
    bits = 0
    while bits < 22 and int(0.5 + matrix.max() * 2 ** (bits + 1)) < 2**15:
        bits += 1
    # A half is rounded away from 0.
    rounded: NDArray[np.float64] = np.trunc(matrix * 2**bits + np.copysign(0.5, matrix)) / 2**bits
    return rounded


def transformers_to_onnx(
    model: WholeModel, size: tuple[int, int], about: Mapping[str, Any]
) -> onnx.ModelProto:
    """Return the graph of a complete model for photographs of one size, with its metadata."""
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
    replace_softplus(graph)
    texts = {
        CONFIG_KEY: {"model_type": model.model_type, PICTURE_SIZE_KEY: list(size)},
        ABOUT_KEY: dict(about),
    }
    helper.set_model_props(graph, {key: json.dumps(text) for key, text in texts.items()})
    return graph
