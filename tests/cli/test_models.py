"""`leadline models --verify` and the export of the shipped model, as a person calls them."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

import leadline as package
from leadline.cli import main
from leadline.inference.predictor import load
from leadline.weights import FOLDER, shipped_checkpoint
from tests.cli.helpers import fails_in_one_line, leadline

PICTURE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """The shipped model in every format, each in a folder of its name."""
    folder = tmp_path_factory.mktemp("exports")
    for kind in ("onnx", "openvino", "checkpoint"):
        package.export_model("compact-nyu", folder / kind, format=kind)
    return folder


FILES = {"onnx": "compact-nyu.onnx", "openvino": "compact-nyu.xml", "checkpoint": "compact-nyu"}


def test_every_format_gives_the_same_metres(exports):
    shipped = load("compact-nyu", precision="f32")(PICTURE).depth
    for kind, name in FILES.items():
        depth = load(exports / kind / name, precision="f32")(PICTURE).depth
        np.testing.assert_allclose(depth, shipped, rtol=0, atol=1e-3)
    by_onnxruntime = load(exports / "onnx" / FILES["onnx"], runtime="onnxruntime")
    np.testing.assert_allclose(by_onnxruntime(PICTURE).depth, shipped, rtol=0, atol=1e-3)


def test_every_exported_file_carries_the_configuration(exports):
    config = json.loads((shipped_checkpoint("compact-nyu") / "config.json").read_text())
    model = onnx.load(exports / "onnx" / "compact-nyu.onnx")
    onnx.checker.check_model(model)
    assert model.ir_version == 8
    in_onnx = {entry.key: entry.value for entry in model.metadata_props}
    import openvino

    xml = openvino.Core().read_model(exports / "openvino" / "compact-nyu.xml")
    in_xml = xml.get_rt_info(["framework", "leadline"]).astype(str)
    assert json.loads(in_onnx["leadline"]) == json.loads(in_xml) == config


def test_export_of_the_shipped_model_needs_no_torch(tmp_path):
    code = "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
    result = leadline("export", "compact-nyu", "--format", "onnx", "-o", tmp_path, before=code)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "compact-nyu.onnx").stat().st_size > 7e6
    assert "a copy of the checkpoint" in result.stdout
    assert "export: comparing: 8/8 pictures" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compact-nyu", "-o", "{tmp}/m.engine"], [".onnx", ".xml", "--format"]),
        (["compact-nyu", "-o", "{tmp}/m.onnx", "--format", "openvino"], ["give a folder"]),
        (["{tmp}/no-run", "-o", "{tmp}/m.onnx"], ["no such file or folder", "compact-nyu"]),
        (["compact-nyu", "-o", "{tmp}/f.onnx"], ["f.onnx: is a folder"]),
        (["compact-nyu", "-o", "{tmp}/g.onnx"], ["g.onnx.json: is a folder"]),
        (["compact-nyu", "-o", "{tmp}/h.xml"], ["h.bin: is a folder"]),
        (
            ["{tmp}/run", "-o", "{tmp}", "--format", "checkpoint"],
            ["{tmp}/run: is the checkpoint itself"],
        ),
        (
            ["compact-nyu", "-o", "{tmp}", "--format", "checkpoint"],
            ["compact-nyu/model.onnx: exists already"],
        ),
    ],
)
def test_a_wrong_export_is_one_line(arguments, words, tmp_path, here):
    for folder in ("f.onnx", "g.onnx.json", "h.bin", "compact-nyu/model.onnx"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copytree(shipped_checkpoint("compact-nyu"), tmp_path / "run")
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    words = [word.format(tmp=tmp_path) for word in words]
    fails_in_one_line(here("export", *(text.format(tmp=tmp_path) for text in arguments)), *words)
    assert not list(tmp_path.glob("[fgh].*/*")) and not list(tmp_path.glob("*.safetensors"))
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


@pytest.fixture
def here(capsys, monkeypatch) -> Callable[..., object]:
    """Run the command in this process, which costs no start of one."""

    def run(*arguments: object) -> object:
        monkeypatch.setattr(sys, "argv", ["leadline", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return type(
            "Result",
            (),
            {"returncode": ended.value.code or 0, "stdout": said.out, "stderr": said.err},
        )

    return run


def flip(path: Path, share: float = 0.6) -> None:
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def put_nan(path: Path) -> None:
    tensors = load_file(path)
    tensors["head.bias"][:] = np.nan
    save_file(tensors, path)


DAMAGE: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "a flipped bit in .bin": ("openvino", "compact-nyu.bin", flip),
    "a cut .bin": ("openvino", "compact-nyu.bin", cut),
    "a .bin of another export": ("openvino", "compact-nyu.bin", lambda path: path.write_bytes(
        np.roll(np.frombuffer(path.read_bytes(), np.uint8), 2).tobytes()
    )),
    "an edited .xml": ("openvino", "compact-nyu.xml", lambda path: replace(
        path, 'version="opset1"', 'version="opset2"'
    )),
    "a cut .xml": ("openvino", "compact-nyu.xml", cut),
    "a flipped bit in .onnx": ("onnx", "compact-nyu.onnx", flip),
    "a cut .onnx": ("onnx", "compact-nyu.onnx", cut),
    "a flipped bit in .safetensors": ("checkpoint", "compact-nyu/model.safetensors", flip),
    "a cut .safetensors": ("checkpoint", "compact-nyu/model.safetensors", cut),
    "NaN in a .safetensors without a checksum": (
        "checkpoint", "compact-nyu/model.safetensors", put_nan
    ),
    "a configuration that is no JSON": ("checkpoint", "compact-nyu/config.json", flip),
    "an architecture that is none": ("checkpoint", "compact-nyu/config.json", lambda path: replace(
        path, '"compact"', '"compost"'
    )),
    "a depth in words": ("checkpoint", "compact-nyu/config.json", lambda path: replace(
        path, "10.0", '"ten"'
    )),
    "a depth range upside down": ("checkpoint", "compact-nyu/config.json", lambda path: replace(
        path, "10.0", "-3"
    )),
    "a stride of nothing": ("checkpoint", "compact-nyu/config.json", lambda path: replace(
        path, '"stride": 16', '"stride": 0'
    )),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_refused_in_one_line(kind, exports, tmp_path, here):
    export, name, harm = DAMAGE[kind]
    folder = shutil.copytree(exports / export, tmp_path / export)
    harm(folder / name)
    photo = Path(__file__).parents[2] / "examples" / "room.jpg"
    model = folder / FILES[export]
    result = here("predict", photo, "-o", tmp_path / "out", "--model", model)
    fails_in_one_line(result, str(folder))
    assert not list(tmp_path.glob("out/*"))


def test_weights_of_another_run_beside_the_shipped_graph_are_refused(quick_run, tmp_path, here):
    folder = shutil.copytree(shipped_checkpoint("compact-nyu"), tmp_path / "model")
    shutil.copy(quick_run / "model" / "model.safetensors", folder / "model.safetensors")
    photo = Path(__file__).parents[2] / "examples" / "room.jpg"
    for model in (folder, folder / "model.onnx"):
        result = here("predict", photo, "-o", tmp_path / "out", "--model", model)
        fails_in_one_line(result, "model.safetensors: ", "another training", "model.onnx")
    result = here("export", folder, "--format", "checkpoint", "-o", tmp_path / "copy")
    fails_in_one_line(result, "another training")
    assert not list(tmp_path.glob("out/*"))


def test_verify_looks_at_what_ships_or_at_a_folder(exports, tmp_path, here):
    result = here("models", "--verify")
    assert result.returncode == 0
    assert result.stdout.count(": whole") == len(result.stdout.splitlines()) == 7
    assert str(FOLDER) in result.stdout
    folder = shutil.copytree(exports, tmp_path / "exports")
    flip(folder / "openvino" / "compact-nyu.bin")
    result = here("models", "--verify", folder)
    fails_in_one_line(result, "compact-nyu.bin: damaged")
    assert result.stdout.count(": whole") == 2
    flip(folder / "checkpoint" / "compact-nyu" / "model.safetensors")
    onnx_path = folder / "onnx" / "compact-nyu.onnx"
    onnx_path.write_bytes(onnx_path.read_bytes()[:-100])
    result = here("models", "--verify", folder)
    assert result.returncode == 2
    assert result.stdout == ""
    assert all(line.startswith("leadline: error: ") for line in result.stderr.splitlines())
    names = [line.partition(": damaged")[0] for line in result.stderr.splitlines()]
    assert [Path(name).suffix for name in names] == [".safetensors", ".onnx", ".bin"]
    written_by_0_1 = Path(__file__).parents[1] / "data" / "v0.1" / "run" / "model"
    result = here("models", "--verify", written_by_0_1)
    assert result.returncode == 0
    assert "has no checksum" in result.stdout
    fails_in_one_line(here("models", folder), "--verify")
    fails_in_one_line(here("models", "--verify", tmp_path / "nothing.onnx"), "no such file")
