"""Trees of files as people have them: linked folders, loops, what systems put there."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.data_checks import check_data
from leadline.datasets.folders import folders_in
from leadline.datasets.open import open_data
from leadline.errors import LeadlineError
from leadline.evaluation.predictions import find_files
from leadline.io import read_depth
from leadline.io.files import is_file, read_bytes
from leadline.io.labels import read_labels
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


def test_a_link_to_itself_stops_no_folder(tmp_path):
    data = write_pairs(tmp_path / "data", 2, (48, 64))
    for name in ("rgb/self.png", "depth/self.png", "scene", "other.txt"):
        (data / name).symlink_to(Path(name).name)
    assert "rgb/000.png" in names_below(data)
    codes = {each.code for each in check_data(data).findings}
    assert {"unreadable", "not-a-picture"} & codes
    (data / "depth" / "self.png").unlink()
    (data / "rgb" / "self.png").unlink()
    assert len(open_data(data)) == 2
    assert folders_in(data) == ["depth", "rgb"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_pipes_are_left_out_and_links_to_nothing_are_named(tmp_path):
    data = write_pairs(tmp_path / "data", 4, (48, 64))
    for name in ("rgb/9.png", "depth/9.png"):
        os.mkfifo(data / name)
    assert "rgb/9.png" not in names_below(data)
    codes = {each.code for each in check_data(data).findings}
    assert not {"unreadable", "lonely-image", "lonely-depth"} & codes
    for name in ("rgb/9.png", "depth/9.png"):
        (data / name).unlink()
        (data / name).symlink_to(tmp_path / "nowhere.png")
    found = {each.code for each in check_data(data).findings}
    assert {"unreadable", "not-a-picture"} & found


def test_a_depth_map_and_a_label_that_say_they_are_turned_are_refused(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 3
    depth, label = tmp_path / "depth.png", tmp_path / "label.png"
    for exif in (Image.Exif(), turned):
        Image.fromarray(np.full((4, 6), 1500, np.uint16)).save(depth, exif=exif)
        Image.fromarray(np.ones((4, 6), np.uint8)).save(label, exif=exif)
        if exif is not turned:
            assert read_depth(depth, 1000.0).shape == read_labels(label).shape
    for read in (lambda: read_depth(depth, 1000.0), lambda: read_labels(label)):
        with pytest.raises(LeadlineError, match=r"shown turned .EXIF orientation 3."):
            read()


def test_of_several_pages_of_a_tiff_none_is_taken_for_the_depth(tmp_path):
    near, far = (Image.fromarray(np.full((40, 60), metres, np.float32)) for metres in (2, 3))
    preview = Image.fromarray(np.ones((10, 15), np.float32))
    for second in (preview, far):
        near.save(tmp_path / "depth.tif", save_all=True, append_images=[second])
        if second is preview:
            assert (read_depth(tmp_path / "depth.tif").depth == 2).all()
    with pytest.raises(LeadlineError, match=r"2 pages, two of 60x40: which is the depth"):
        read_depth(tmp_path / "depth.tif")


def test_spaces_after_the_commas_of_a_list_are_no_part_of_names(tmp_path):
    write_pairs(tmp_path, 3, (48, 64))
    names = sorted(path.name for path in (tmp_path / "rgb").iterdir())
    rows = [f"rgb/{name}, depth/{name}" for name in names]
    (tmp_path / "list.csv").write_text("\n".join(["image, depth", *rows]) + "\n")
    assert len(open_data(tmp_path / "list.csv")) == 3


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
