"""Carry a trained model in small files: fp16 weights cut into pieces, joined again with a check.

    python benchmarks/gpu/pieces.py cut RUN -o pieces [--piece-mib 16]
    python benchmarks/gpu/pieces.py join pieces -o MODEL

Weights of two or more dimensions become fp16; biases and the statistics of BatchNorm, which are
small and can be large numbers, stay as they are. `join` compares every piece and the whole with
the check sums in manifest.json and writes a model folder that `leadline predict --model` takes.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.models.build import create_model, load_model
from leadline.models.config import ModelConfig

MIB = 1 << 20


def halve(name: str, weight: Tensor) -> Tensor:
    """Return the weight as it travels."""
    if weight.ndim < 2 or not weight.is_floating_point():
        return weight
    half = weight.to(torch.float16)
    if not bool(half.isfinite().all()):
        raise LeadlineError(f"{name}: holds values that fp16 cannot (beyond 65504, or not finite)")
    return half


def digest(data: bytes) -> str:
    """Return the SHA-256 check sum in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def cut(source: Path, out: Path, largest: int) -> dict[str, int]:
    """Cut the model of a run or model folder; return the bytes of every piece."""
    folder = source / "model" if (source / "model").is_dir() else source
    model = load_model(folder)
    data = save({name: halve(name, value) for name, value in model.state_dict().items()})
    if out.exists() and any(out.iterdir()):
        raise LeadlineError(f"{out}: is not empty; choose another folder")
    pieces = {}
    for number, start in enumerate(range(0, len(data), largest)):
        piece, name = data[start : start + largest], f"weights-{number:03d}.bin"
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(piece)
        pieces[name] = piece
    manifest = {
        "config": asdict(model.config),
        "sha256": digest(data),
        "pieces": {name: digest(piece) for name, piece in pieces.items()},
    }
    with atomic_path(out / "manifest.json") as temporary:
        temporary.write_text(json.dumps(manifest, indent=2) + "\n")
    return {name: len(piece) for name, piece in pieces.items()}


def read_piece(path: Path, expected: str) -> bytes:
    """Read one piece and compare its check sum."""
    if not path.is_file():
        raise LeadlineError(f"{path}: missing; fetch it again")
    data = path.read_bytes()
    if digest(data) != expected:
        raise LeadlineError(f"{path}: damaged (its SHA-256 is not the manifest's); fetch it again")
    return data


def join(folder: Path, out: Path) -> int:
    """Write the model folder `out` from its pieces; return its number of parameters."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text())
        config, pieces, whole = (
            ModelConfig(**manifest["config"]),
            manifest["pieces"],
            manifest["sha256"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LeadlineError(f"{path}: missing or damaged ({error}); fetch it again") from error
    data = b"".join(read_piece(folder / name, expected) for name, expected in pieces.items())
    if digest(data) != whole:
        raise LeadlineError(f"{path}: its pieces do not make up the whole; fetch them again")
    model = create_model(config)
    model.load_state_dict(load(data))
    model.save(out)
    return model.parameter_count()


def main(arguments: list[str] | None = None) -> int:
    """Cut or join."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("cut", "join"):
        action = actions.add_parser(name)
        action.add_argument("source", type=Path)
        action.add_argument("-o", "--out", type=Path, required=True)
        if name == "cut":
            action.add_argument("--piece-mib", type=float, default=16.0)
    options = parser.parse_args(arguments)
    try:
        if options.action == "join":
            print(f"{options.out}: {join(options.source, options.out):,} parameters")
            return 0
        if options.piece_mib * MIB < 1:
            raise LeadlineError(f"--piece-mib {options.piece_mib:g}: give a positive number")
        sizes = cut(options.source, options.out, int(options.piece_mib * MIB))
    except LeadlineError as error:
        print(f"pieces: {error}", file=sys.stderr)
        return 2
    total = sum(sizes.values()) / MIB
    print(f"{options.out}: {len(sizes)} pieces, {total:.1f} MiB, and manifest.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
