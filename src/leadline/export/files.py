"""Write exported files with their checksums, and copies of the shipped model; without torch."""

from pathlib import Path
from typing import Any

from leadline.datasets.fingerprints import FILE as FINGERPRINTS
from leadline.datasets.fingerprints import find_fingerprints
from leadline.errors import LeadlineError, one_line
from leadline.export import WeightType
from leadline.inference.openvino_runtime import openvino_core
from leadline.io.atomic import atomic_path
from leadline.io.checksums import (
    ONNX_KEYS,
    seal_onnx,
    seal_openvino,
    seal_safetensors,
    verify_weights,
)
from leadline.io.onnx_files import embed_weights
from leadline.models.storage import CONFIG_FILE, WEIGHTS_FILE, stored_type

CARD = "README.md"


def write_sealed(model: bytes, path: Path) -> list[Path]:
    """Write a serialised ONNX model as `.onnx`, or as `.xml` with its `.bin` (OpenVINO).

    Each file appears atomically and holds its checksum. Returns the files, `path` first.
    """
    if path.suffix == ".onnx":
        with atomic_path(path) as temporary:
            temporary.write_bytes(seal_onnx(model))
        return [path]
    if path.suffix != ".xml":
        raise LeadlineError(f"{path}: export writes .onnx (ONNX) or .xml (OpenVINO); rename it")
    return write_openvino(openvino_core().read_model(model), path)


def write_openvino(model: Any, path: Path) -> list[Path]:
    """Write an `openvino.Model` as `.xml` with its `.bin`, with checksums; return both."""
    import openvino

    weights = path.with_suffix(".bin")
    with atomic_path(path) as temporary, atomic_path(weights) as temporary_bin:
        written = temporary.with_suffix(".bin")
        try:
            openvino.save_model(model, temporary, compress_to_fp16=False)
            written.replace(temporary_bin)
        except RuntimeError as error:  # raised by OpenVINO on a full disk
            raise LeadlineError(
                f"{path}: cannot write here ({one_line(error)[-200:]}); choose another output "
                "path, or free space and permissions"
            ) from error
        finally:
            written.unlink(missing_ok=True)
        seal_openvino(temporary, temporary_bin)
    return [path, weights]


def copy_graph(graph: Path, path: Path) -> list[Path]:
    """Write the ONNX model `graph`, with its external weights, as one `.onnx` or `.xml`."""
    verify_weights(graph)
    return write_sealed(embed_weights(graph, without=ONNX_KEYS), path)


def copy_checkpoint(folder: Path, target: Path, weights: WeightType) -> list[Path]:
    """Copy a model folder: weights, stored as `weights`, configuration, card and fingerprints.

    Needs torch if the weights have to be converted to another type.
    """
    if weights == stored_type(folder / WEIGHTS_FILE):
        content = (folder / WEIGHTS_FILE).read_bytes()
        is_sealed = verify_weights(folder / WEIGHTS_FILE)
        _write(target / WEIGHTS_FILE, content if is_sealed else seal_safetensors(content))
        _write(target / CONFIG_FILE, (folder / CONFIG_FILE).read_bytes())
    else:
        from leadline.models.build import load_model

        load_model(folder).save(target, weights)
    if (folder / CARD).is_file():
        _write(target / CARD, (folder / CARD).read_bytes())
    if (prints := find_fingerprints(folder)) is not None:
        _write(target / FINGERPRINTS, prints.read_bytes())
    names = (WEIGHTS_FILE, CONFIG_FILE, CARD, FINGERPRINTS)
    return sorted(path for path in target.iterdir() if path.name in names)


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
