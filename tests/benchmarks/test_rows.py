"""The scripts behind the documents' rows: reproduce, pack, report."""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision

from leadline.errors import LeadlineError
from leadline.evaluation.result import ImageTable
from leadline.inference import Predictor
from leadline.metrics import METRICS, bootstrap_interval, get_protocol
from leadline.training.recipe import load_recipe
from leadline.training.train import train
from tests.conftest import QUICK, SilentReporter

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


runs = script("runs")
rows = script("rows")
report = script("rows_report")
reproduce = script("reproduce")
pack_models = script("pack_models")


# The encoders, as torchvision's own files hold them.


def torchvision_state(encoder: str) -> dict[str, torch.Tensor]:
    """A state dict with the names and shapes of torchvision's file, the large head cut small.

    The files of DenseNets are from before PyTorch 0.4: `norm.1` for `norm1`, no count of batches.
    """
    with torch.device("meta"):
        network = torchvision.models.get_model(encoder, weights=None)
    state = {}
    for name, value in network.state_dict().items():
        if name.startswith(("classifier.", "fc.")):  # ignored, and a hundred million numbers in VGG
            state[name] = torch.zeros(1)
        elif value.is_floating_point():
            state[name] = torch.full(value.shape, 0.01)
        elif not encoder.startswith("densenet"):
            state[name] = torch.zeros(value.shape, dtype=value.dtype)
    # No other network has a name that this changes.
    return {re.sub(r"(denselayer\d+\.\w+)([12])\.", r"\1.\2.", k): v for k, v in state.items()}


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("recipe", "encoder"),
    [
        ("resnet34-unet", "resnet34"),
        pytest.param("vgg19-fcn-a3", "vgg19", marks=SLOW),
        pytest.param("depth-mancini", "vgg19", marks=SLOW),
        pytest.param("resnet50-upproj", "resnet50", marks=SLOW),
        pytest.param("densedepth", "densenet169", marks=SLOW),
    ],
)
def test_weights_in_torchvisions_layout_start_a_document_s_recipe(recipe, encoder, tmp_path):
    state = torchvision_state(encoder)
    torch.save(state, tmp_path / "weights.pth")
    reproduce.check_start(reproduce.full_recipe(recipe, tmp_path / "weights.pth", ()))
    name = next(key for key in state if key.endswith("weight") and state[key].ndim == 4)
    torch.save({**state, name: state[name][:1]}, tmp_path / "other.pth")
    with pytest.raises(LeadlineError, match="has shape"):
        reproduce.check_start(reproduce.full_recipe(recipe, tmp_path / "other.pth", ()))


@pytest.mark.slow
def test_densenet_201_takes_torchvisions_file(tmp_path):
    torch.save(torchvision_state("densenet201"), tmp_path / "weights.pth")
    recipe = reproduce.full_recipe("densedepth-201", tmp_path / "weights.pth", ())
    reproduce.check_start(recipe)


# reproduce.py


def test_every_recipe_with_published_scores_can_be_reproduced():
    from leadline.training.recipe import list_recipes

    published = {name for name in list_recipes() if load_recipe(name).published}
    assert published == set(reproduce.REPRODUCTIONS)


def test_a_row_is_reproduced_when_no_score_is_beyond_its_bound():
    recipe, plan = load_recipe("vgg19-fcn-a1"), reproduce.REPRODUCTIONS["vgg19-fcn-a1"]
    scores = dict(recipe.published)
    verdicts = {each.metric: each for each in reproduce.judge(recipe, scores, plan)}
    assert all(each.reached for each in verdicts.values())
    assert {name for name, each in verdicts.items() if not each.decides} == {"rmse_log", "silog"}
    near = {**scores, "delta1": 0.569 - 0.029, "abs_rel": 0.245 * 1.09}
    assert all(each.reached for each in reproduce.judge(recipe, near, plan))
    far = {**scores, "delta1": 0.569 - 0.031, "abs_rel": 0.245 * 1.11}
    missed = {each.metric for each in reproduce.judge(recipe, far, plan) if not each.reached}
    assert missed == {"delta1", "abs_rel"}


def test_one_command_trains_scores_and_reports(pairs, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(pairs, data)
    names = [f"{index:03d}" for index in range(12)]
    for split, chosen in (("train", names[:8]), ("test", names[8:10])):
        lines = [f"rgb/{name}.png,depth/{name}.png" for name in chosen]
        (data / f"{split}.csv").write_text("\n".join(["image,depth", *lines]) + "\n")
    settings = [*QUICK[1:], "trainer.max_steps=1", "data.val_fraction=0.2"]
    command = ["unet-8.6m", "--data", str(data), "--out", str(tmp_path / "run")]
    command += ["--protocol", "full", "--set", "model.options.widths=[2,2,2,2,4]"]
    for text in settings:
        command += ["--set", text]
    status = reproduce.main(command)
    said = capsys.readouterr().out
    assert status == 1  # one step reaches nothing
    summary = json.loads((tmp_path / "run" / "reproduction.json").read_text())
    assert summary["images"] == {"trained": 6, "document": 22_400, "scored": 2}
    metrics = summary["metrics"]
    assert set(metrics) == set(load_recipe("unet-8.6m").published)
    scored = json.loads((tmp_path / "run" / "full" / "result.json").read_text())["metrics"]
    assert metrics["rmse"]["ours"] == scored["rmse"]
    assert metrics["depth_accuracy"]["verdict"] == "not compared"
    assert "NOT REACHED" in said and "trained on 6 images, the document on 22,400" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["unet-2m", "--data", "x"], "prints no scores"),
        (["unet-9m", "--data", "x"], "not known"),
        (["densedepth"], "nyu_data.zip"),
        (["densedepth", "--data", "x", "--weights", "none.pth"], "no such file"),
    ],
)
def test_what_is_missing_is_said_in_one_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert reproduce.main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


# pack_models.py


def test_a_packed_model_is_whole_and_the_same_bytes_twice(quick_run, tmp_path, capsys):
    out = tmp_path / "assets"
    assert pack_models.main([str(quick_run), "-o", str(out)]) == 0
    archive = out / "quick.zip"
    first = archive.read_bytes()
    assert pack_models.main([str(quick_run), "-o", str(out)]) == 0
    assert archive.read_bytes() == first
    line = f"{hashlib.sha256(first).hexdigest()}  quick.zip\n"
    assert (out / "SHA256SUMS").read_text() == line
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path)
    for name in ("README.md", "config.json", "model.safetensors"):
        assert (tmp_path / "quick" / name).read_bytes() == (quick_run / "model" / name).read_bytes()
    photo = np.full((96, 128, 3), 90, np.uint8)
    depth = Predictor.load(tmp_path / "quick", runtime="torch")(photo).depth
    assert np.array_equal(depth, Predictor.load(quick_run, runtime="torch")(photo).depth)
    assert pack_models.main(["--check", str(out)]) == 0
    archive.write_bytes(first[:-1] + b"x")
    assert pack_models.main(["--check", str(out)]) == 1
    assert "DAMAGED" in capsys.readouterr().out
    (out / "other.zip").write_bytes(b"")
    assert pack_models.main(["--check", str(out)]) == 1
    assert "other.zip: not in SHA256SUMS" in capsys.readouterr().out
    (out / "SHA256SUMS").write_text("word\n")
    assert pack_models.main(["--check", str(out)]) == 2
    assert "line 1 is no sum and name" in capsys.readouterr().err


def test_what_cannot_be_packed_is_said(quick_run, tmp_path, capsys):
    assert pack_models.main([str(quick_run), "-o", str(tmp_path), "--max-mb", "1"]) == 2
    assert pack_models.main([str(tmp_path), "-o", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "more than --max-mb 1" in said and "no model to pack" in said


# rows.py and rows_report.py


def test_every_row_keeps_its_documents_loss_augmentation_and_depth_space():
    for name, row in rows.ROWS.items():
        ours, document = rows.row_recipe(row, 6144, 3), load_recipe(row.recipe)
        assert [(t.name, t.weight, t.space) for t in ours.loss] == [
            (t.name, t.weight, t.space) for t in document.loss
        ], name
        assert ours.optimizer.name == document.optimizer.name
        rate = 1e-3 if name.endswith("-1e-3") else document.optimizer.lr
        assert ours.optimizer.lr == rate
        assert ours.model.depth_space == document.model.depth_space
        assert ours.data.batch_size == document.data.batch_size
        if not row.recipe.startswith("resnet50"):  # whose expansion moves into training
            assert ours.augment == document.augment
            assert ours.trainer.epochs == rows.PASSES
        assert (ours.trainer.seed, ours.data.area) == (3, 6144)


def write_result(folder: Path, quality: float = 0.0) -> None:
    """A result of 30 images whose scores are the same noise, moved by `quality`."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    names = [*METRICS, "depth_accuracy", "rmse_log1p"]
    scores = {name: noise.uniform(0.2, 0.6, 30) for name in names}
    for metric, sign in (("delta1", 1), ("abs_rel", -1), ("rmse", -1)):
        scores[metric] = scores[metric] + sign * (quality + 0.001 * noise.normal(size=30))
    means = {name: float(values.mean()) for name, values in scores.items()}
    content = {
        "model": "x",
        "model_path": "/home/me/run",
        "data": "/home/me/nyu",
        "protocol": get_protocol("full").to_json(),
        "images": 30,
        "images_scored": 30,
        "metrics": means,
        "intervals": {name: (value - 0.1, value + 0.1) for name, value in means.items()},
        "breakdowns": {"boundary": {"f1": 0.1, "precision": 0.1, "recall": 0.1}},
    }
    (folder / "result.json").write_text(json.dumps(content))
    lines = [",".join(["id", "pixels", "missing", *names])]
    for index in range(30):
        values = [f"{scores[name][index]:.5g}" for name in names]
        lines.append(",".join([f"rgb/{index:03d}.png", "100", "0", *values]))
    (folder / "per_image.csv").write_text("\n".join(lines) + "\n")


def fake_row(folder: Path, name: str, seed: int, quality: float, area: int = 6144) -> None:
    run = folder / rows.run_name(name, seed, area)
    write_result(run, quality)
    facts = {"row": name, "recipe": name, "seed": seed, "area": area, "input_pixels": area}
    facts |= {"images": 691, "images_seen": 13_760, "passes": 20.0, "passes_planned": 20.0}
    (run / "row.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        ((0.01, 0.01, 0.01), "Holds, in each of 3 seeds"),
        ((-0.01, -0.01, -0.01), "Does not hold: the opposite does, in each of 3 seeds"),
        ((0.05, -0.01, 0.05), "the seeds disagree"),
        ((0.01,), "Cannot be told from one seed, which speaks for it"),
        ((-0.01,), "Cannot be told from one seed, which speaks against it"),
        ((0.0,), "Cannot be told."),
    ],
)
def test_a_claim_holds_where_every_seed_says_so(quality, words, tmp_path):
    for seed, value in enumerate(quality):
        fake_row(tmp_path, "densedepth-half", seed, 0.0)
        fake_row(tmp_path, "densedepth", seed, value)
    text = "\n".join(report.claim_lines(report.read_rows(tmp_path)))
    paragraph = text.split("the whole decoder is better")[1].split("**")[1]
    assert words in paragraph
    low, high = (np.mean(quality) + end for end in (-0.001, 0.001))
    assert low <= float(paragraph.split("delta1 ")[1].split()[0]) <= high


def test_rows_of_another_size_are_not_compared(tmp_path):
    fake_row(tmp_path, "densedepth", 0, 0.0)
    fake_row(tmp_path, "densedepth-half", 0, 0.1)
    path = tmp_path / "densedepth" / "row.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "input_pixels": 1}))
    text = "\n".join(report.claim_lines(report.read_rows(tmp_path)))
    assert "not trained at one input size" in text.split("the whole decoder")[1].split("**")[1]


def test_a_claim_is_told_at_each_size_that_both_rows_have(tmp_path):
    for area, value in ((6144, -0.01), (19_200, 0.02)):
        fake_row(tmp_path, "densedepth", 0, value, area)
        fake_row(tmp_path, "densedepth-half", 0, 0.0, area)
    fake_row(tmp_path, "densedepth", 0, 0.5, 76_800)
    text = "\n".join(report.claim_lines(report.read_rows(tmp_path)))
    paragraph = text.split("the whole decoder")[1].split("**")[1]
    small, large = paragraph.split("At 19,200 pixels:")
    assert "At 6,144 pixels: Cannot be told from one seed, which speaks against it" in small
    assert "which speaks for it" in large and "0.500" not in paragraph


def test_a_claim_on_runs_that_were_stopped_cannot_be_told(tmp_path):
    fake_row(tmp_path, "densedepth", 0, 0.1)
    fake_row(tmp_path, "densedepth-half", 0, 0.0)
    path = tmp_path / "densedepth" / "row.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "passes": 19.6}))
    text = "\n".join(report.claim_lines(report.read_rows(tmp_path)))
    assert "Cannot be told: not trained to the end" in text.split("the whole decoder")[1]


def test_the_page_is_what_the_collected_rows_say():
    page = (SCRIPTS.parent / "docs" / "comparison.md").read_text()
    assert report.fill_page(page, report.page_parts(report.read_rows())) == page


def test_collected_rows_name_no_folder_of_the_machine_that_made_them():
    collected = sorted((SCRIPTS / "rows").glob("*/row.json"))
    for folder in (path.parent for path in collected):
        for file in folder.iterdir():
            assert not any(
                cell.strip().strip('"').startswith(("/", "~", "C:"))
                for line in file.read_text().splitlines()
                for cell in line.replace(": ", ",").split(",")
            ), file


def test_a_finished_run_is_collected_without_its_paths(quick_run, tmp_path):
    run = tmp_path / "unet-2m"
    shutil.copytree(quick_run, run)
    for protocol in ("nyu-eigen", "nyu-full"):
        write_result(run / protocol)
    rows.collect(run, "unet-2m", 0, tmp_path / "collected")
    kept = "".join(file.read_text() for file in (tmp_path / "collected").iterdir())
    assert "/home/me" not in kept
    facts = json.loads((tmp_path / "collected" / "row.json").read_text())
    assert facts["parameters"] == 3_669_177  # as the catalogue says of compact
    assert facts["images_seen"] == 6 * 4


def test_unknown_rows_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rows.py", "--data", "x", "--out", "y", "--rows", "vgg"])
    with pytest.raises(SystemExit):
        rows.main()
    assert "no such row: vgg" in capsys.readouterr().err


def test_a_document_s_input_is_240x320_at_most():
    sizes = {
        name: rows.document_area(rows.ROWS[name])
        for name in ("vgg19-fcn-a1", "depth-mancini", "unet-2m", "densedepth")
    }
    assert sizes == {
        "vgg19-fcn-a1": 120 * 160,
        "depth-mancini": 160 * 256,
        "unet-2m": 240 * 320,
        "densedepth": 240 * 320,
    }


def test_an_area_is_a_number_or_the_document_s(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rows.py", "--data", "x", "--out", "y", "--area", "big"])
    with pytest.raises(SystemExit):
        rows.main()
    assert "--area big: give a number of pixels, or 'document'" in capsys.readouterr().err


def test_the_panel_takes_the_largest_input_whose_model_is_there(tmp_path):
    for name, seed, area in (("unet-2m", 0, 6144), ("densedepth", 0, 6144),
                             ("densedepth", 0, 19_200), ("densedepth", 0, 76_800),
                             ("vgg19-fcn-a1", 1, 19_200)):  # fmt: skip
        fake_row(tmp_path, name, seed, 0.0, area)
    for run in ("densedepth", "densedepth-19200px", "unet-2m", "vgg19-fcn-a1-19200px-s1"):
        (tmp_path / run / "model").mkdir()
    collected = report.read_rows(tmp_path)
    shown = report.runs_to_show(collected, tmp_path, None)
    assert [(name, area) for name, area, _ in shown] == [("unet-2m", 6144), ("densedepth", 19200)]
    at_one_size = report.runs_to_show(collected, tmp_path, 6144)
    assert [path.name for _, _, path in at_one_size] == ["unet-2m", "densedepth"]


def test_what_is_left_names_the_rows_of_smaller_inputs_than_their_documents(tmp_path):
    for name, area in (("vgg19-fcn-a1", 19_200), ("vgg19-fcn-a2", 6144), ("ds-net", 40_960),
                       ("densedepth", 76_800), ("densedepth-half", 19_200)):  # fmt: skip
        fake_row(tmp_path, name, 0, 0.0, area)
    text = "\n".join(report.left_lines(report.read_rows(tmp_path)))
    assert "--area document --rows vgg19-fcn-a2,densedepth-half\n" in text


def test_options_reach_the_recipe():
    options = argparse.Namespace(data=Path("d"), out=Path("o"))
    assert rows.data_of(rows.ROWS["densedepth"], options) == Path("d")


def test_an_unfinished_run_is_scored_where_it_stands_and_goes_on(pairs, tmp_path):
    run = tmp_path / "unet-2m"
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=4"])
    train(recipe, pairs, run, progress=StopAfter(2), score=False)
    assert not runs.is_finished(run)
    before = {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    copy = rows.as_it_stands(run)
    assert {path: path.read_bytes() for path in before} == before
    facts = rows.facts(copy, "unet-2m", 0)
    assert (facts["steps"], facts["images_seen"]) == (2, 8)
    assert report.passes_cell(facts).endswith("stopped")
    with pytest.raises(LeadlineError, match="was begun with another trainer"):
        other = load_recipe("compact", [*QUICK, "trainer.max_steps=5"])
        runs.train_to_the_end(other, pairs, run)
    assert runs.train_to_the_end(recipe, pairs, run) and runs.is_finished(run)


def test_a_run_ends_in_time_with_a_checkpoint_and_goes_on(pairs, tmp_path):
    run, recipe = tmp_path / "run", load_recipe("compact", [*QUICK, "trainer.max_steps=4"])
    begun = time.monotonic()
    assert not runs.train_to_the_end(recipe, pairs, run, begun - 1)
    assert not run.exists()
    assert not runs.train_to_the_end(recipe, pairs, run, begun + 0.01)
    assert (run / "checkpoints" / "last.ckpt").is_file() and not runs.is_finished(run)
    with pytest.raises(LeadlineError, match="another data"):
        runs.train_to_the_end(recipe, tmp_path, run)
    assert runs.train_to_the_end(recipe, pairs, run)


def test_neighbours_of_one_room_are_resampled_together():
    rooms = np.random.default_rng(0).normal(size=20)
    images = np.repeat(rooms, 4)
    table = ImageTable(tuple(map(str, range(80))), {"abs_rel": images})
    row = SimpleNamespace(result=SimpleNamespace(table=table))
    ends = bootstrap_interval(rooms[:, None])[:, 0]
    assert report.interval([row], "abs_rel") == "[{:.3f}, {:.3f}]".format(*ends)


class StopAfter(SilentReporter):
    """Sends this process SIGTERM after so many steps, upon which the run ends with a checkpoint."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        if step == self.steps:
            os.kill(os.getpid(), signal.SIGTERM)
