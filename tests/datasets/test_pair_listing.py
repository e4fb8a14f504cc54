"""One lister for both: the reader stops at the first fault, the checks report all of them."""

from pathlib import Path

import pytest

from leadline.data_checks import check_data
from leadline.datasets import open_pairs
from leadline.datasets.pair_listing import list_csv, list_folders
from leadline.errors import LeadlineError


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


def test_a_folder_without_the_two_folders_is_named_as_such(tmp_path):
    touch(tmp_path, "rgb/a.jpg")
    with pytest.raises(LeadlineError, match=r"not a folder of pairs: expected train\.csv"):
        list_folders(tmp_path).require_complete()
    findings = check_data(tmp_path, layout="pairs").findings
    assert {finding.code for finding in findings} >= {"no-pairs", "lonely-image"}


def test_names_that_differ_by_a_word_are_to_be_renamed(tmp_path):
    touch(tmp_path, "rgb/1_rgb.jpg", "rgb/2_rgb.jpg", "depth/1_depth.png", "depth/2_depth.png")
    remedies = {finding.code: finding.remedy for finding in check_data(tmp_path).findings}
    assert remedies["lonely-image"].startswith("the names differ by a word only")
