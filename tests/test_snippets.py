"""The Python of README and docs runs as it stands, a page at a time, where its files are."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import leadline
from tests.conftest import QUICK, make_scene, write_pairs
from tests.test_docs import FENCE, PAGES, ROOT

ROOM = ROOT / "examples" / "room.jpg"
SNIPPETS = {
    page.name: [code for language, code in FENCE.findall(page.read_text(encoding="utf-8"))
                if language == "python"]
    for page in PAGES
}  # fmt: skip
DEAR = {
    "browser.md": {0},
    "coming-from.md": {0},
    "evaluation.md": {0, 1},
    "export.md": {0, 1, 2, 3},
    "finetune.md": {0},
    "prediction.md": {2},
    "serving.md": {0},
    "training.md": {0, 1, 2, 3},
    "worlds.md": {0},
}
"""The snippets that train, export or score: they are run by the slow tests."""


def run_page(page: str, request: pytest.FixtureRequest, *, dear: bool) -> dict[str, Any]:
    """Run the snippets of a page in one namespace, as who reads it from the top would."""
    wanted = {
        index: code for index, code in enumerate(SNIPPETS[page])
        if dear or index not in DEAR.get(page, ())
    }  # fmt: skip
    names = SETUPS.get(page, lambda request: {})(request)
    for index, code in wanted.items():
        exec(compile(code, f"{page}, snippet {index}", "exec"), names)
    return names


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty folder with one photograph."""
    shutil.copy(ROOM, tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server_url():
    """The address of a server that runs in this process."""
    from leadline.inference import Predictor
    from tests.serving.test_server import running

    with running(Predictor.load(precision="f32")) as ((host, port), _):
        yield f"http://{host}:{port}"


@pytest.mark.parametrize(
    "page",
    [name for name, codes in SNIPPETS.items() if set(range(len(codes))) - DEAR.get(name, set())],
)
def test_cheap_snippets_run(page, workplace, request):
    run_page(page, request, dear=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", DEAR)
def test_all_snippets_run(page, workplace, request):
    assert len(SNIPPETS[page]) > max(DEAR[page])
    run_page(page, request, dear=True)


def _data(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Pairs with three planted faults, the training set that is packed, a layout of one's own."""
    from leadline.datasets import LAYOUTS

    known = tuple(LAYOUTS)
    request.addfinalizer(lambda: LAYOUTS.__setitem__(slice(None), known))
    capture = Path("captures/train/0001")
    capture.mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "room.jpg", capture / "photo.png")
    shutil.copy(ROOT / "examples" / "room_depth.png", capture / "range.png")
    write_pairs(Path("mine"), 6)
    (Path("mine") / "depth" / "003.png").write_bytes(b"cut")
    write_pairs(Path("nyu_labeled_train"), 2)
    lines = [f"rgb/{k:03d}.png,depth/{k:03d}.png" for k in range(2)]
    Path("nyu_labeled_train/train.csv").write_text("\n".join(["image,depth", *lines]))
    return {}


def _evaluation(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A data set, somebody's files for it, a network, and maps to be scored."""
    write_pairs(Path("DATA"), 3)
    shutil.copytree("DATA/depth", "THEIR_FILES")
    depth = make_scene(np.random.default_rng(0), (480, 640))[1]
    batch = np.stack([depth, depth])
    return {
        "leadline": leadline,
        "my_network": lambda image: np.full((24, 32), 3, np.float32),
        "prediction": depth * 1.1,
        "truth": depth,
        "valid": depth > 0,
        "abs_rel_of_one": np.array([0.1, 0.2, 0.3]),
        "abs_rel_of_another": np.array([0.2, 0.2, 0.4]),
        "predictions": batch * 1.1,
        "truths": batch,
        "valids": batch > 0,
    }


def _prediction(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A folder of photographs; the model with an uncertainty is the one that ships."""
    from leadline.weights import shipped_checkpoint

    Path("photos").mkdir()
    shutil.copy("photo.jpg", "photos")
    Path("runs").mkdir()
    shutil.copytree(shipped_checkpoint("crisp-nyu"), "runs/crisp-uncertainty")
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr("leadline.export.parity.SIZES", ((48, 64), (61, 97)))
    if _runs_all(request):
        shutil.copytree(request.getfixturevalue("quick_run"), "runs/kitchen")
    return {"leadline": leadline, "images": ["photo.jpg"]}


def _runs_all(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("slow") is not None


def _serving(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A server at the address of the page."""
    url = request.getfixturevalue("server_url")
    patch = request.getfixturevalue("monkeypatch")
    start = leadline.Client.__init__
    at_page = "http://127.0.0.1:8000"

    def started(client: Any, address: str, *words: Any) -> None:
        assert address == at_page
        start(client, url, *words)

    patch.setattr(leadline.Client, "__init__", started)
    return {}


def _training(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Pairs, a trained run, trainings of three small steps, and a catalog that stays as it is."""
    import torch

    from leadline.models import CATALOG

    patch = request.getfixturevalue("monkeypatch")
    patch.setattr("leadline.export.parity.SIZES", ((48, 64), (61, 97)))
    request.addfinalizer(functools.partial(CATALOG.pop, "small-unet", None))
    write_pairs(Path("DATA"), 8)
    _train_quickly(request)
    shape = (2, 1, 114, 152)
    return {"truth": torch.full(shape, 2.0), "valid": torch.ones(shape, dtype=torch.bool)}


def _finetune(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Photographs of one's own, 0001.jpg being the first."""
    write_pairs(Path("own"), 8)
    for kind, suffix in (("rgb", ".jpg"), ("depth", ".png")):
        first = Path("own") / kind / "000.png"
        with Image.open(first) as picture:
            picture.save(first.with_name(f"0001{suffix}"))
        first.unlink()
    _train_quickly(request)
    return {}


def _train_quickly(request: pytest.FixtureRequest) -> None:
    """Let every training have three steps of four small pictures."""
    from leadline.training import train as module

    patch = request.getfixturevalue("monkeypatch")
    quick = [each for each in QUICK if "encoder_weights" not in each] + ["data.val_fraction=0.25"]
    for name in ("train", "continue_run"):
        call = getattr(module, name)
        patch.setattr(module, name, functools.partial(_quick, call, quick))


def _quick(call: Callable[..., Any], quick: list[str], *words: Any, **options: Any) -> Any:
    overrides = [each for each in options.pop("overrides", ()) if "max_steps" not in each]
    return call(*words, overrides=[*quick, "trainer.max_steps=3", *overrides], **options)


def _units(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A depth map of whole millimetres that does not say so."""
    Path("depth").mkdir()
    millimetres = np.asarray(Image.open(ROOT / "examples" / "room_depth.png"))
    Image.fromarray(millimetres.astype(np.uint16)).save("depth/room.png")
    return {}


def _worlds(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The names of the file that the last snippet is to be written into."""
    from leadline.worlds.grammar.furniture import seating

    return dict(vars(seating))


def _my_data(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A recording of ROS 2 with one colour picture and one depth map."""
    from tests.recording import write_recording

    write_recording(Path("recording"), {"/color": "bgr8", "/depth": "16UC1"})
    return {}


def _coming_from(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A depth model of transformers in FOLDER."""
    if _runs_all(request):
        from tests.inference.networks import save_depth_anything

        save_depth_anything(Path("FOLDER"), "metric")
    return {}


def _export(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A run, its exported program, a graph, and photographs; nothing is sent to a hub."""
    import torch

    from leadline.models import DepthModel

    shutil.copytree(request.getfixturevalue("quick_run"), "runs/mine")
    leadline.export_model("runs/mine", "mine.pt2")
    leadline.export_model("crisp-nyu", "out/crisp-nyu.onnx")
    leadline.export_model("crisp-nyu", "crisp-nyu.pte", image_count=1)
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr(DepthModel, "push_to_hub", lambda model, name, private: model)
    patch.setattr(DepthModel, "from_pretrained", lambda name: leadline.models.load_model("folder"))
    photo = np.asarray(Image.open("photo.jpg"))
    return {
        "photo": photo,
        "photos": torch.from_numpy(photo[None].copy()),
        "focal": torch.tensor([518.0]),
        "image": torch.from_numpy(np.asarray(Image.open(ROOM).resize((640, 480)))[None].copy()),
    }


def _browser(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The page's libraries, for which a small file stands, and a run."""
    import leadline_web

    folder = Path("libraries")
    folder.mkdir()
    (folder / "engine.wasm").write_bytes(b"\0asm1234")
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr(leadline_web, "vendor_folder", lambda: folder)
    shutil.copytree(request.getfixturevalue("quick_run"), "runs/kitchen")
    return {}


SETUPS: dict[str, Callable[[pytest.FixtureRequest], dict[str, Any]]] = {
    "data.md": _data,
    "evaluation.md": _evaluation,
    "prediction.md": _prediction,
    "training.md": _training,
    "finetune.md": _finetune,
    "serving.md": _serving,
    "export.md": _export,
    "browser.md": _browser,
    "worlds.md": _worlds,
    "units.md": _units,
    "my-data.md": _my_data,
    "coming-from.md": _coming_from,
}
