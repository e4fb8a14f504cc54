"""Models go to a hub on this machine and come back with the same bits and the same metres."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from leadline.datasets.fingerprints import FILE, known_photographs
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.evaluation import Result
from leadline.hub import push, push_model
from leadline.hub.card import HEAD, Score, model_card, without_scores
from leadline.inference import Predictor
from leadline.io.hub import fetch_model, fetch_text
from leadline.models import DepthModel, ModelConfig, create_model, load_model
from leadline.models.compact import CompactModel
from leadline.models.unet import UNet
from leadline.weights import shipped_checkpoint
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.complaints import complaint
from tests.evaluation.results import edit_result, write_result
from tests.hub.server import run_hub

ROOM = Path(__file__).parents[2] / "examples" / "room.jpg"


@pytest.fixture(scope="module")
def model():
    """A small network with random weights of more bytes than go into a commit."""
    config = ModelConfig("compact", training_area=64 * 64, stride=32, training_focal=60.0)
    return create_model(config, seed=3).eval()


@pytest.fixture(scope="module")
def served():
    """One hub for all tests: its client remembers the address."""
    with run_hub() as hub:
        yield hub


@pytest.fixture
def hub(served, tmp_path, monkeypatch):
    """A hub of this machine, an empty cache, and a token."""
    if served:
        for name, value in {
            "HF_ENDPOINT": served.url,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_TOKEN": "hf_test",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }.items():
            monkeypatch.setenv(name, value)
        from huggingface_hub import constants, hf_api

        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(hf_api.api, "endpoint", served.url)
        # Another test may have imported the client, which then knows the real hub in many places.
        for module in [each for name, each in sys.modules.items() if "huggingface_hub" in name]:
            for name, value in list(vars(module).items()):
                if isinstance(value, str) and value.startswith("https://huggingface.co"):
                    address = value.replace("https://huggingface.co", served.url)
                    monkeypatch.setattr(module, name, address)
        yield served
        assert not served.faults


def here(code: str, *, torch_installed: bool) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that has torch, or has it not."""
    before = "" if torch_installed else "import sys; sys.modules['torch'] = None\n"
    return subprocess.run(
        [sys.executable, "-c", before + code], capture_output=True, text=True, env=os.environ,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("source", ["compact-nyu", pytest.param("run", marks=pytest.mark.slow)])
def test_a_model_comes_back_with_its_metres_with_torch_and_without(
    source, hub, model, pairs, tmp_path
):
    if source == "run":
        source = tmp_path / "run"
        model.save(source / "model")
    write_result(tmp_path / "score", pairs, lambda number: 1.1, limit=2)
    sent = leadline_here(
        "push", source, "--to", "me/rooms", "--private", "--license", "apache-2.0",
        "--result", tmp_path / "score",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    assert f"rooms: {hub.url}/me/rooms" in sent.stdout
    assert hub.private["me/rooms"]
    files = hub.repos["me/rooms"]
    prints = {FILE} if source == "compact-nyu" else set()
    assert set(files) == {"README.md", "config.json", "model.onnx", "model.safetensors"} | prints
    assert {"model.onnx", "model.safetensors"} <= hub.large
    assert Score.of_result(Result.load(tmp_path / "score")).data == pairs.name
    assert str(pairs.parent) not in files["README.md"].decode()
    assert json.loads(files["config.json"])["library_name"] == "leadline"

    expected = Predictor.load(source, runtime="torch", precision="f32")(ROOM).depth
    code = (
        "import leadline, numpy, sys\n"
        f"p = leadline.load('hf:me/rooms', precision='f32'); d = p({str(ROOM)!r})\n"
        f"numpy.save({str(tmp_path)!r} + '/d', d.depth)\n"
        "print(p.runtime.name, d.provenance['model'])\n"
    )
    done = here(code, torch_installed=False)
    assert done.stdout.split() == ["openvino", "rooms"], done.stderr
    assert np.abs(np.load(tmp_path / "d.npy") - expected).max() < 1e-3
    again = Predictor.load("hf:me/rooms", runtime="torch", precision="f32")(ROOM).depth
    np.testing.assert_array_equal(again, expected)


@pytest.mark.slow
def test_a_folder_in_another_type_holds_a_graph_of_its_own_weights(model, tmp_path, monkeypatch):
    monkeypatch.setattr("leadline.export.parity.SIZES", ((48, 64),))
    model.save(tmp_path / "run" / "model")
    push(tmp_path / "run", out=tmp_path / "folder", weights="fp16")
    found = [Predictor.load(tmp_path / "folder", runtime=each) for each in ("openvino", "torch")]
    image = np.full((48, 64, 3), 90, np.uint8)
    np.testing.assert_allclose(found[0](image).depth, found[1](image).depth, atol=1e-3)


@pytest.mark.slow
def test_uncertainty_and_novelty_of_a_run_come_back_with_torch_and_without(
    hub, tmp_path, monkeypatch
):
    monkeypatch.setattr("leadline.export.parity.SIZES", ((48, 64), (61, 97)))
    run = tmp_path / "run"
    shipped = shipped_checkpoint("crisp-nyu")
    (run / "model").mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(shipped / name, run / "model")
    sent = leadline_here("push", run, "--to", "me/sure")
    assert sent.returncode == 0, sent.stderr
    code = (
        "import leadline, numpy, sys\n"
        f"r = leadline.load('hf:me/sure', precision='f32').predict({str(ROOM)!r})\n"
        f"numpy.savez({str(tmp_path)!r} + '/d', depth=r.depth.depth, novelty=r.novelty,\n"
        "  uncertainty=r.depth.uncertainty, near=r.depth.interval(80)[0])\n"
    )
    done = here(code, torch_installed=False)
    assert done.returncode == 0, done.stderr
    expected = Predictor.load("crisp-nyu", precision="f32").predict(ROOM)
    again = Predictor.load("hf:me/sure", runtime="torch", precision="f32").predict(ROOM)
    without = np.load(tmp_path / "d.npz")
    assert expected.novelty is not None and expected.depth.uncertainty.min() > 0
    for depth, uncertainty, near, novelty in (
        [without[name] for name in ("depth", "uncertainty", "near", "novelty")],
        (again.depth.depth, again.depth.uncertainty, again.depth.interval(80)[0], again.novelty),
    ):
        np.testing.assert_allclose(depth, expected.depth.depth, atol=1e-4)
        np.testing.assert_allclose(uncertainty, expected.depth.uncertainty, atol=1e-5)
        np.testing.assert_allclose(near, expected.depth.interval(80)[0], atol=1e-4)
        assert float(novelty) == pytest.approx(float(expected.novelty), abs=1e-4)


def test_the_card_is_what_the_hub_reads(pairs, tmp_path):
    result = Result.load(write_result(tmp_path / "score", pairs, lambda number: 1.1, limit=2))
    card = model_card("rooms", {"architecture": "compact"}, [Score.of_result(result)], "mit")
    head = yaml.safe_load(HEAD.match(card)[1])
    assert head["pipeline_tag"] == "depth-estimation"
    assert (head["library_name"], head["license"]) == ("leadline", "mit")
    [entry] = head["model-index"]
    scores = {each["type"]: each["value"] for each in entry["results"][0]["metrics"]}
    assert scores["abs_rel"] == pytest.approx(result.metrics["abs_rel"], abs=1e-6)
    from huggingface_hub import ModelCard

    read = ModelCard(card).data.eval_results
    assert {each.metric_type for each in read} == set(result.metrics)
    # What an earlier call wrote is written anew; what somebody wrote stays.
    again = model_card("rooms", {"architecture": "unet"}, [], None, card)
    assert "`unet`" in again and "`compact`" not in again and again.count("# rooms") == 1
    assert "no YAML" in complaint(lambda: model_card("rooms", {}, [], None, "---\na: [\n---\n"))
    scored = "---\nlicense: mit\nmodel-index:\n- name: old\n---\n\nMine.\n"
    assert without_scores(scored) == "---\nlicense: mit\n---\n\nMine.\n"
    assert without_scores("Mine.\n") == "Mine.\n"
    kept = model_card("rooms", {}, [], None, "---\nlanguage: en\nlicense: mit\n---\n\nMine.\n")
    assert kept.endswith("Mine.\n")
    assert yaml.safe_load(HEAD.match(kept)[1])["license"] == "mit"


def test_the_card_repeats_the_warnings_of_a_result_without_anybody_s_folders(pairs, tmp_path):
    folder = write_result(tmp_path / "score", pairs, lambda number: 1.1, limit=2)
    run = tmp_path / "runs" / "rooms"
    edit_result(
        folder,
        model_path=str(run / "model"),
        warnings=[f"2 of these 2 images were trained on by {run}"],
    )
    with pytest.warns(LeadlineWarning, match="2 of these 2 images were trained on by rooms"):
        push("compact-nyu", out=tmp_path / "out", results=[folder])
    score = Score.of_result(Result.load(folder))
    card = model_card("rooms", {"architecture": "compact"}, [score], "mit")
    assert "Warning: 2 of these 2 images were trained on by rooms." in card
    assert str(tmp_path) not in card
    edit_result(folder, model_path="a/rooms/model", warnings=["as data/x of a/rooms says"])
    assert Score.of_result(Result.load(folder)).warnings == ("as data/x of rooms says",)


def test_a_plain_folder_laid_out_the_same_way(tmp_path, monkeypatch):
    pushed = push("compact-nyu", out=tmp_path / "folder")
    weights = ["model.onnx", "model.safetensors"]
    assert sorted(pushed.files) == ["README.md", "config.json", *weights, FILE]
    assert known_photographs(f"hf:{tmp_path / 'folder'}").model == "compact-nyu"
    assert (pushed.license, pushed.scores) == ("apache-2.0", 0)
    predictor = Predictor.load(f"hf:{tmp_path / 'folder'}", precision="f32")
    assert (predictor.name, predictor.runtime.name) == ("folder", "openvino")
    expected = Predictor.load("compact-nyu", precision="f32")(ROOM).depth
    np.testing.assert_array_equal(predictor(ROOM).depth, expected)
    again = pickle.loads(pickle.dumps(predictor))
    np.testing.assert_array_equal(again(ROOM).depth, expected)
    assert Predictor.load(tmp_path / "folder", runtime="torch").runtime.name == "torch"
    monkeypatch.setattr(push_model, "_write", lambda *_: pytest.fail("was written first"))
    assert "exists already" in complaint(lambda: push("compact-nyu", out=tmp_path / "folder"))
    under_file = tmp_path / "folder" / "README.md" / "x"
    assert "is a file" in complaint(lambda: push("compact-nyu", out=under_file))


def test_models_save_load_and_push_by_the_calls_of_hugging_face(hub, model, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    model.push_to_hub("me/small")
    for place in (tmp_path / "saved", "me/small", "hf:me/small"):
        again = CompactModel.from_pretrained(place)
        assert all(
            torch.equal(a, b)
            for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
        )
    assert "is a CompactModel, no UNet" in complaint(lambda: UNet.from_pretrained("me/small"))
    assert isinstance(DepthModel.from_pretrained(tmp_path / "saved"), CompactModel)
    assert load_model(tmp_path / "saved").config == model.config


def test_a_repository_keeps_what_was_written_there_and_no_graph_of_other_weights(
    hub, model, tmp_path, monkeypatch
):
    files = hub.repos["me/kept"] = {
        "README.md": b"---\nlicense: mit\ndatasets: [rooms]\n---\n\nMine.\n",
        "model.onnx": b"of before", "notes.txt": b"mine",
    }  # fmt: skip
    hub.private["me/kept"] = False
    assert "already exists and is public" in complaint(
        lambda: model.push_to_hub("me/kept", private=True)
    )
    assert files["model.onnx"] == b"of before"
    model.push_to_hub("me/kept")
    assert set(files) == {"README.md", "config.json", "model.safetensors", "notes.txt"}
    model.save(tmp_path / "run" / "model")
    monkeypatch.setattr(push_model, "export_model", lambda source, to, **_: to.write_bytes(b"new"))
    assert push(tmp_path / "run", "me/kept").license == "mit"
    assert files["README.md"].endswith(b"Mine.\n") and b"- rooms\n" in files["README.md"]
    assert files["model.onnx"] == b"new"
    # The same where there is no hub.
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "model.onnx").touch()
    assert "would be taken for" in complaint(lambda: model.save_pretrained(tmp_path / "saved"))


def test_the_same_weights_in_other_types_are_not_fetched(hub, model):
    model.push_to_hub("me/many")
    others = (
        "onnx/model.onnx", "onnx/model_fp16.onnx", "checkpoint-500/model.safetensors",
        "model.fp16.safetensors", "optimizer.pt", "modeling.py",
    )  # fmt: skip
    hub.repos["me/many"] |= dict.fromkeys(others, b"no")
    folder = fetch_model("hf:me/many")
    found = {path.name for path in folder.rglob("*") if path.is_file()}
    assert found == {"config.json", "model.safetensors"}


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not know who you are"), (403, "you may not do that there")]
)
def test_who_may_not_write_is_told_what_to_do(status, words, hub, model):
    hub.refused = status
    try:
        assert words in complaint(lambda: model.push_to_hub("you/net"))
    finally:
        hub.refused = None


def test_what_is_damaged_on_the_way_is_refused(hub, model):
    model.push_to_hub("me/bad")
    hub.damaged.add("model.safetensors")
    assert "damaged" in complaint(lambda: Predictor.load("hf:me/bad"))
    hub.damaged.clear()


def test_what_is_not_on_the_hub_is_said_in_one_line(hub, model):
    model.push_to_hub("me/there")
    for name, words in {
        "hf:me/none": "no such repository on the hub, or a private one",
        "hf:me/there@v9": "no such revision",
        "hf:none": "no such folder, and no name on the hub",
        "hf:./no/folder": "no such folder",
        "hf:me/b!d": "hf:me/b!d: ",
    }.items():
        fails_in_one_line(leadline_here("predict", ROOM, "-o", "out", "--model", name), words)
    fails_in_one_line(leadline_here("push", "compact-nyu", "--to", "name"), "expected USER/NAME")
    fails_in_one_line(leadline_here("push", "compact-nyu"), "give --to USER/NAME or -o FOLDER")


def test_a_hub_that_is_not_reached_and_a_client_that_is_not_installed(monkeypatch, tmp_path):
    code = (
        "import sys\n"
        "if {missing}: sys.modules['huggingface_hub'] = None\n"
        "import leadline\n"
        "try: leadline.load('hf:me/x')\n"
        "except leadline.LeadlineError as error: print(error)\n"
    )
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    done = here(code.format(missing=False), torch_installed=False)
    assert "hf:me/x: the hub cannot be reached" in done.stdout, done.stderr
    done = here(code.format(missing=True), torch_installed=False)
    assert "pip install 'leadline[hub]'" in done.stdout


def test_a_card_behind_a_gate_is_not_taken_for_none(monkeypatch):
    import httpx
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError

    def refuse(*_, **__):
        answer = httpx.Response(403, request=httpx.Request("GET", "http://hub/me/x"))
        raise GatedRepoError("gated", response=answer)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(LeadlineError, match="its owner must grant access"):
        fetch_text("me/x", "README.md")
