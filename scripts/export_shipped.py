"""Write `model.onnx` beside a checkpoint: a graph whose weights are those of `model.safetensors`.

    python scripts/export_shipped.py src/leadline/weights/compact-nyu

The graph names places in the checkpoint's file (ONNX's external data), so that one file of weights
serves torch, OpenVINO and ONNX Runtime. To be run again whenever the checkpoint, its `config.json`
or the exported graph changes. An old `model.onnx` is removed first.
"""

import argparse
from pathlib import Path

import onnx

from leadline.export.exporter import halve_weights, to_onnx
from leadline.export.parity import check_parity
from leadline.io.checksums import safetensors_header, seal_onnx
from leadline.models import load_model
from leadline.models.storage import SMALLEST_HALVED, WEIGHTS_FILE

PREFIX = "net/model."
TOLERANCE = 1e-5
"""By which the graph may differ from the checkpoint in torch, as a share of the farthest depth."""


def main() -> None:
    """Write the graph into the model folder, once both runtimes give the metres of torch."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="model folder")
    folder: Path = parser.parse_args().folder
    # Of other weights, it would stand in the way of loading these.
    (folder / "model.onnx").unlink(missing_ok=True)
    model = load_model(folder)
    graph = halve_weights(to_onnx(model))
    refer_to(folder / WEIGHTS_FILE, graph)
    content = seal_onnx(graph.SerializeToString(), folder / WEIGHTS_FILE)
    candidate = folder / "candidate.onnx"
    try:
        candidate.write_bytes(content)
        rows = check_parity(model, candidate)
        error = max(row.max_error for row in rows)
        if not error <= TOLERANCE * model.config.max_depth:
            raise SystemExit(f"{folder}: the graph differs from torch by {error:.1e} m")
        candidate.replace(folder / "model.onnx")
    finally:
        candidate.unlink(missing_ok=True)
    for row in rows:
        print(f"{row.runtime:<12} {row.batch} {row.height}x{row.width} {row.max_error:.1e} m")


def refer_to(path: Path, graph: onnx.ModelProto) -> None:
    """Replace the large weights of a graph by their places in a safetensors file."""
    content = path.read_bytes()
    header, data = safetensors_header(path, content)
    begin = len(content) - len(data)
    for tensor in graph.graph.initializer:
        entry = header.get(tensor.name.removeprefix(PREFIX).removesuffix("/fp16"))
        if entry is None or len(tensor.raw_data) < SMALLEST_HALVED:
            continue
        first, last = entry["data_offsets"]
        if bytes(data[first:last]) != tensor.raw_data:
            raise SystemExit(f"{path}: {tensor.name} is not stored there as the graph has it")
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        where = {"location": path.name, "offset": begin + first, "length": last - first}
        for key, value in where.items():
            tensor.external_data.add(key=key, value=str(value))


if __name__ == "__main__":
    main()
