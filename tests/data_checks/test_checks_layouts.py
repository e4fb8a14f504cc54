"""check-data on published layouts: the samples of every reader, and its errors as findings."""

import numpy as np
import pytest
from PIL import Image

from leadline.data_checks import check_data
from leadline.data_checks.files import headers_of
from tests.datasets.writers import (
    make_scenes,
    write_arkitscenes,
    write_densedepth,
    write_diode,
    write_hypersim,
    write_ibims,
    write_kitti_benchmark,
    write_kitti_raw,
    write_middlebury,
    write_scannet,
    write_seven_scenes,
    write_shift,
    write_sunrgbd,
)

DRIVES = {"2011_09_26_drive_0001_sync": (0, 1), "2011_09_26_drive_0005_sync": (3,)}


def test_kitti_raw_is_recognised_and_read(tmp_path):
    report = check_data(write_kitti_raw(tmp_path / "raw", DRIVES, make_scenes(1)[0]))
    assert report.listing.layout == "kitti-raw"
    assert len(report.readable) == 3
    assert report.scale.declared == 1
    codes = {finding.code for finding in report.findings}
    assert "cannot-open" not in codes and "unreadable" not in codes
    assert "duplicate-image" in codes  # the writer repeats one scene


def test_missing_calibration_is_named(tmp_path):
    folder = write_kitti_raw(tmp_path / "raw", DRIVES, make_scenes(1)[0])
    (folder / "2011_09_26" / "calib_velo_to_cam.txt").unlink()
    report = check_data(folder)
    reported = [f for f in report.findings if f.code in ("cannot-open", "unreadable")]
    assert reported and "calib_velo_to_cam.txt" in reported[0].message
    assert not report.ok


def test_the_two_encodings_of_densedepth_are_no_fault(tmp_path):
    scenes = make_scenes(6)
    report = check_data(write_densedepth(tmp_path / "nyu", scenes[:4], scenes[4:]))
    assert report.listing.layout == "densedepth"
    assert {
        header.kind for header in headers_of(report.listing.pairs, report.headers, "depth")
    } == {
        "8-bit grey PNG",
        "16-bit grey PNG",
    }
    assert "mixed-depth-types" not in {finding.code for finding in report.findings}


def test_two_types_of_depth_in_one_split_are_reported(tmp_path):
    scenes = make_scenes(6)
    folder = write_densedepth(tmp_path / "nyu", scenes[:4], scenes[4:])
    stray = next(folder.rglob("nyu2_train/*/1.png"))
    stray.write_bytes(next(folder.rglob("*_depth.png")).read_bytes())
    (mixed,) = (f for f in check_data(folder).findings if f.code == "mixed-depth-types")
    assert "3 8-bit" in mixed.message and "1 16-bit" in mixed.message


def test_a_leak_is_reported_with_one_sample_of_each_split(tmp_path):
    scene = make_scenes(1)[0]
    drives = {"2011_09_26_drive_0001_sync": (5, 6), "2011_09_26_drive_0002_sync": (5,)}
    raw = write_kitti_raw(tmp_path / "raw", drives, scene)
    train, val = ({drive: frames} for drive, frames in drives.items())
    data = write_kitti_benchmark(tmp_path / "annotated", {"train": train, "val": val}, scene)
    report = check_data(data, options={"raw": str(raw)})
    reported = [f for f in report.findings if f.code == "leak-same-image"]
    assert len(reported) == 1
    assert "(train: " in reported[0].message and " = val: " in reported[0].message


def first(folder, pattern):
    """The first file of a pattern, in the order of names."""
    return sorted(folder.rglob(pattern))[0]


def cut(folder, pattern):
    """Halve the first file of a pattern."""
    file = first(folder, pattern)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def no_pixels(folder, pattern, value=0):
    """Set every number of the first picture to one that means no depth."""
    file = first(folder, pattern)
    stored = np.array(Image.open(file))
    Image.fromarray(np.full_like(stored, value)).save(file)


def another_size(folder, pattern):
    """Crop the first picture of a pattern."""
    file = first(folder, pattern)
    Image.fromarray(np.array(Image.open(file))[:24]).save(file)


FAULTS = {
    "diode": (
        lambda folder, scenes: write_diode(folder, {"val/indoors": scenes}),
        lambda folder: np.save(first(folder, "*_mask.npy"), np.zeros((48, 64))),
        "no-valid-depth",
    ),
    "sunrgbd": (
        lambda folder, scenes: write_sunrgbd(folder, {"kv2/align": scenes}),
        lambda folder: cut(folder, "depth/*.png"),
        "cut-short",
    ),
    "scannet": (
        lambda folder, scenes: write_scannet(folder, ["scene0000_00"], scenes),
        lambda folder: another_size(folder, "depth/*.png"),
        "unreadable",
    ),
    "hypersim": (
        lambda folder, scenes: write_hypersim(folder, {"ai_001_001": scenes}),
        lambda folder: cut(folder, "*.hdf5"),
        "unreadable",
    ),
    "arkitscenes": (
        lambda folder, scenes: write_arkitscenes(folder, {"Training/1": scenes}),
        lambda folder: no_pixels(folder, "lowres_depth/*.png"),
        "no-valid-depth",
    ),
    "ibims": (
        write_ibims,
        lambda folder: first(folder, "mask_transp/*.png").unlink(),
        "cannot-open",
    ),
    "shift": (
        lambda folder, scenes: write_shift(folder, {"train": scenes}),
        lambda folder: no_pixels(folder, "*_depth_front.png", 255),
        "no-valid-depth",
    ),
    "7scenes": (
        lambda folder, scenes: write_seven_scenes(folder, {1: scenes[1:], 2: scenes[:1]}, [1]),
        lambda folder: no_pixels(folder, "*.depth.png", 65535),
        "no-valid-depth",
    ),
    "middlebury": (
        write_middlebury,
        lambda folder: first(folder, "calib.txt").write_text("cam0=[1 0 0]"),
        "unreadable",
    ),
}
"""By layout: what writes it, what plants a fault in it, and what must be said of that."""


@pytest.mark.parametrize("layout", FAULTS)
def test_a_published_layout_is_recognised_and_its_planted_fault_named(tmp_path, layout):
    write, plant, code = FAULTS[layout]
    folder = tmp_path / "data"
    write(folder, make_scenes(3))
    report = check_data(folder)
    assert report.listing.layout == layout
    assert len(report.readable) == 3
    # Scenes of three boxes are too few and too plain for unit and alignment: files and values only.
    about_files = {"cannot-open", "unreadable", "cut-short", "no-valid-depth", "size-mismatch"}
    about_files |= {"depth-24-bit", "depth-colour", "saturated", "rotated-bits"}
    assert not about_files & {finding.code for finding in report.findings}
    plant(folder)
    assert code in {finding.code for finding in check_data(folder).findings}
