"""SHA-256 inside weight files: a damaged one is refused instead of predicting wrong metres.

Each kind of file carries its own sum, so that nothing gets lost when a file is moved:

- `.safetensors`: in the header's metadata, over the rest of the header and every tensor's bytes;
- `.onnx`: the last entry of the model's metadata, over every byte before it. Where weights lie in
  another file, an entry before it holds that file's name and sum. The exported file of a model
  folder is compared with the checkpoint beside it by what it says of its origin;
- `.xml` with its `.bin`: a comment behind the XML, over the XML before it and over the `.bin`.

A file that was written with a sum also says `leadline_version`: without its sum it is damaged.
Files of version 0.1 say neither.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.parsers import expat

from leadline import __version__
from leadline.errors import LeadlineError
from leadline.io.files import read_bytes
from leadline.io.onnx_files import is_whole, malformed_named, metadata_entry, read_metadata

SUFFIXES = (".safetensors", ".onnx", ".xml")
KEY = "leadline_sha256"
VERSION_KEY = "leadline_version"
WEIGHTS_KEY = "leadline_weights_sha256"
ABOUT_KEY = "leadline_export"
"""Where an exported file holds what it says of itself: JSON, with the sums of its checkpoint."""
_ONNX_SUM_LENGTH = len(metadata_entry(KEY, "0" * 64))
_TAIL = 4096
"""Bytes at the end of an ONNX file that hold what `seal_onnx` added."""
ONNX_KEYS = (KEY, VERSION_KEY, WEIGHTS_KEY)
"""The entries that `seal_onnx` adds to a model's metadata."""

_COMMENT = re.compile(rb"\n<!-- leadline sha256 xml=([0-9a-f]{64}) bin=([0-9a-f]{64}) -->\n\Z")


def verify_weights(path: Path) -> bool:
    """Tell whether a weight file carries a checksum, which then fits.

    `path` is a `.safetensors`, `.onnx` or `.xml` file; a `.bin` is checked with its `.xml`.
    Errors: LeadlineError where the content does not fit its checksum, or a file is missing.
    """
    verify = {".xml": _verify_openvino, ".onnx": _verify_onnx}.get(path.suffix, _verify_safetensors)
    content = read_bytes(path, "weights file")
    is_sealed = verify(path, content)
    if not is_sealed:
        _refuse_unsealed(path, content)
    return is_sealed


def _refuse_unsealed(path: Path, content: bytes) -> None:
    """Raise LeadlineError for a file without a checksum that had one, or is not all there."""
    if VERSION_KEY.encode() in content:
        raise LeadlineError(
            f"{path}: damaged: its SHA-256 is missing or damaged; copy or export it again"
        )
    complete = {".xml": _is_xml, ".onnx": is_whole}.get(path.suffix, _has_all_tensors)
    if not complete(content):
        raise LeadlineError(
            f"{path}: damaged: cut short, or not a {path.suffix} file; copy or export it again"
        )


def _is_xml(content: bytes) -> bool:
    try:
        expat.ParserCreate().Parse(content, True)
    except expat.ExpatError:
        return False
    return True


def _has_all_tensors(content: bytes) -> bool:
    header, data = safetensors_header(Path("model.safetensors"), content)
    try:
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        return max(ends, default=0) == len(data)
    except (LookupError, TypeError):
        return False


def weight_files(path: Path) -> list[Path]:
    """Return the weight files that `path` is or, a folder, has in its tree, sorted.

    Errors: LeadlineError where there is none.
    """
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.suffix in SUFFIXES]
    if not files:
        raise LeadlineError(f"{path}: no weight file ({', '.join(SUFFIXES)}) here")
    return files


def seal_onnx(content: bytes, weights: Path | None = None) -> bytes:
    """Return a serialised ONNX model with its checksum behind it.

    `weights` is the file that its weights lie in, if they are not inside.
    """
    content += metadata_entry(VERSION_KEY, __version__)
    if weights is not None:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        content += metadata_entry(WEIGHTS_KEY, f"{digest} {weights.name}")
    return content + metadata_entry(KEY, hashlib.sha256(content).hexdigest())


def seal_openvino(xml: Path, weights: Path) -> None:
    """Write the checksums of an OpenVINO model behind its XML; `weights` is its `.bin`."""
    body = xml.read_bytes()
    mark = f"\n<!-- {VERSION_KEY} {__version__} -->".encode()
    body += b"" if VERSION_KEY.encode() in body else mark
    sums = (hashlib.sha256(part).hexdigest() for part in (body, weights.read_bytes()))
    xml.write_bytes(body + "\n<!-- leadline sha256 xml={} bin={} -->\n".format(*sums).encode())


def seal_safetensors(content: bytes) -> bytes:
    """Return a safetensors file with its checksum in the header."""
    header, data = safetensors_header(Path("model.safetensors"), content)
    info = {**header.pop("__metadata__", {}), VERSION_KEY: __version__}
    header = {"__metadata__": info, **header}
    info[KEY] = _safetensors_sum(header, data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def _safetensors_sum(header: dict[str, Any], data: memoryview) -> str:
    """Return the checksum of a safetensors file: of all of it but the checksum."""
    info = {key: text for key, text in header.get("__metadata__", {}).items() if key != KEY}
    digest = hashlib.sha256(json.dumps({**header, "__metadata__": info}, sort_keys=True).encode())
    digest.update(data)
    return digest.hexdigest()


def safetensors_header(path: Path, content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the header of a safetensors file, and the bytes of its tensors."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        info = header.get("__metadata__", {})
    except (AttributeError, ValueError, RecursionError):
        info = None
    if not isinstance(info, dict) or len(content) < 8 + length:
        raise LeadlineError(f"{path}: not a safetensors file, or damaged; copy or export it again")
    return header, memoryview(content)[8 + length :]


def _verify_safetensors(path: Path, content: bytes) -> bool:
    header, data = safetensors_header(path, content)
    stored = header.get("__metadata__", {}).get(KEY)
    if stored is not None:
        _compare(path, str(stored), _safetensors_sum(header, data))
    _compare_with_graphs(path, content)
    return stored is not None


def _compare_with_graphs(weights: Path, content: bytes) -> None:
    """Raise LeadlineError where an ONNX file beside `weights` was written for others."""
    for graph in sorted(weights.parent.glob("*.onnx")):
        model = _onnx_with_other_weights(graph)
        body = model[:-_ONNX_SUM_LENGTH]
        # One that is damaged says nothing about the weights.
        if _onnx_sum(model) == hashlib.sha256(body).hexdigest():
            with malformed_named(graph):
                digest, _, name = read_metadata(body).get(WEIGHTS_KEY, "").partition(" ")
            if name == weights.name:
                _compare_pair(graph, weights, digest, content)


def _onnx_with_other_weights(path: Path) -> bytes:
    """Return an ONNX file whose weights lie in another one, b"" for any other.

    Of one that holds its weights, which may be large, only the end is read.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            if WEIGHTS_KEY.encode() not in file.read():
                return b""
            file.seek(0)
            return file.read()
    except OSError:  # it cannot be read, and so says nothing about the weights
        return b""


def _compare_pair(graph: Path, weights: Path, stored: str, content: bytes) -> None:
    """Raise LeadlineError where the weights are not those that an ONNX file was written for."""
    actual = hashlib.sha256(content).hexdigest()
    if stored != actual:
        raise LeadlineError(
            f"{weights}: damaged, or of another training: its SHA-256 begins with {actual[:12]}, "
            f"and {graph.name} beside it was written for {stored[:12]}; copy both files again, or "
            f"remove {graph.name}"
        )


def _verify_onnx(path: Path, content: bytes) -> bool:
    stored = _onnx_sum(content)
    if stored is None:
        return False
    body = content[:-_ONNX_SUM_LENGTH]
    _compare(path, stored, hashlib.sha256(body).hexdigest())
    with malformed_named(path):
        entries = read_metadata(body)
        digest, _, name = entries.get(WEIGHTS_KEY, "").partition(" ")
        _compare_with_checkpoint(path, entries.get(ABOUT_KEY, ""))
    if name:
        weights = path.parent / name
        _compare_pair(path, weights, digest, read_bytes(weights, "weights file"))
    return True


def _compare_with_checkpoint(graph: Path, about: str) -> None:
    """Raise LeadlineError where the exported file of a model folder is not of its checkpoint.

    `about` is what the file says of itself.
    """
    weights = graph.with_name("model.safetensors")
    if graph.name != "model.onnx" or not about or not weights.is_file():
        return
    said = json.loads(about)
    seal, stored = said.get("checkpoint_seal"), said.get("checkpoint_sha256")
    try:  # a header is read sooner than all weights are summed
        actual = safetensors_seal(weights) if seal else sha256(weights)
    except (OSError, LeadlineError):  # it cannot be read, and so says nothing about the graph
        return
    if stored and actual != (seal or stored):
        raise LeadlineError(
            f"{graph}: was exported from other weights than those of {weights.name} beside it, as "
            "before a training went on; export it again, or remove it"
        )


def safetensors_seal(path: Path) -> str | None:
    """Return the checksum in the header of a safetensors file, None where there is none.

    Errors: LeadlineError for a file that is none.
    """
    with path.open("rb") as file:
        length = file.read(8)
        head = length + file.read(min(int.from_bytes(length, "little"), path.stat().st_size))
    seal = safetensors_header(path, head)[0].get("__metadata__", {}).get(KEY)
    return None if seal is None else str(seal)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _verify_openvino(path: Path, content: bytes) -> bool:
    match = _COMMENT.search(content)
    if match is None:
        return False
    _compare(path, match[1].decode(), hashlib.sha256(content[: match.start()]).hexdigest())
    weights = path.with_suffix(".bin")
    weight_bytes = read_bytes(weights, "weights file")
    _compare(weights, match[2].decode(), hashlib.sha256(weight_bytes).hexdigest())
    return True


def _onnx_sum(content: bytes) -> str | None:
    """Return the checksum behind an ONNX model, None where there is none."""
    entry = content[-_ONNX_SUM_LENGTH:]
    stored = entry[-64:].decode("ascii", "replace")
    return stored if entry == metadata_entry(KEY, stored) else None


def _compare(path: Path, stored: str, actual: str) -> None:
    if stored == actual:
        return
    # Sums of different contents share one digit in 16.
    same = sum(a == b for a, b in zip(stored, actual, strict=False))
    if same > len(actual) // 2:
        raise LeadlineError(
            f"{path}: its recorded SHA-256 is damaged ({len(actual) - same} of {len(actual)} "
            "digits are not those of its content); copy or export it again"
        )
    raise LeadlineError(
        f"{path}: damaged: its SHA-256 begins with {actual[:12]}, not {stored[:12]} as when it "
        "was written; copy or export it again"
    )
