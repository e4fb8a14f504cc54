"""Encode a prediction as the body of an answer, in the format that a request accepts."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineWarning
from leadline.inference.predictor import Prediction
from leadline.io.float_files import npz_fields
from leadline.io.mesh import mesh_bytes
from leadline.io.metadata import UNCERTAINTY_KIND, Metadata
from leadline.io.photos import DERIVED, Photo, png_bytes
from leadline.io.png16 import DEFAULT_UNITS, quantise, warn_of_clamped
from leadline.io.png_writer import compress, deep_grey_png
from leadline.io.pointcloud import glb_points, ply_bytes
from leadline.serving.headers import escape_header
from leadline.serving.parameters import DepthParameters, FormatName
from leadline.serving.problems import ProblemError
from leadline.viz.color import colorize, robust_range

METADATA_HEADER = "Leadline-Metadata"
"""Header with the metadata of a depth file: unit, camera and provenance, as JSON."""

NOVELTY_HEADER = "Leadline-Novelty"
"""Header with the novelty: above 1 for a picture unlike the model's training data."""

WARNING_HEADER = "Leadline-Warning"
"""Header with the warnings of an answer, one or several sentences."""

WARNING_SEPARATOR = " | "

_DEPTH = Path("depth")
_LARGEST_FLOAT16 = 65504.0
_MOST_RANGES = 50


@dataclass(frozen=True)
class Estimate:
    """A photograph with its prediction, and the parameters of the request.

    `compress` makes the zlib stream of a 16-bit PNG.
    """

    photo: Photo
    prediction: Prediction
    parameters: DepthParameters
    model: str
    warnings: list[str]
    request_id: str
    compress: Callable[[memoryview], bytes] = compress

    @property
    def depth(self) -> DepthMap:
        """The depth map."""
        return self.prediction.depth


@dataclass(frozen=True)
class Answer:
    """The body of an answer, its media type and its headers."""

    body: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AnswerFormat:
    """A format of answers.

    `parameters` are those of the media type that distinguish formats of one type; `units` are the
    units per metre of its numbers, None if they are not distances.
    """

    media_type: str
    encode: Callable[[Estimate], bytes]
    units: float | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        return "; ".join([self.media_type, *(f"{k}={v}" for k, v in self.parameters.items())])


def _png16(estimate: Estimate) -> bytes:
    depth = estimate.depth
    about = Metadata(DEFAULT_UNITS, depth.intrinsics, depth.provenance)
    return deep_grey_png(_millimetres(estimate), about.to_text(), estimate.compress)


def _millimetres(estimate: Estimate) -> NDArray[np.uint16]:
    values, clamped = quantise(estimate.depth, DEFAULT_UNITS)
    warn_of_clamped(_DEPTH, clamped, DEFAULT_UNITS)
    return values


def _npy_bytes(values: NDArray[Any]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _npz(estimate: Estimate) -> bytes:
    """Return the fields of an .npz depth file, and the model's other outputs."""
    depth, prediction = estimate.depth, estimate.prediction
    fields = npz_fields(depth, Metadata())
    if depth.uncertainty is not None:
        factors = json.dumps(dict(depth.interval_factors))
        fields |= {"uncertainty": depth.uncertainty, "interval_factors": factors}
    if prediction.labels is not None:
        fields["labels"] = prediction.labels
    if prediction.novelty is not None:
        fields["novelty"] = np.float64(prediction.novelty)
    buffer = BytesIO()
    np.savez(buffer, **fields)
    return buffer.getvalue()


def _float16(estimate: Estimate) -> bytes:
    depth = estimate.depth.depth
    too_far = int(np.count_nonzero(depth > _LARGEST_FLOAT16))
    if too_far:
        warnings.warn(
            f"{too_far} pixels beyond {_LARGEST_FLOAT16:g} m were clamped to it; ask for float32",
            LeadlineWarning,
            stacklevel=2,
        )
    return _npy_bytes(np.minimum(depth, np.float32(_LARGEST_FLOAT16)).astype(np.float16))


def color_range(estimate: Estimate) -> tuple[float, float]:
    """Return the depths in metres at both ends of the colours."""
    low, high = estimate.parameters.color_limits()
    if low is None or high is None:
        return robust_range(estimate.depth.depth, estimate.depth.valid)
    return low, high


def _colors(estimate: Estimate) -> NDArray[np.uint8]:
    low, high = color_range(estimate)
    wanted = estimate.parameters
    return colorize(estimate.depth, vmin=low, vmax=high, cmap=wanted.cmap, bar=wanted.bar)


def _color_png(estimate: Estimate) -> bytes:
    return png_bytes(_colors(estimate), DERIVED)


def _color_jpeg(estimate: Estimate) -> bytes:
    return _picture_bytes(_colors(estimate), "JPEG", quality=92)


def _color_webp(estimate: Estimate) -> bytes:
    return _picture_bytes(_colors(estimate), "WEBP", quality=90, method=2)


def _picture_bytes(pixels: NDArray[np.uint8], kind: str, **options: int) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


def _json(estimate: Estimate) -> bytes:
    depth, camera = estimate.depth, estimate.prediction.camera
    content: dict[str, Any] = {
        "model": estimate.model,
        "depth": {
            "shape": list(depth.shape),
            "encoding": "png16",
            "unit": "m",
            "scale": DEFAULT_UNITS,
            "data": _base64(_png16(estimate)),
        },
        "camera": {
            "source": camera.source,
            "use": camera.use,
            "scale": camera.scale,
            "intrinsics": camera.intrinsics and camera.intrinsics.to_dict(),
        },
        "provenance": dict(depth.provenance),
    }
    labels = estimate.prediction.labels
    if labels is not None:
        small = labels.max(initial=0) < 256
        ids = labels.astype(np.uint8) if small else labels.astype(np.uint16)
        content["labels"] = {
            "shape": list(labels.shape),
            "encoding": "png",
            "data": _base64(png_bytes(ids)),
        }
    if depth.uncertainty is not None:
        content["uncertainty"] = {
            "shape": list(depth.shape),
            "encoding": "npy",
            "kind": UNCERTAINTY_KIND,
            "interval_factors": dict(depth.interval_factors),
            "data": _base64(_npy_bytes(depth.uncertainty.astype(np.float16))),
        }
    if estimate.prediction.novelty is not None:
        content["novelty"] = estimate.prediction.novelty
    content |= {"warnings": estimate.warnings, "request_id": estimate.request_id}
    return json.dumps(content).encode("ascii") + b"\n"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _points(write: Callable[..., tuple[bytes, object]]) -> Callable[[Estimate], bytes]:
    """Return an encoder of estimates that calls a function of (depth map, colours)."""

    def encode(estimate: Estimate) -> bytes:
        if estimate.depth.intrinsics is None:
            raise ProblemError(
                422,
                "points need a camera, and neither the picture nor the model says one; give fov "
                "or intrinsics",
                "content",
            )
        return write(estimate.depth, estimate.photo.pixels)[0]

    return encode


_NPY = "application/x-npy"
FORMATS: dict[FormatName, AnswerFormat] = {
    "png16": AnswerFormat("image/png", _png16, DEFAULT_UNITS),
    "npy": AnswerFormat(_NPY, lambda e: _npy_bytes(e.depth.depth), 1.0, {"dtype": "float32"}),
    "npy-float16": AnswerFormat(_NPY, _float16, 1.0, {"dtype": "float16"}),
    "npy-mm": AnswerFormat(
        _NPY, lambda e: _npy_bytes(_millimetres(e)), DEFAULT_UNITS, {"dtype": "uint16"}
    ),
    "npz": AnswerFormat("application/x-npz", _npz, 1.0),
    "json": AnswerFormat("application/json", _json, DEFAULT_UNITS),
    "color-jpeg": AnswerFormat("image/jpeg", _color_jpeg),
    "color-png": AnswerFormat("image/png", _color_png, None, {"kind": "color"}),
    "color-webp": AnswerFormat("image/webp", _color_webp),
    "glb": AnswerFormat("model/gltf-binary", _points(glb_points), 1.0),
    "mesh": AnswerFormat("model/gltf-binary", _points(mesh_bytes), 1.0, {"kind": "mesh"}),
    "ply": AnswerFormat("application/x-ply", _points(ply_bytes), 1.0),
}
"""All formats by name. If a client accepts several equally, the first in this list is sent."""


def choose_format(accept: str) -> FormatName:
    """Return the format preferred by an Accept header (RFC 9110, 12.5.1).

    Errors: ProblemError 406 if it accepts none of them.
    """
    ranges = [_parse_range(text) for text in (accept or "*/*").split(",")[:_MOST_RANGES]]
    best: tuple[float, FormatName] | None = None
    for name, row in FORMATS.items():
        quality = _quality(row, ranges)
        if quality > 0 and (best is None or quality > best[0]):
            best = quality, name
    if best is None:
        kinds = ", ".join(dict.fromkeys(row.content_type for row in FORMATS.values()))
        raise ProblemError(
            406, f"none of what Accept names is sent here; there are {kinds}", "accept"
        )
    return best[1]


@dataclass(frozen=True)
class _MediaRange:
    kind: str
    parameters: Mapping[str, str]
    quality: float


def _parse_range(text: str) -> _MediaRange:
    """Parse a part of an Accept header; what cannot be parsed has quality 0."""
    kind, *rest = (part.strip().lower() for part in text.split(";"))
    parameters = dict(part.partition("=")[::2] for part in rest if part)
    parameters = {key.strip(): value.strip().strip('"') for key, value in parameters.items()}
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return _MediaRange(kind, parameters, quality if 0 <= quality <= 1 else 0.0)


def _quality(row: AnswerFormat, ranges: list[_MediaRange]) -> float:
    """Return the quality of a format, by the most specific matching part of the header."""
    weighed = [(about, each.quality) for each in ranges if (about := _closeness(row, each)) >= 0]
    return max(weighed, default=(0, 0.0))[1]


def _closeness(row: AnswerFormat, wanted: _MediaRange) -> int:
    """Return how specifically a part of the header matches a format, -1 if it does not."""
    if wanted.parameters.items() - row.parameters.items():
        return -1
    if wanted.kind == row.media_type:
        return 2 + len(wanted.parameters)
    if wanted.kind == row.media_type.partition("/")[0] + "/*":
        return 1
    return 0 if wanted.kind == "*/*" else -1


def encode_answer(estimate: Estimate, name: FormatName) -> Answer:
    """Encode an estimate in a format, with headers for its unit, camera and warnings."""
    row, depth = FORMATS[name], estimate.depth
    body = row.encode(estimate)
    about = Metadata(row.units, depth.intrinsics, depth.provenance).to_text()
    headers = {"Leadline-Model": escape_header(estimate.model), "Vary": "Accept"}
    if row.units is not None:
        headers |= {"Leadline-Unit": about["leadline:unit"], METADATA_HEADER: json.dumps(about)}
    else:
        headers["Leadline-Range"] = "{:.6g},{:.6g}".format(*color_range(estimate))
    if estimate.prediction.novelty is not None:
        headers[NOVELTY_HEADER] = f"{estimate.prediction.novelty:.4g}"
    if estimate.warnings:
        headers[WARNING_HEADER] = escape_header(WARNING_SEPARATOR.join(estimate.warnings))
    return Answer(body, row.content_type, headers)
