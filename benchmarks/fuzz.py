"""Every format that Leadline reads, with bytes changed: what is accepted, refused, and what breaks.

    python benchmarks/fuzz.py --inputs 10000 -o fuzz        # a table, and what broke in fuzz/

Each input is a good file of one format with a few changes, half of them behind its first 64 bytes.
It is read in a watched subprocess: 20 seconds and 1 GB more than the reader itself are the limits.
A reader may accept a file or refuse it with a `LeadlineError`; anything else is a fault, of which
the smallest input is kept. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import traceback
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from leadline.errors import LeadlineError

SECONDS = 20
GROWTH = 1 << 30
HEADER = 64
LARGEST_SHOWN = 100


@dataclass(frozen=True)
class Target:
    """A format: `write` makes a good file in a folder, `read` is what is tried on changed ones.

    With `seal`, `write` makes what is changed, and `seal` the file of it: its checksums are then
    right, and the reader is not saved by them.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    seal: Callable[[bytes], bytes] = bytes


def _depth(suffix: str) -> Target:
    def write(folder: Path) -> Path:
        from leadline.depth import DepthMap
        from leadline.io.formats import write_depth

        depth = np.linspace(1, 5, 24 * 32, dtype=np.float32).reshape(24, 32)
        path = folder / f"depth{suffix}"
        write_depth(path, DepthMap.from_metres(depth))
        return path

    def read(path: Path) -> object:
        from leadline.io.formats import read_depth

        return read_depth(path, 1000.0 if suffix == ".tiff" else None)

    return Target(write, read)


def _picture(suffix: str, *, is_depth: bool = False) -> Target:
    def write(folder: Path) -> Path:
        from PIL import Image

        rng = np.random.default_rng(0)
        if is_depth:
            image = Image.fromarray(rng.integers(1, 9000, (24, 32)).astype(np.uint16))
        else:
            image = Image.fromarray(rng.integers(0, 255, (24, 32, 3)).astype(np.uint8))
        path = folder / f"picture{suffix}"
        image.save(path)
        return path

    def read(path: Path) -> object:
        if is_depth:
            return _depth(".tiff").read(path)
        from leadline.io.photos import read_photo

        photo = read_photo(path)
        return photo.pixels, photo.intrinsics

    return Target(write, read)


def _text(name: str, content: Callable[[], str], read: Callable[[Path], object]) -> Target:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_text(content(), encoding="utf-8")
        return path

    return Target(write, read)


def _recipe_text() -> str:
    from leadline.training.recipe import load_recipe

    return load_recipe("compact").to_yaml()


def _read_recipe(path: Path) -> object:
    from leadline.training.recipe import load_recipe

    return load_recipe(str(path)).to_yaml()


def _protocol_text() -> str:
    return "base: nyu-eigen\nname: mine\nsource: us\nmax_depth: 3\nclamp: [0.1, 3]\n"


def _read_protocol(path: Path) -> object:
    from leadline.metrics.protocols import read_protocol

    return read_protocol(path).describe()


def _read_declarations(path: Path) -> object:
    from leadline.datasets.pairs import Declarations

    return Declarations.read(path.parent, {})


def _config_text() -> str:
    from dataclasses import asdict

    from leadline.models.config import ModelConfig

    return json.dumps(asdict(ModelConfig("compact", training_focal=60.0)), indent=1)


def _read_config(path: Path) -> object:
    from leadline.inference.camera import TrainingCamera
    from leadline.models.config import read_config

    config = read_config(path)
    return TrainingCamera.from_config(config).resolve(64, 48, None, "assumed")


def _result_text() -> str:
    from leadline.metrics import get_protocol

    protocol = get_protocol("full").to_json()
    metrics = dict.fromkeys(("abs_rel", "rmse"), 0.1)
    content = {"model": "m", "data": "d", "protocol": protocol, "images": 2, "images_scored": 2}
    return json.dumps({**content, "metrics": metrics})


def _read_result(path: Path) -> object:
    from leadline.evaluation.result import Result

    table = path.parent / "per_image.csv"
    if not table.is_file():
        table.write_text("id,pixels,missing,abs_rel,rmse\na,5,0,0.1,0.1\nb,5,0,0.1,0.1\n")
    return Result.load(path).to_json()


def _read_table(path: Path) -> object:
    from leadline.evaluation.result import ImageTable

    return ImageTable.read(path).columns


def _run_info_text() -> str:
    return json.dumps({"data": "x", "units_per_metre": 1000.0, "initialised_from": "random"})


def _read_run_info(path: Path) -> object:
    from leadline.training.run_folder import RunInfo

    return RunInfo.read(path.parent)


def _status_text() -> str:
    numbers = {"step": 3, "total_steps": 9, "steps_per_epoch": 3, "images_per_step": 2}
    return json.dumps({"state": "stopped", **numbers, "started": "a", "updated": "b", "pid": 5})


def _read_status(path: Path) -> object:
    from leadline.training.run_folder import Status

    status = Status.read(path.parent)
    return status and status.is_alive()


def _write_weights(folder: Path) -> Path:
    import torch
    from safetensors.torch import save_file

    path = folder / "model.safetensors"
    save_file({"a.weight": torch.ones(3, 4), "b.bias": torch.zeros(5)}, path)
    return path


def _read_weights(path: Path) -> object:
    from leadline.models.encoders import read_state_dict

    return list(read_state_dict(path))


def _write_safetensors(folder: Path) -> Path:
    from leadline.io.checksums import seal_safetensors

    path = _write_weights(folder)
    path.write_bytes(seal_safetensors(path.read_bytes()))
    return path


def _verify(path: Path) -> object:
    from leadline.io.checksums import verify_weights

    return verify_weights(path)


def _write_onnx(folder: Path) -> Path:
    """Write a graph as small as one can be: the mean of the colours times a constant."""
    from onnx import TensorProto, helper, numpy_helper, save

    from leadline.inference.runtime import CONFIG_KEY

    size = ["n", "h", "w"]
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[3], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["depth"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [*size, 3])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, size)],
        [numpy_helper.from_array(np.full(16, 0.01, np.float32)[:1], "scale")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {CONFIG_KEY: _config_text()})
    path = folder / "export.onnx"
    save(model, path)
    return path


def _read_onnx(path: Path) -> object:
    from leadline.inference.onnx_runtime import OnnxRuntime
    from leadline.io.onnx_files import embed_weights

    return OnnxRuntime(path, threads=1).config, embed_weights(path)


def _seal_onnx(data: bytes) -> bytes:
    from leadline.io.checksums import seal_onnx

    return seal_onnx(data)


def _write_openvino(folder: Path) -> Path:
    import openvino

    from leadline.io.checksums import seal_openvino

    path = folder / "export.xml"
    openvino.save_model(openvino.Core().read_model(_write_onnx(folder)), path, False)
    seal_openvino(path, path.with_suffix(".bin"))
    return path


def _write_checkpoint(folder: Path) -> Path:
    import torch

    path = folder / "checkpoints" / "last.ckpt"
    path.parent.mkdir()
    torch.save({"step": 3, "model": {"a": torch.ones(3, 4)}, "seed": 1}, path)
    return path


def _read_checkpoint(path: Path) -> object:
    from leadline.training.checkpoint import load_checkpoint

    return load_checkpoint(path.parent)


def _read_training_images(path: Path) -> object:
    from leadline.datasets.trained_on import training_data

    for name, text in (("recipe.yaml", _recipe_text()), ("run.json", _run_info_text())):
        if not (path.parent / name).is_file():
            (path.parent / name).write_text(text)
    data = training_data(path.parent)
    return data and data.images()


def _shipped_config() -> str:
    from leadline.weights import shipped_graph

    return shipped_graph("crisp-nyu").with_name("config.json").read_text()


def _camera_text() -> str:
    return "60.0 0.0 16.0\n0.0 60.0 12.0\n0.0 0.0 1.0\n"


def _read_camera(path: Path) -> object:
    from leadline.io.cameras import read_camera_file

    return read_camera_file(path).for_size(32, 24)


def _list_text() -> str:
    return "image,depth,label\nrgb/0.png,depth/0.png,label/0.png\nrgb/1.png,depth/1.png,\n"


def _read_list(path: Path) -> object:
    from leadline.datasets.pair_listing import list_csv

    return list_csv(path).faults


def _seal_png(data: bytes) -> bytes:
    """Write the right check sum behind every chunk of a PNG, as far as they can be told apart."""
    sealed, at = bytearray(data), 8
    while at + 12 <= len(sealed):
        end = at + 12 + int.from_bytes(sealed[at : at + 4], "big")
        if end > len(sealed):
            break
        sealed[end - 4 : end] = zlib.crc32(sealed[at + 4 : end - 4]).to_bytes(4, "big")
        at = end
    return bytes(sealed)


def _seal_npz(data: bytes) -> bytes:
    """Put a NPY file into an archive."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("depth.npy", data)
    return buffer.getvalue()


def _write_npy_for_npz(folder: Path) -> Path:
    buffer = BytesIO()
    np.save(buffer, np.linspace(1, 5, 24 * 32, dtype=np.float32).reshape(24, 32))
    path = folder / "depth.npz"
    path.write_bytes(buffer.getvalue())
    return path


def _write_shards(folder: Path, name: str) -> Path:
    from PIL import Image

    from leadline.datasets.packing import pack_shards

    for part in ("rgb", "depth"):
        (folder / "data" / part).mkdir(parents=True)
    for number in range(2):
        Image.new("RGB", (32, 24)).save(folder / "data/rgb" / f"{number}.png")
        depth = Image.fromarray(np.full((24, 32), 2000, np.uint16))
        depth.save(folder / "data/depth" / f"{number}.png")
    pack_shards(folder / "data", folder / "shards", units_per_metre=1000.0)
    return next((folder / "shards").rglob(name))


def _read_shards(path: Path) -> object:
    from leadline.datasets.open import open_data
    from leadline.datasets.shards import _map_arrays

    _map_arrays.cache_clear()
    data = open_data(path.parent, layout="shards")
    return [data[index].depth.sum() for index in range(len(data))]


def _write_mat(folder: Path) -> Path:
    import h5py

    path = folder / "nyu_depth_v2_labeled.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["images"] = np.full((2, 3, 32, 24), 90, np.uint8)
        file["depths"] = np.full((2, 32, 24), 2, np.float32)
        file["labels"] = np.ones((2, 32, 24), np.uint16)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\x02IM")
    return path


def _read_mat(path: Path) -> object:
    from leadline.datasets import nyu_mat
    from leadline.datasets.open import open_data

    nyu_mat._open_file.cache_clear()
    data = open_data(path, options={"labels": "none"})
    return [data[index].depth.sum() for index in range(len(data))]


def _camera_json() -> str:
    return json.dumps({"fx": 60.0, "fy": 60.0, "cx": 16.0, "cy": 12.0, "width": 32, "height": 24})


def _write_calibration(folder: Path) -> Path:
    from leadline.depth.calibration import Calibration
    from leadline.io.calibration import write_calibration

    path = folder / "calibration.json"
    write_calibration(path, Calibration(1.1, 0.01, {"model": "m"}))
    return path


def _read_calibration(path: Path) -> object:
    from leadline.io.calibration import read_calibration

    return read_calibration(path)


TARGETS: dict[str, Target] = {
    "depth npy": _depth(".npy"),
    "depth npz": _depth(".npz"),
    "depth png16": _depth(".png"),
    "depth pfm": _depth(".pfm"),
    "depth exr": _depth(".exr"),
    "depth tiff": _picture(".tiff", is_depth=True),
    "photo jpeg": _picture(".jpg"),
    "photo png": _picture(".png"),
    "photo webp": _picture(".webp"),
    "photo tiff": _picture(".tif"),
    "photo gif": _picture(".gif"),
    "photo bmp": _picture(".bmp"),
    "recipe": _text("recipe.yaml", _recipe_text, _read_recipe),
    "protocol": _text("mine.yaml", _protocol_text, _read_protocol),
    "dataset.yaml": _text(
        "dataset.yaml", lambda: "depth_scale: 1000\ndataset: nyu\n", _read_declarations
    ),
    "config.json": _text("config.json", _config_text, _read_config),
    "result.json": _text("result.json", _result_text, _read_result),
    "per_image.csv": _text(
        "per_image.csv", lambda: "id,pixels,missing,abs_rel\na,5,0,0.1\nb,5,0,\n", _read_table
    ),
    "run.json": _text("run.json", _run_info_text, _read_run_info),
    "status.json": _text("status.json", _status_text, _read_status),
    "weights": Target(_write_weights, _read_weights),
    "camera": _text("camera.txt", _camera_text, _read_camera),
    "list csv": _text("pairs.csv", _list_text, _read_list),
    "camera json": _text("camera.json", _camera_json, _read_camera),
    "calibration": Target(_write_calibration, _read_calibration),
    "inside png16": Target(_depth(".png").write, _depth(".png").read, _seal_png),
    "inside png": Target(_picture(".png").write, _picture(".png").read, _seal_png),
    "inside npz": Target(_write_npy_for_npz, _depth(".npz").read, _seal_npz),
    "shards manifest": Target(lambda f: _write_shards(f, "manifest.json"), _read_shards),
    "shards samples": Target(lambda f: _write_shards(f, "samples.json"), _read_shards),
    "nyu .mat": Target(_write_mat, _read_mat),
    "sealed weights": Target(_write_safetensors, _verify),
    "export onnx": Target(_write_onnx, _read_onnx),
    "inside onnx": Target(_write_onnx, _read_onnx, _seal_onnx),
    "export xml": Target(_write_openvino, _verify),
    "checkpoint": Target(_write_checkpoint, _read_checkpoint),
    "training images": _text(
        "training_images.json",
        lambda: '["/data/rgb/1.png", "/data/rgb/2.png"]',
        _read_training_images,
    ),
    "config of crisp": _text("config.json", _shipped_config, _read_config),
}
"""Every format, by the name that the table gives it."""

WORDS = (
    b"null", b"0", b"-1", b"1e999", b"1e15", b".nan", b".inf", b"[]", b"{}", b"true", b"\xe9",
    b"2024-13-01", b"*a", b"&a [*a]", b"\x1b[31m", b"[" * 2000, b"\0" * 8, b"\xff" * 8,
)  # fmt: skip
"""What is written over a part of a file: values of another kind, bytes of no text."""


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with one to four changes, of which about half lie behind its header."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        first = 0 if rng.random() < 0.5 or len(changed) <= HEADER else HEADER
        at = rng.randrange(first, max(first + 1, len(changed)))
        kind = rng.randrange(6)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at : at + rng.randint(1, 8)] = rng.randbytes(rng.randint(0, 8))
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            word = rng.choice(WORDS)
            changed[at : at + rng.choice((0, 1, 4, len(word)))] = word
        elif kind == 4:
            end = rng.randrange(at, len(changed) + 1)
            changed[at:at] = changed[at:end][:4096]
        else:
            del changed[at : at + rng.randint(1, 32)]
    return bytes(changed)


def mutated(name: str, seed: int, good: bytes) -> bytes:
    """Return input number `seed` of a format whose good file is `good`."""
    return mutate(good, random.Random(f"{name} {seed}"))


class TooSlowError(Exception):
    """A reader took longer than its limit."""


def _too_slow(_number: int, _frame: object) -> None:
    raise TooSlowError


def try_reading(target: Target, path: Path) -> str:
    """Read a file; return accepted, refused, hang, memory, or the place of a traceback."""
    signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(SECONDS)
    try:
        target.read(path)
        return "accepted"
    except LeadlineError:
        return "refused"
    except TooSlowError:
        return "hang"
    except MemoryError:
        return "memory"
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [each for each in frames if "leadline" in each.filename] or frames
        last = own[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
    finally:
        signal.alarm(0)


def _run_child(name: str, first: int, count: int) -> None:
    """Read inputs and print a line for each: its number before, its outcome after."""
    target = TARGETS[name]
    with TemporaryDirectory() as folder:
        path = target.write(Path(folder))
        good = path.read_bytes()
        path.write_bytes(target.seal(good))
        target.read(path)  # whatever is imported, is imported now, however long that takes
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + GROWTH, used + GROWTH))
        for seed in range(first, first + count):
            print(f"begin {seed}", flush=True)
            path.write_bytes(target.seal(mutated(name, seed, good)))
            print(f"end {try_reading(target, path)}", flush=True)


def try_format(name: str, count: int) -> list[str]:
    """Return the outcome of each of `count` inputs of a format, in watched subprocesses."""
    outcomes: list[str] = []
    while len(outcomes) < count:
        first = len(outcomes)
        command = [sys.executable, __file__, "--child", name, str(first), str(count - first)]
        try:
            child = subprocess.run(
                command, capture_output=True, text=True, timeout=3600, check=False
            )
        except subprocess.TimeoutExpired as error:
            child = subprocess.CompletedProcess(command, -9, str(error.stdout or ""), "")
        lines = child.stdout.splitlines()
        outcomes += [line.removeprefix("end ") for line in lines if line.startswith("end ")]
        if len(outcomes) < count and not any(line.startswith("begin ") for line in lines):
            raise SystemExit(f"{name}: {child.stderr[-500:]}")
        if len(outcomes) < count:
            outcomes.append(f"died ({child.returncode})")
    return outcomes


def _keep_smallest(name: str, outcomes: list[str], out: Path) -> None:
    """Write the smallest input of each kind of fault of a format into `out`."""
    with TemporaryDirectory() as folder:
        path = TARGETS[name].write(Path(folder))
        good, smallest = path.read_bytes(), dict[str, bytes]()
        for seed, outcome in enumerate(outcomes):
            data = TARGETS[name].seal(mutated(name, seed, good))
            if outcome not in ("accepted", "refused") and len(data) <= len(
                smallest.get(outcome, data)
            ):
                smallest[outcome] = data
        for number, (outcome, data) in enumerate(sorted(smallest.items())):
            out.mkdir(parents=True, exist_ok=True)
            file = out / f"{name.replace(' ', '-')}-{number}{path.suffix}"
            file.write_bytes(data)
            print(f"  {outcome[:LARGEST_SHOWN]}: {file} ({len(data)} bytes)")


def main() -> None:
    """Try all formats, or those named, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="over all formats")
    parser.add_argument("--format", action="append", choices=list(TARGETS))
    parser.add_argument("-o", "--out", type=Path, default=Path("fuzz"))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        name, first, count = given.child
        _run_child(name, int(first), int(count))
        return
    names = given.format or list(TARGETS)
    total: dict[str, int] = defaultdict(int)
    print(f"{'format':<16}{'inputs':>8}{'accepted':>10}{'refused':>9}{'faults':>8}")
    for name in names:
        outcomes = try_format(name, -(-given.inputs // len(names)))
        counts = Counter(outcomes)
        faults = len(outcomes) - counts["accepted"] - counts["refused"]
        row = (len(outcomes), counts["accepted"], counts["refused"], faults)
        print(f"{name:<16}{row[0]:>8}{row[1]:>10}{row[2]:>9}{row[3]:>8}", flush=True)
        for key, value in zip(("inputs", "accepted", "refused", "faults"), row, strict=True):
            total[key] += value
        _keep_smallest(name, outcomes, given.out)
    print(f"{'all':<16}{total['inputs']:>8}{total['accepted']:>10}", end="")
    print(f"{total['refused']:>9}{total['faults']:>8}")


if __name__ == "__main__":
    main()
