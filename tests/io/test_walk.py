"""Trees of files as people have them: linked folders, loops, what systems put there."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.datasets.open import open_data
from leadline.errors import LeadlineError
from leadline.evaluation.predictions import find_files
from leadline.io.files import is_file, read_bytes
from leadline.io.walk import walk
from tests.conftest import write_pairs


def names_below(folder, leave_out=()):
    return sorted(str(path.relative_to(folder)) for path in walk(folder, leave_out))


@pytest.fixture
def tree(tmp_path):
    """a/1, a link to a folder elsewhere with 2, a link back, hidden and system files."""
    folder = tmp_path / "tree"
    for name in ("a/1", ".thumbnails/x", "@eaDir/y", "a/._1", "__MACOSX/z", "a/.leadline-01.npy"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "2").write_text("")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "a" / "back").symlink_to(folder)
    return folder


def test_links_are_followed_without_loops_and_systems_files_are_left_out(tree):
    assert names_below(tree) == ["a/1", "linked/2"]
    assert names_below(tree, [tree / "linked"]) == ["a/1"]


@pytest.mark.parametrize("name", ["n" * 300 + ".png", "a/" * 3000 + "x.png", "nul\0.png"])
def test_a_name_that_no_disk_takes_is_a_missing_file(tmp_path, name):
    assert not is_file(tmp_path / name)
    (tmp_path / "list.csv").write_text(f"image,depth\n{name},{name}\n")
    with pytest.raises(LeadlineError, match=r"list\.csv: (line 2 names|not readable)"):
        open_data(tmp_path / "list.csv")
    with pytest.raises(LeadlineError, match="no prediction for 1 of 1 images"):
        find_files(tmp_path, [name])


@pytest.mark.parametrize("address", ["https://a.b/rooms.zip", "s3://bucket/rooms"])
def test_an_address_is_to_be_downloaded_first(address):
    with pytest.raises(LeadlineError, match="download it first"):
        open_data(Path(address))
    with pytest.raises(LeadlineError, match="download it first"):
        read_bytes(Path(address), "photo")


def test_pairs_and_predictions_in_linked_folders_are_found(tmp_path):
    real = write_pairs(tmp_path / "disk", 2)
    data = tmp_path / "data"
    for name in ("rgb", "depth"):
        (data / name).mkdir(parents=True)
        (data / name / "kitchen").symlink_to(real / name)
        (data / name / "._000.png").write_bytes(b"\x00\x05\x16\x07")  # of a Mac
        (data / name / "@eaDir").mkdir()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(data / name / "@eaDir" / "000.png")
    (data / "dataset.yaml").write_text("depth_scale: 1000\n")
    opened = open_data(data)
    ids = [opened.sample_id(index) for index in range(len(opened))]
    assert ids == ["rgb/kitchen/000.png", "rgb/kitchen/001.png"]
    predictions = tmp_path / "pred"
    (predictions / "@eaDir").mkdir(parents=True)
    (tmp_path / "there").mkdir()
    np.save(tmp_path / "there" / "000.npy", np.ones((4, 4)))
    np.save(predictions / "@eaDir" / "000.npy", np.ones((4, 4)))
    (predictions / "run").symlink_to(tmp_path / "there")
    assert find_files(predictions, ["rgb/kitchen/000.png"]) == {
        "rgb/kitchen/000.png": predictions / "run" / "000.npy"
    }
