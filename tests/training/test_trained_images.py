"""Which images a run was trained on: written down, and compared with those that validate."""

import json
import os
import shutil

import pytest

from leadline.datasets import open_data
from leadline.datasets.trained_on import IMAGES_FILE, training_data
from leadline.errors import LeadlineError
from leadline.training.data import open_recipe_data
from leadline.training.held_out import find_overlap, start_of
from leadline.training.recipe import load_recipe
from leadline.weights import shipped_checkpoint
from tests.conftest import write_pairs


@pytest.fixture
def run(quick_run, tmp_path):
    """A copy of the finished run: eleven of twelve pictures trained on."""
    return shutil.copytree(quick_run, tmp_path / "run")


def validation_data(data, *settings):
    """Return the recipe `compact` with these settings, and what it validates on."""
    recipe = load_recipe("compact", settings)
    return recipe, open_recipe_data(recipe, data, None)[1]


def test_a_run_names_the_files_it_was_trained_on(quick_run, pairs):
    images = training_data(quick_run).images()
    files = {str(path.resolve()) for path in (pairs / "rgb").iterdir()}
    _, held_out = validation_data(pairs)
    assert len(images) == 11
    assert files - images == set(held_out.locations())


def test_a_run_of_an_earlier_version_has_the_same_images(run, quick_run):
    (run / IMAGES_FILE).unlink()
    assert training_data(run).images() == training_data(quick_run).images()


def test_images_added_since_change_nothing(tmp_path, run):
    """What was trained on stays so, however the data would be split today."""
    before = training_data(run).images()
    data = write_pairs(tmp_path / "more", 3)
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "data": str(data)}))
    assert training_data(run).images() == before


def test_a_damaged_list_is_one_line_with_a_way_on(run):
    (run / IMAGES_FILE).write_text("{}")
    with pytest.raises(LeadlineError, match=r"training_images\.json: is damaged, .*remove it"):
        training_data(run).images()


def test_a_run_is_found_by_its_folder_its_model_and_its_weights(run, tmp_path):
    for name in (".", "model", "model/model.safetensors"):
        assert training_data(run / name).run == run
    assert training_data(tmp_path) is None


def test_one_image_has_one_location_however_its_data_is_opened(pairs, tmp_path):
    (tmp_path / "link").symlink_to(pairs)
    (pairs / "some.csv").write_text("image,depth\nrgb/../rgb/003.png,depth/003.png\n")
    try:
        whole, linked = open_data(pairs), open_data(tmp_path / "link")
        listed = open_data(pairs / "some.csv")
    finally:
        (pairs / "some.csv").unlink()
    assert whole.locations() == linked.locations()
    assert listed.locations() == [os.path.realpath(pairs / "rgb" / "003.png")]


def test_a_link_to_a_photograph_is_that_photograph(pairs, tmp_path):
    for name in ("rgb", "depth"):
        (tmp_path / "linked" / name).mkdir(parents=True)
        for file in (pairs / name).iterdir():
            (tmp_path / "linked" / name / f"of_{file.name}").symlink_to(file)
    files = sorted((pairs / "rgb").resolve().iterdir())
    linked = open_data(tmp_path / "linked")
    assert linked.locations() == open_data(pairs).locations() == list(map(str, files))


def test_a_list_that_names_links_is_of_what_they_point_to(run, pairs, tmp_path):
    (tmp_path / "link.png").symlink_to(pairs / "rgb" / "003.png")
    file = run / IMAGES_FILE
    file.write_text(json.dumps([str(tmp_path / "link.png"), "/data.mat::rgb/003.png"]))
    known = {os.path.realpath(pairs / "rgb" / "003.png"), "/data.mat::rgb/003.png"}
    assert training_data(run).images() == known
    assert training_data(run).count_in(open_data(pairs)) == 1


def with_init(recipe, init):
    """Return the recipe with a model to start from."""
    model = recipe.model.model_copy(update={"init": str(init)})
    return recipe.model_copy(update={"model": model})


def test_validation_images_that_were_trained_on_are_counted(run, pairs):
    """Half of the pictures validate; all but one were trained on."""
    recipe, data = validation_data(pairs, "data.val_fraction=0.5", "data.seed=4")
    trained = start_of(with_init(recipe, run))
    count = len(training_data(run).images() & set(data.locations()))
    assert count in {5, 6}
    overlap = find_overlap(trained, recipe, pairs, data)
    assert overlap.images == count
    head = f"{count} of the 6 validation images were trained on in {run}: "
    assert overlap.warning.startswith(head)
    assert overlap.warning.endswith("; set data.val_fraction=0.1 data.seed=0")
    # The keys that it names are the right ones.
    recipe, data = validation_data(pairs, "data.val_fraction=0.1", "data.seed=0")
    assert find_overlap(trained, recipe, pairs, data).warning is None
    assert find_overlap(trained, recipe, pairs, None).warning is None


def test_a_run_whose_images_are_not_known_says_so(run, pairs):
    (run / IMAGES_FILE).unlink()
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "data": str(run / "gone")}))
    recipe, data = validation_data(pairs)
    overlap = find_overlap(training_data(run), recipe, pairs, data)
    assert overlap.images == 0
    assert overlap.warning.startswith(f"{run}: its data is not where it was")


@pytest.mark.parametrize("init", ["compact-nyu", str(shipped_checkpoint("compact-nyu"))])
def test_a_model_that_is_of_no_run_says_nothing(init, pairs):
    recipe, data = validation_data(pairs)
    trained = start_of(with_init(recipe, init))
    assert trained is None
    assert find_overlap(trained, recipe, pairs, data).warning is None
