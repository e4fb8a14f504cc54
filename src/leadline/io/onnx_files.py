"""What is needed of ONNX files without the `onnx` package, which is not in the light install.

An ONNX file is one protobuf message; the numbers of its fields stand in `onnx.proto`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, one_line
from leadline.io.files import read_bytes

_MODEL_GRAPH, _MODEL_OPSETS, _MODEL_METADATA = 7, 8, 14
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_OUTPUT, _NODE_ATTRIBUTE, _ATTRIBUTE_TENSOR = 2, 5, 5
_TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_NAME, _TENSOR_DOUBLES = 2, 4, 8, 10
_FLOAT_TYPES = {1: "<f4", 10: "<f2", 11: "<f8"}
_TENSOR_RAW_DATA, _TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 9, 13, 14
_BYTES = 2  # wire type of texts, bytes and messages
_FIXED_SIZES = {1: 8, 5: 4}


@dataclass(frozen=True)
class _Field:
    """One field of a message: number, wire type, all its bytes, and those of its value alone."""

    number: int
    kind: int
    whole: bytes
    value: bytes


@contextmanager
def malformed_named(path: Path) -> Iterator[None]:
    """Raise LeadlineError, naming the file, where what is read in the block is no ONNX."""
    try:
        yield
    except (ValueError, LookupError, OverflowError) as error:
        raise LeadlineError(
            f"{path}: damaged: not an ONNX file ({one_line(error)}); copy or export it again"
        ) from error


def read_metadata(model: bytes) -> dict[str, str]:
    """Return the metadata (`metadata_props`) of a serialised ONNX model.

    Errors: ValueError for other bytes.
    """
    return dict(
        _read_entry(field.value) for field in _fields(model) if field.number == _MODEL_METADATA
    )


def is_whole(model: bytes) -> bool:
    """Tell whether bytes are a serialised ONNX model with a graph that was not cut short."""
    try:
        return {_MODEL_GRAPH, _MODEL_OPSETS} <= {field.number for field in _fields(model)}
    except ValueError:
        return False


def metadata_entry(key: str, value: str) -> bytes:
    """Return the bytes that add one entry to the metadata of the model that they are put behind."""
    pair = _field_bytes(1, key.encode()) + _field_bytes(2, value.encode())
    return _field_bytes(_MODEL_METADATA, pair)


def embed_weights(path: Path, without: Collection[str] = ()) -> bytes:
    """Return the ONNX model in `path` with the weights that lie in files beside it inside.

    Its metadata is kept, but for the keys in `without`.
    Errors: LeadlineError for a file, or one with weights beside it, that cannot be read.
    """
    parts = []
    model = read_bytes(path, "ONNX file")
    with malformed_named(path):
        for field in _fields(model):
            if field.number == _MODEL_GRAPH:
                graph = _graph_with_weights(field.value, path.parent)
                parts.append(_field_bytes(_MODEL_GRAPH, graph))
            elif field.number != _MODEL_METADATA or _read_entry(field.value)[0] not in without:
                parts.append(field.whole)
    return b"".join(parts)


def find_nonfinite(path: Path) -> str | None:
    """Return the name of a constant of the ONNX model in `path` that is not finite, None if none.

    Errors: LeadlineError for a file, or one with weights beside it, that cannot be read.
    """
    files: dict[str, bytes] = {}
    model = read_bytes(path, "ONNX file")
    with malformed_named(path):
        for graph in _fields(model):
            if graph.number != _MODEL_GRAPH:
                continue
            for name, tensor in _constants(graph.value):
                if not np.isfinite(_floats(tensor, path.parent, files)).all():
                    return name
    return None


def _constants(graph: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the TensorProto of each initializer and each constant node."""
    for field in _fields(graph):
        if field.number == _GRAPH_INITIALIZER:
            names = [f.value for f in _fields(field.value) if f.number == _TENSOR_NAME]
            yield (names[0].decode() if names else ""), field.value
        elif field.number == _GRAPH_NODE:
            node = list(_fields(field.value))
            names = [f.value for f in node if f.number == _NODE_OUTPUT]
            for attribute in (f.value for f in node if f.number == _NODE_ATTRIBUTE):
                for part in _fields(attribute):
                    if part.number == _ATTRIBUTE_TENSOR and part.kind == _BYTES:
                        yield (names[0].decode() if names else ""), part.value


def _floats(tensor: bytes, folder: Path, files: dict[str, bytes]) -> NDArray[np.floating]:
    """Return the numbers of a TensorProto as one row, none where they are not floating-point.

    `files` keeps the files in `folder` that weights lie in.
    """
    parts = list(_fields(tensor))
    kind = next((_read_varint(f.value, 0)[0] for f in parts if f.number == _TENSOR_TYPE), 0)
    if kind not in _FLOAT_TYPES:
        return np.empty(0, np.float32)
    where = dict(_read_entry(f.value) for f in parts if f.number == _TENSOR_EXTERNAL_DATA)
    if where:
        name, offset = where["location"], int(where.get("offset", 0))
        if name not in files:
            files[name] = read_bytes(folder / name, "weights file")
        end = offset + int(where["length"]) if "length" in where else None
        content = files[name][offset:end]
    else:
        numbers = (_TENSOR_RAW_DATA, _TENSOR_FLOATS, _TENSOR_DOUBLES)
        content = b"".join(f.value for f in parts if f.number in numbers)
    dtype = np.dtype(_FLOAT_TYPES[kind])
    return np.frombuffer(content, dtype, len(content) // dtype.itemsize)


def _graph_with_weights(graph: bytes, folder: Path) -> bytes:
    files: dict[str, bytes] = {}
    parts = []
    for field in _fields(graph):
        if field.number != _GRAPH_INITIALIZER:
            parts.append(field.whole)
            continue
        tensor = list(_fields(field.value))
        where = dict(_read_entry(f.value) for f in tensor if f.number == _TENSOR_EXTERNAL_DATA)
        kept = [
            f.whole
            for f in tensor
            if f.number not in (_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION)
        ]
        if where:
            name, offset = where["location"], int(where.get("offset", 0))
            if name not in files:
                files[name] = read_bytes(folder / name, "weights file")
            data = files[name][offset : offset + int(where["length"])]
            kept.append(_field_bytes(_TENSOR_RAW_DATA, data))
        parts.append(_field_bytes(_GRAPH_INITIALIZER, b"".join(kept)))
    return b"".join(parts)


def _read_entry(entry: bytes) -> tuple[str, str]:
    """Return key and value of a StringStringEntryProto."""
    texts = {field.number: field.value.decode() for field in _fields(entry)}
    return texts.get(1, ""), texts.get(2, "")


def _fields(message: bytes) -> Iterator[_Field]:
    """Yield the fields of a protobuf message.

    Errors: ValueError where it is cut short, or none.
    """
    at = 0
    while at < len(message):
        tag, value = _read_varint(message, at)
        kind = tag & 7
        if kind not in (0, _BYTES, *_FIXED_SIZES):
            raise ValueError(f"wire type {kind}")
        if kind == 0:
            _, end = _read_varint(message, value)
        elif kind == _BYTES:
            length, value = _read_varint(message, value)
            end = value + length
        else:
            end = value + _FIXED_SIZES[kind]
        if end > len(message):
            raise ValueError("cut short")
        yield _Field(tag >> 3, kind, message[at:end], message[value:end])
        at = end


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at `at`, and where the bytes behind it begin."""
    number = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("cut short")
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _field_bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value
