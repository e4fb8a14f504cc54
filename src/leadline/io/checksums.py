"""SHA-256 inside weight files: a damaged one is refused instead of predicting wrong metres.

Each kind of file carries its own sum, so that nothing gets lost when a file is moved:

- `.safetensors`: in the header's metadata, over every tensor's name, type, shape and bytes;
- `.onnx`: the last entry of the model's metadata, over every byte before it;
- `.xml` with its `.bin`: a comment behind the XML, over the XML before it and over the `.bin`.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.io.files import read_bytes

KEY = "leadline_sha256"
_METADATA_PROPS = 0x72  # field 14 of onnx.ModelProto, length-delimited
_COMMENT = re.compile(rb"\n<!-- leadline sha256 xml=([0-9a-f]{64}) bin=([0-9a-f]{64}) -->\n\Z")


def verify_weights(path: Path) -> bool:
    """Tell whether a weight file carries a checksum, which then fits.

    `path` is a `.safetensors`, `.onnx` or `.xml` file; a `.bin` is checked with its `.xml`.
    Errors: LeadlineError where the content does not fit its checksum, or a file is missing.
    """
    if path.suffix == ".xml":
        return _verify_openvino(path)
    content = read_bytes(path, "weights file")
    if path.suffix == ".onnx":
        body, stored = _split_onnx(content)
        actual = hashlib.sha256(body).hexdigest()
    else:
        stored = _safetensors_header(path, content)[0].get("__metadata__", {}).get(KEY)
        actual = safetensors_sum(path, content)
    if stored is None:
        return False
    _compare(path, stored, actual)
    return True


def seal_onnx(content: bytes) -> bytes:
    """Return a serialised ONNX model with its checksum behind it."""
    return content + _onnx_entry(hashlib.sha256(content).hexdigest())


def seal_openvino(xml: Path, weights: Path) -> None:
    """Write the checksums of an OpenVINO model behind its XML; `weights` is its `.bin`."""
    body = xml.read_bytes()
    sums = (hashlib.sha256(part).hexdigest() for part in (body, weights.read_bytes()))
    xml.write_bytes(body + "\n<!-- leadline sha256 xml={} bin={} -->\n".format(*sums).encode())


def safetensors_sum(path: Path, content: bytes) -> str:
    """Return the checksum of a safetensors file: of its tensors, not of its metadata."""
    header, data = _safetensors_header(path, content)
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    digest = hashlib.sha256(json.dumps(tensors, sort_keys=True).encode())
    digest.update(data)
    return digest.hexdigest()


def _safetensors_header(path: Path, content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the header of a safetensors file, and the bytes of its tensors."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
    except ValueError:
        header = None
    if not isinstance(header, dict) or len(content) < 8 + length:
        raise LeadlineError(f"{path}: not a safetensors file, or damaged; copy or export it again")
    return header, memoryview(content)[8 + length :]


def _onnx_entry(digest: str) -> bytes:
    """Return one `metadata_props` entry of protobuf: {key: KEY, value: digest}."""
    key, value = KEY.encode(), digest.encode()
    pair = b"\x0a" + bytes([len(key)]) + key + b"\x12" + bytes([len(value)]) + value
    return bytes([_METADATA_PROPS, len(pair)]) + pair


def _split_onnx(content: bytes) -> tuple[bytes, str | None]:
    """Return a sealed model's bytes before its checksum, and the checksum; None without one."""
    tail = len(_onnx_entry("0" * 64))
    body, entry = content[:-tail], content[-tail:]
    digest = entry[-64:].decode("ascii", "replace")
    return (body, digest) if entry == _onnx_entry(digest) else (content, None)


def _verify_openvino(path: Path) -> bool:
    content = read_bytes(path, "weights file")
    match = _COMMENT.search(content)
    if match is None:
        return False
    _compare(path, match[1].decode(), hashlib.sha256(content[: match.start()]).hexdigest())
    weights = path.with_suffix(".bin")
    weight_bytes = read_bytes(weights, "weights file")
    _compare(weights, match[2].decode(), hashlib.sha256(weight_bytes).hexdigest())
    return True


def _compare(path: Path, stored: str, actual: str) -> None:
    if stored != actual:
        raise LeadlineError(
            f"{path}: damaged: its SHA-256 begins with {actual[:12]}, not {stored[:12]} as when it "
            "was written; copy or export it again"
        )
