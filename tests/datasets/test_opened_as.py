"""What is made of data is not taken for what another opening of the same files would make."""

import json
import shutil
from itertools import islice

import numpy as np
import pytest

from leadline.datasets import find_data, open_data
from leadline.datasets.expansion import ExpandOptions, expand
from leadline.datasets.opened_as import OPENED_AS
from leadline.datasets.packing import pack_shards
from leadline.errors import LeadlineError
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.conftest import write_pairs
from tests.datasets.writers import make_scenes, write_nyu_mat, write_shift, write_vkitti2

SCENES = make_scenes(3)


def write_mat(folder):
    depth = np.stack([scene.depth for scene in SCENES])
    images = np.stack([scene.image for scene in SCENES])
    path = folder / "nyu_depth_v2_labeled.mat"
    return write_nyu_mat(path, images, depth, depth * 0.5, np.ones(depth.shape, np.uint16))


OPENINGS = {
    "pairs": (lambda folder: write_pairs(folder, 3), {}, "depth_kind", ("z", "ray")),
    "nyu-mat": (write_mat, {}, "depth", ("filled", "raw")),
    "vkitti labels": (
        lambda folder: write_vkitti2(folder, {1: {"clone": SCENES}}),
        {},
        "labels",
        ("cityscapes", "vkitti"),
    ),
    "vkitti sky": (
        lambda folder: write_vkitti2(folder, {1: {"clone": SCENES}}),
        {"labels": "none"},
        "sky",
        ("far", "invalid"),
    ),
    "shift": (
        lambda folder: write_shift(folder, {"train": SCENES}),
        {},
        "depth_encoding",
        ("carla", "shift-mm"),
    ),
}


@pytest.mark.filterwarnings("ignore:.*has another aspect ratio")
@pytest.mark.parametrize("name", OPENINGS)
def test_an_option_that_changes_values_makes_other_data_of_the_same_ids(tmp_path, name):
    write, fixed, option, (one, two) = OPENINGS[name]
    data = write(tmp_path / "data")
    if name == "pairs":
        camera = "camera: {fx: 100, fy: 100, cx: 64, cy: 48}\n"
        (data / "dataset.yaml").write_text("depth_scale: 1000\n" + camera)
    first, second = (find_data(data, options={**fixed, option: value}) for value in (one, two))
    split = next(iter(first.splits), None)
    samples = [source.open(split)[0] for source in (first, second)]
    assert samples[0].id == samples[1].id
    assert any(
        not np.array_equal(getattr(samples[0], part), getattr(samples[1], part))
        for part in ("depth", "labels")
    )
    for value in (one, one):
        pack_shards(data, tmp_path / "shards", options={**fixed, option: value})
    words = rf"holds shards of other settings \(.*{option} {one}, now {two}.*choose another"
    with pytest.raises(LeadlineError, match=words):
        pack_shards(data, tmp_path / "shards", options={**fixed, option: two})


def test_shards_of_one_unit_are_not_those_of_another(tmp_path):
    data, out = write_pairs(tmp_path / "data", 3), tmp_path / "shards"
    convert = ("convert", data, "-o", out, "--to", "shards", "--depth-scale")
    assert leadline_here(*convert, "1000").returncode == 0
    stored = np.load(out / "depth.npy")
    words = "other settings (units_per_metre 1000, now 5000); choose another output folder"
    fails_in_one_line(leadline_here(*convert, "5000"), "shards: holds shards of", words)
    np.testing.assert_array_equal(np.load(out / "depth.npy"), stored)
    # By dataset.yaml it is the same unit, until that says another.
    again = leadline_here("convert", data, "-o", out, "--to", "shards")
    assert again.returncode == 0 and "already packed" in again.stdout
    for declared in ("depth_scale: 256\n", "depth_scale: 1000\ndataset: nyu\n"):
        (data / "dataset.yaml").write_text(declared)
        with pytest.raises(LeadlineError, match="other settings"):
            pack_shards(data, out)


def test_a_stopped_packing_is_not_continued_with_another_unit(tmp_path):
    data, out = write_pairs(tmp_path / "data", 40, size=(8, 12)), tmp_path / "shards"

    def stop(indices, _title, _total, unit):
        yield from islice(indices, 36)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack_shards(data, out, track=stop, units_per_metre=1000)
    words = r"unfinished packing with other settings \(units_per_metre 1000, now 5000\); delete"
    with pytest.raises(LeadlineError, match=words):
        pack_shards(data, out, units_per_metre=5000.0)
    said: list[str] = []
    pack_shards(data, out, say=said.append)
    assert "32 of 40 samples are already packed" in said[0]
    raw = 1000 * open_data(data)[0].depth
    np.testing.assert_allclose(1000 * open_data(out)[0].depth, raw, rtol=1e-6)


def test_shards_and_expansions_of_earlier_versions_count_as_before(tmp_path):
    data = write_pairs(tmp_path / "data", 4)
    pack_shards(data, tmp_path / "shards")
    small = ExpandOptions(per_image=1)
    expand(data, tmp_path / "expanded", small, val_fraction=0.25)
    for file in (tmp_path / "shards/manifest.json", tmp_path / "expanded/expansion.json"):
        content = json.loads(file.read_text())
        assert content.get("plan", content).pop(OPENED_AS)["units_per_metre"] == 1000
        file.write_text(json.dumps(content))
    pack_shards(data, tmp_path / "shards", units_per_metre=5000.0)
    expand(data, tmp_path / "expanded", small, val_fraction=0.25, units_per_metre=5000.0)
    with pytest.raises(LeadlineError, match="other settings or of other data"):
        expand(data, tmp_path / "expanded", ExpandOptions(per_image=2), val_fraction=0.25)


def test_an_expansion_of_one_unit_is_not_that_of_another(tmp_path):
    data, out = write_pairs(tmp_path / "data", 4), tmp_path / "out"
    command = ("expand", data, "-o", out, "--per-image", 1, "--workers", 1, "--val-fraction", 0.25)
    assert leadline_here(*command).returncode == 0
    shutil.rmtree(out / "train")  # stopped
    (out / "train.csv").unlink()
    words = "an expansion with other settings (units_per_metre 1000, now 5000); choose another"
    fails_in_one_line(leadline_here(*command, "--depth-scale", 5000), "expansion.json", words)
    assert not (out / "train").exists()
    assert leadline_here(*command, "--depth-scale", 1000).returncode == 0
    assert len(open_data(out, "train")) == 6
