"""Which images a run was trained on: written down, and compared with those that validate."""

import json
import os
import shutil

import pytest

from leadline.datasets import open_data
from leadline.datasets.mixing import MixedDataset, Part
from leadline.datasets.trained_on import IMAGES_FILE, training_data
from leadline.errors import LeadlineError
from leadline.training.data import open_recipe_data
from leadline.training.final_score import score_run
from leadline.training.held_out import check_same_images, find_overlap, start_of
from leadline.training.recipe import load_recipe
from leadline.training.train import resume
from leadline.weights import shipped_checkpoint
from tests.conftest import SilentReporter, write_pairs


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
    assert overlap.warning.startswith(f"{run}: its training data has moved or gone")


@pytest.mark.parametrize("init", ["compact-nyu", str(shipped_checkpoint("compact-nyu"))])
def test_a_model_that_is_of_no_run_says_nothing(init, pairs):
    recipe, data = validation_data(pairs)
    trained = start_of(with_init(recipe, init))
    assert trained is None
    assert find_overlap(trained, recipe, pairs, data).warning is None


def moved_into(data, folder):
    """Return the pictures of a data set in another folder."""
    return shutil.copytree(data, folder, ignore=shutil.ignore_patterns("*.csv"))


def with_data(run, data):
    """Tell a run that its data is in another place."""
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "data": str(data)}))


def test_a_run_whose_data_has_grown_is_not_resumed(run, pairs, tmp_path):
    """Its hold-out would be drawn anew, from images that it was trained on."""
    data = moved_into(pairs, tmp_path / "data")
    with_data(run, data)
    resume(run, progress=SilentReporter(), score=False)  # moved as a whole: the same images
    for kind in ("rgb", "depth"):
        for index in range(4):
            shutil.copy(data / kind / f"{index:03d}.png", data / kind / f"9{index:02d}.png")
    with pytest.raises(LeadlineError, match=r"data has changed.* new.*--init .*run") as caught:
        resume(run, progress=SilentReporter(), score=False)
    assert "\n" not in str(caught.value)
    with pytest.raises(LeadlineError, match="data has changed since it began"):
        score_run(run)
    for kind in ("rgb", "depth"):
        (data / kind / "011.png").unlink()
        for index in range(4):
            (data / kind / f"9{index:02d}.png").unlink()
    with pytest.raises(LeadlineError, match=r"data has changed.* missing"):
        resume(run, progress=SilentReporter(), score=False)


def test_the_images_of_a_mixture_are_compared_set_by_set(run, pairs, tmp_path):
    """One set was moved, one has stayed; of a run that starts from another only new ones count."""
    moved = moved_into(pairs, tmp_path / "moved")
    sets = [Part("a", open_data(moved)), Part("b", open_data(write_pairs(tmp_path / "b", 2)))]
    both = [*open_data(pairs).locations(), *sets[1].data.locations()]
    recipe, mixed = load_recipe("compact"), MixedDataset.from_parts(sets)
    (run / IMAGES_FILE).write_text(json.dumps(both))
    check_same_images(run, recipe, mixed)
    (run / IMAGES_FILE).write_text(json.dumps([*both, "/of/the/start.png"]))
    check_same_images(run, with_init(recipe, "runs/start"), mixed)
    with pytest.raises(LeadlineError, match="of the training images 1 missing"):
        check_same_images(run, recipe, mixed)
    (run / IMAGES_FILE).write_text(json.dumps(both[1:]))
    with pytest.raises(LeadlineError, match=r"of the training images .* new"):
        check_same_images(run, with_init(recipe, "runs/start"), mixed)
    (run / IMAGES_FILE).unlink()  # as an earlier version left it
    check_same_images(run, recipe, mixed)
