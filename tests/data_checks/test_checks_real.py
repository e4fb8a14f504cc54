"""check-data on real photographs, clean and with planted faults; skipped without LEADLINE_DATA."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.data_checks import Report, Severity, check_data

COUNT = 40


@pytest.fixture(scope="module")
def nyu(shared_data) -> list[tuple[Path, Path]]:
    """Forty pairs from all over the labelled NYU training set."""
    root = shared_data / "nyu_labeled_train"
    with (root / "train.csv").open() as file:
        rows = list(csv.DictReader(file))
    chosen = np.random.default_rng(4).permutation(len(rows))[:COUNT]
    return [(root / rows[i]["image"], root / rows[i]["depth"]) for i in chosen]


def check(folder: Path, pairs: list[tuple[Path, Path]], scale: str = "1000") -> Report:
    lines = [f"{image},{depth}" for image, depth in pairs]
    (folder / "all.csv").write_text("\n".join(["image,depth", *lines]) + "\n")
    (folder / "dataset.yaml").write_text(f"depth_scale: {scale}\n")
    return check_data(folder / "all.csv")


def count(report: Report, code: str) -> int:
    return sum(finding.count for finding in report.findings if finding.code == code)


def test_clean_photographs_raise_no_alarm(tmp_path, nyu):
    assert check(tmp_path, nyu).ok


def test_mirrored_depth_is_found(tmp_path, nyu):
    pairs = []
    for image, depth in nyu:
        pairs.append((image, tmp_path / depth.name))
        Image.fromarray(np.array(Image.open(depth))[:, ::-1]).save(pairs[-1][1], compress_level=1)
    assert count(check(tmp_path, pairs), "depth-mirrored") == COUNT


def test_two_swapped_pairs_are_found(tmp_path, nyu):
    pairs = list(nyu)
    pairs[5], pairs[30] = (pairs[5][0], pairs[30][1]), (pairs[30][0], pairs[5][1])
    report = check(tmp_path, pairs)
    assert count(report, "swapped-pairs") == 2
    assert not report.ok


@pytest.mark.parametrize("scale", ["kitti", "vkitti-cm", "tum"])
def test_a_wrong_scale_is_found_and_the_right_one_proposed(tmp_path, nyu, scale):
    report = check(tmp_path, nyu, scale)
    assert count(report, "scale-contradiction") == 1
    assert report.scale.guess.units == 1000
    assert "depth_scale: 1000" in report.yaml()


def test_kitti_samples_raise_no_alarm_and_tell_their_unit(shared_data):
    report = check_data(shared_data / "kitti_samples")
    assert report.ok
    assert {finding.code for finding in report.findings} == {"mixed-image-sizes", "sparse-depth"}
    assert (report.scale.guess.units, report.scale.guess.sure) == (256, True)


def test_the_validation_split_of_nyu_raises_no_alarm(shared_data):
    report = check_data(shared_data / "nyu_labeled_train", "val")
    assert not [finding for finding in report.findings if finding.severity != Severity.NOTE]
