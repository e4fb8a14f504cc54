"""One lister for both: the reader stops at the first fault, the checks report all of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.data_checks import check_data
from leadline.data_checks.pairs import list_data
from leadline.datasets import find_data, open_pairs
from leadline.datasets.pair_listing import list_beside, list_csv, list_folders, list_pairs
from leadline.errors import LeadlineError
from tests.conftest import write_pairs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_bad_line_is_listed_and_the_reader_names_the_first(tmp_path):
    touch(tmp_path, "a.jpg", "a.png", "c.jpg")
    table = write(tmp_path / "train.csv", "image,depth", "a.jpg,a.png", "b.jpg,", "c.jpg,c.png")
    listing = list_csv(table)
    assert [pair.id for pair in listing.pairs] == ["a.jpg"]
    assert [(fault.kind, fault.place) for fault in listing.faults] == [
        ("csv-line", "train.csv line 3"),
        ("csv-missing-file", f"{tmp_path}/c.png (line 4)"),
    ]
    with pytest.raises(LeadlineError, match=r"train\.csv: line 3 lacks an image or a depth file"):
        open_pairs(tmp_path, "train")
    reported = {finding.code: finding.examples for finding in check_data(tmp_path).findings}
    assert reported["csv-line"] == ("train.csv line 3",)
    assert reported["csv-missing-file"] == (f"{tmp_path}/c.png (line 4)",)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"\xff\xfe\x00", "csv-unreadable", "not readable as CSV"),
        (b"picture,depth\n", "csv-columns", r"column image is missing \(found: picture, depth\)"),
        (b"image,depth\n", "csv-empty", "no image-depth pairs in it"),
    ],
)
def test_a_csv_without_pairs_is_one_fault(tmp_path, content, kind, words):
    (tmp_path / "val.csv").write_bytes(content)
    listing = list_csv(tmp_path / "val.csv")
    assert (listing.pairs, [fault.kind for fault in listing.faults]) == ([], [kind])
    with pytest.raises(LeadlineError, match=words):
        open_pairs(tmp_path, "val")


def test_files_without_a_partner_are_counted_together_and_hidden_files_are_none(tmp_path):
    touch(tmp_path, "rgb/a.jpg", "rgb/x/b.jpg", "depth/a.png", "depth/c.npy", "depth/._a.png")
    listing = list_folders(tmp_path)
    assert [pair.id for pair in listing.pairs] == ["rgb/a.jpg"]
    kinds = [(fault.kind, fault.detail) for fault in listing.faults]
    assert kinds == [("lonely-depth", "c"), ("lonely-image", "x/b")]
    with pytest.raises(LeadlineError, match=r"2 files have no partner.*the first is depth 'c'"):
        listing.require_complete()


def test_a_missing_label_or_a_second_file_of_one_stem_stops_no_reader(tmp_path):
    touch(tmp_path, "rgb/a.jpg", "rgb/a.png", "rgb/b.png", "depth/a.png", "depth/b.png")
    touch(tmp_path, "label/a.png")
    listing = list_folders(tmp_path)
    assert [fault.kind for fault in listing.faults] == ["same-stem", "unlabelled"]
    assert [pair.image.name for pair in listing.require_complete()] == ["a.png", "b.png"]


def test_a_missing_label_is_noted_in_lists_and_beside_photographs(tmp_path):
    touch(tmp_path, "a_rgb.png", "b_rgb.png", "a_depth.png", "b_depth.png", "a_label.png")
    lines = ["b_rgb.png,b_depth.png,", "a_rgb.png,a_depth.png,a_label.png"]
    csv = write(tmp_path / "train.csv", "image,depth,label", *lines)
    for listing in (list_beside(tmp_path), list_csv(csv)):
        faults = [(fault.kind, fault.place, fault.message) for fault in listing.faults]
        assert faults == [("unlabelled", str(tmp_path / "b_rgb.png"), None)]
        assert len(listing.require_complete()) == 2
    bare = write(tmp_path / "val.csv", "image,depth,label", lines[0])
    assert list_csv(bare).faults == []  # without labels at all nothing is missing


def test_a_folder_without_the_two_folders_is_named_as_such(tmp_path):
    touch(tmp_path, "rgb/a.jpg")
    with pytest.raises(LeadlineError, match=r"not a folder of pairs: expected train\.csv"):
        list_folders(tmp_path).require_complete()
    findings = check_data(tmp_path, layout="pairs").findings
    assert {finding.code for finding in findings} >= {"no-pairs", "lonely-image"}


@pytest.mark.parametrize(
    ("image", "depth"),
    [
        ("rgb/x_rgb.png", "depth/x_depth.png"),
        ("rgb/rgb0001.png", "depth/depth0001.png"),
        ("color/frame-01.color.jpg", "depth/frame-01.depth.png"),
        ("x.png", "x_depth.npy"),
        ("x_rgb.png", "x_depth.exr"),
        ("frame-000.color.png", "frame-000.depth.png"),
        ("a/left.color.png", "a/left.depth.png"),
        ("room/rgb/7.jpg", "room/depth/7.png"),
        ("images/b/IMG-7.jpg", "depths/b/Depth_7.png"),
    ],
)
def test_names_that_differ_by_a_word_are_a_pair(tmp_path, image, depth):
    touch(tmp_path, image, depth)
    (pair,) = list_pairs(tmp_path).require_complete()
    assert (pair.id, pair.image, pair.depth) == (image, tmp_path / image, tmp_path / depth)
    assert find_data(tmp_path).layout.name == "pairs"


@pytest.mark.parametrize(
    "names",
    [
        ("rgb/right_1.png", "depth/left_1.png"),  # another word
        ("rgb/x_rgb.png", "rgb/x_img.png", "depth/x_depth.png"),  # two could be meant
        ("bright.png", "bri_depth.png"),  # a part of a word is no word
    ],
)
def test_what_could_be_another_pair_is_none(tmp_path, names):
    touch(tmp_path, *names)
    assert not list_pairs(tmp_path).pairs
    with pytest.raises(LeadlineError, match="no partner"):
        list_pairs(tmp_path).require_complete()


def test_depth_masks_are_found_beside_the_depth_or_in_a_folder(tmp_path):
    touch(tmp_path / "one", "x.png", "x_depth.npy", "x_depth_mask.npy")
    touch(tmp_path / "two", "rgb/x.png", "depth/x.npy", "depth/x_mask.npy")
    touch(tmp_path / "three", "rgb/x.png", "depth/x.png", "depth_mask/x.png", "mask/x.png")
    masks = ("x_depth_mask.npy", "depth/x_mask.npy", "depth_mask/x.png")
    for name, mask in zip(("one", "two", "three"), masks, strict=True):
        (pair,) = list_pairs(tmp_path / name).require_complete()
        assert pair.mask == tmp_path / name / mask


@pytest.mark.parametrize(
    ("image", "depth", "mask"),
    [
        ("x.png", "x_depth.npy", "x_depth_mask.npy"),
        ("rgb/x.png", "depth/x.npy", "depth/x_mask.png"),
        ("rgb/x.png", "depth/x.png", "depth_mask/x.png"),
        ("rgb/a/x_rgb.png", "depth/a/x_depth.png", "depth_valid/a/x_depth_mask.png"),
        ("x.png", "x_depth.npy", "depth_mask/x.png"),
        ("color/x.png", "depth/x.png", "depth_mask/x.png"),
        ("x.png", "x_depth.npy", "x_depth_valid.png"),
        ("scene/color/x.png", "scene/depth/x.png", "scene/depth_mask/x.png"),
    ],
)
def test_the_same_masks_count_in_a_folder_and_in_a_list(tmp_path, image, depth, mask):
    touch(tmp_path, image, depth, mask)
    (pair,) = list_pairs(tmp_path).require_complete()
    assert (pair.image, pair.mask) == (tmp_path / image, tmp_path / mask)
    table = write(tmp_path / "train.csv", "image,depth", f"{image},{depth}")
    (pair,) = list_csv(table).require_complete()
    assert (pair.image, pair.mask) == (tmp_path / image, tmp_path / mask)


def test_a_list_takes_no_photograph_and_no_mask_of_an_object_for_a_depth_mask(tmp_path):
    names = ("train/x.png", "train/x_depth.png", "train/x_mask.png", "valid/x.png")
    touch(tmp_path, *names)
    table = write(tmp_path / "train.csv", "image,depth", "train/x.png,train/x_depth.png")
    (pair,) = list_csv(table).require_complete()
    assert pair.mask is None


def test_a_column_of_masks_says_which_they_are(tmp_path):
    touch(tmp_path, "a.png", "b.png", "a_depth.npy", "b_depth.npy", "b_depth_mask.npy", "m.png")
    lines = ["image,depth,mask", "a.png,a_depth.npy,m.png", "b.png,b_depth.npy,"]
    table = write(tmp_path / "train.csv", *lines)
    assert [pair.mask for pair in list_csv(table).require_complete()] == [tmp_path / "m.png", None]
    write(table, *lines[:1], "a.png,a_depth.npy,missing.png")
    (fault,) = list_csv(table).faults
    assert (fault.kind, fault.place) == ("csv-missing-file", f"{tmp_path}/missing.png (line 2)")


def test_a_mask_of_a_list_makes_its_zeros_invalid(tmp_path):
    write_pairs(tmp_path, 1, (48, 64))
    valid = np.ones((48, 64), np.uint8)
    valid[10:20] = 0
    np.save(tmp_path / "seen.npy", valid)
    write(tmp_path / "val.csv", "image,depth,mask", "rgb/000.png,depth/000.png,seen.npy")
    assert np.array_equal(open_pairs(tmp_path, "val")[0].valid[2:], valid[2:] > 0)
    (listed,) = list_data(tmp_path).pairs
    assert np.array_equal(listed.read().values[2:] > 0, valid[2:] > 0)


def test_a_mask_file_makes_its_zeros_invalid(tmp_path):
    write_pairs(tmp_path, 2, (48, 64))
    valid = np.ones((48, 64), np.uint8)
    valid[10:20] = 0
    (tmp_path / "depth_mask").mkdir()
    Image.fromarray(valid * 255).save(tmp_path / "depth_mask/001.png")
    data = open_pairs(tmp_path)
    assert data[0].valid[2:].all()
    assert np.array_equal(data[1].valid[2:], valid[2:] > 0)
    assert (data[1].depth[10:20] == 0).all()
    Image.fromarray(valid[:40]).save(tmp_path / "depth_mask/001.png")
    with pytest.raises(LeadlineError, match=r"mask is 64x40.*64x48"):
        data[1]


SPLIT_WAYS = {
    "rgb/train": ("rgb/{split}/{n}.png", "depth/{split}/{n}.png"),
    "train/rgb": ("{split}/rgb/{n}.png", "{split}/depth/{n}.png"),
    "train/x": ("{split}/{n}.png", "{split}/{n}_depth.png"),
}


@pytest.mark.parametrize("way", SPLIT_WAYS)
@pytest.mark.parametrize("val", ["val", "validation"])
def test_folders_of_splits_are_splits(tmp_path, way, val):
    for split, count in (("train", 3), (val, 2), ("test", 1)):
        for number in range(count):
            names = (name.format(split=split, n=number) for name in SPLIT_WAYS[way])
            touch(tmp_path, *names)
    source = find_data(tmp_path)
    assert source.splits == ("train", "val", "test")
    counts = [len(source.open(split)) for split in (*source.splits, None)]
    assert counts == [3, 2, 1, 6]
    names = [source.open("val").sample_id(n) for n in range(2)]
    assert names == [SPLIT_WAYS[way][0].format(split=val, n=n) for n in range(2)]
    train, held_out = source.open_train_and_val(val_fraction=0.5, seed=0)
    assert (len(train), len(held_out)) == (3, 2)  # the folder's, not a part of train
    assert source.split_to_score() == "val"


def test_a_split_that_is_no_folder_is_refused(tmp_path):
    touch(tmp_path, "rgb/train/0.png", "depth/train/0.png")
    with pytest.raises(LeadlineError, match=r"'val'.*only train"):
        find_data(tmp_path).open("val")
    with pytest.raises(LeadlineError, match="only train"):
        open_pairs(tmp_path, "val")


def test_the_split_all_is_everything(tmp_path):
    touch(tmp_path, "rgb/a.png", "rgb/b.png", "depth/a.png", "depth/b.png")
    assert [pair.id for pair in open_pairs(tmp_path, "all").items] == ["rgb/a.png", "rgb/b.png"]
