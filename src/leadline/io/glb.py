"""The container of glTF binary files."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

FLOAT, UNSIGNED_SHORT, UNSIGNED_INT = 5126, 5123, 5125
ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963

_MAGIC, _VERSION, _JSON, _BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942


def glb_bytes(gltf: Mapping[str, Any], body: bytes) -> bytes:
    """Return a GLB file of a glTF 2.0 description and its buffer, of a multiple of four bytes."""
    text = json.dumps(gltf, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(body)
    header = struct.pack("<III", _MAGIC, _VERSION, total)
    chunks = (struct.pack("<II", len(text), _JSON) + text, struct.pack("<II", len(body), _BIN))
    return header + b"".join(chunks) + body
