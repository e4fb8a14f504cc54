"""Opening data of any layout: recognition, splits, units and options."""

from typing import ClassVar

import numpy as np
import pytest

import leadline
from leadline.datasets import LAYOUTS, find_data, open_data, open_train_and_val
from leadline.datasets.layout import Layout, Option, Options
from leadline.datasets.pairs import PairsDataset
from leadline.errors import LeadlineError
from leadline.evaluation.predictions import ConstantPredictions
from leadline.training.data import open_recipe_data
from leadline.training.recipe import load_recipe
from tests.complaints import complaint
from tests.conftest import write_pairs


@pytest.fixture
def listed(tmp_path):
    """Four pairs of which train.csv names three and val.csv one."""
    folder = write_pairs(tmp_path / "listed", 4, (24, 32))
    for split, numbers in (("train", (0, 1, 2)), ("val", (3,))):
        rows = [f"rgb/{i:03d}.png,depth/{i:03d}.png" for i in numbers]
        (folder / f"{split}.csv").write_text("\n".join(["image,depth", *rows]) + "\n")
    return folder


def test_depth_out_of_range_is_zero_and_invalid(pairs):
    whole, near = open_data(pairs)[0], open_data(pairs, min_depth=1.0, max_depth=2.0)[0]
    inside = (whole.depth > 1) & (whole.depth <= 2)
    assert 0 < inside.sum() < whole.valid.sum()
    assert np.array_equal(near.valid, inside)
    assert np.array_equal(near.depth, np.where(inside, whole.depth, 0))


def test_a_split_is_named_or_everything_is_opened(listed):
    assert find_data(listed).splits == ("train", "val")
    assert [len(open_data(listed, split)) for split in ("train", "val")] == [3, 1]
    assert len(open_data(listed / "train.csv")) == 3
    assert len(open_data(listed / "train.csv", "all")) == 3
    assert open_data(listed, "val").description == "pairs, val"
    with pytest.raises(LeadlineError, match=r"no split 'test' here, only train, val"):
        open_data(listed, "test")


def test_one_list_finds_the_other_beside_it(listed):
    train, val = open_train_and_val(listed / "train.csv", val_fraction=0.5, seed=0)
    assert val is not None
    assert (len(train), len(val)) == (3, 1)
    beside = find_data(listed / "val.csv").open_if_declared("train")
    assert beside is not None
    assert len(beside) == 3


def test_training_data_is_not_scored_unasked(listed, pairs):
    assert find_data(listed).split_to_score() == "val"
    assert find_data(pairs).split_to_score() is None
    (listed / "val.csv").unlink()
    with pytest.raises(LeadlineError, match=r"neither a val nor a test split, only train"):
        find_data(listed).split_to_score()


def test_what_no_layout_knows_is_one_line(tmp_path, pairs):
    with pytest.raises(LeadlineError, match=r"no such data"):
        open_data(tmp_path / "nothing")
    said = complaint(lambda: open_data(tmp_path), tmp_path)
    assert "no known layout, the folder is empty; give a folder with train.csv" in said
    assert "'leadline layouts' lists them" in said
    assert len(said) - len(str(tmp_path)) < 200
    (tmp_path / "other").mkdir()
    assert "no known layout; give a folder" in complaint(lambda: open_data(tmp_path))
    (tmp_path / "list.txt").touch()
    with pytest.raises(LeadlineError, match=r"list\.txt: the file is empty \(0 bytes\)"):
        open_data(tmp_path / "list.txt")
    said = complaint(lambda: open_data(pairs, layout="nyu_mat"))
    assert "layout nyu_mat: is not known, did you mean 'nyu-mat'?; 'leadline layouts'" in said
    with pytest.raises(LeadlineError, match=r"no samples in it as tum, which takes a sequence"):
        open_data(pairs, layout="tum")
    with pytest.raises(LeadlineError, match=r"layout pairs has no option 'camera'"):
        open_data(pairs, options={"camera": 2})


def test_every_layout_has_a_name_of_its_own():
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)


def test_pairs_say_why_they_are_pairs(pairs):
    source = find_data(pairs)
    assert source.layout.name == "pairs"
    assert source.evidence == "has the folders rgb/ and depth/"
    assert find_data(pairs, layout="pairs").evidence == "as given"


def test_options_are_parsed_from_text_or_refused():
    class OneOfEach(Layout):
        name = "x"
        options: ClassVar[Options] = {
            "camera": Option("which", 2, (2, 3)),
            "gap": Option("seconds", 0.02),
            "sky": Option("keep", True, (True, False)),
        }

    layout = OneOfEach
    assert layout.resolve_options({}) == {"camera": 2, "gap": 0.02, "sky": True}
    typed = layout.resolve_options({"camera": "3", "gap": "0.5", "sky": "false"})
    assert typed == {"camera": 3, "gap": 0.5, "sky": False}
    with pytest.raises(LeadlineError, match=r"option camera = '4' .* choose one of 2, 3"):
        layout.resolve_options({"camera": "4"})
    with pytest.raises(LeadlineError, match=r"option gap = 'wide' .* give a number"):
        layout.resolve_options({"gap": "wide"})


def recognised_in(command, monkeypatch):
    """How often a call looks for the layout of a folder of pairs."""
    looks = []
    matches = PairsDataset.matches.__func__

    def counted(cls, path):
        looks.append(path)
        return matches(cls, path)

    monkeypatch.setattr(PairsDataset, "matches", classmethod(counted))
    command()
    return len(looks)


@pytest.mark.parametrize(
    "command",
    [
        lambda pairs, out: leadline.check_data(pairs),
        leadline.pack_shards,
        lambda pairs, out: leadline.expand(
            pairs, out, leadline.ExpandOptions(per_image=1), val_fraction=0.3
        ),
        lambda pairs, out: leadline.evaluate(ConstantPredictions(np.ones((24, 32))), pairs),
    ],
    ids=["check_data", "pack_shards", "expand", "evaluate"],
)
def test_a_command_recognises_a_folder_once(command, tmp_path, monkeypatch):
    pairs = write_pairs(tmp_path / "pairs", 4, (24, 32))
    assert recognised_in(lambda: command(pairs, tmp_path / "out"), monkeypatch) == 1


def test_a_training_run_recognises_its_data_once(tmp_path, monkeypatch):
    recipe = load_recipe("compact", ["data.area=1024"])
    pairs = write_pairs(tmp_path / "pairs", 4, (24, 32))
    opened = recognised_in(lambda: open_recipe_data(recipe, pairs, None), monkeypatch)
    assert opened == 1


def test_worlds_whose_rendering_was_stopped_are_no_data_set(tmp_path):
    write_pairs(tmp_path, 2, (24, 32))
    (tmp_path / "views").mkdir()
    (tmp_path / "options.json").write_text("{}")
    for layout in ("auto", "pairs"):
        with pytest.raises(LeadlineError, match="unfinished: 'leadline worlds render' was stopped"):
            open_data(tmp_path, layout=layout)
    (tmp_path / "manifest.json").write_text("{}")
    assert len(open_data(tmp_path)) == 2
