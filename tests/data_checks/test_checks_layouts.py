"""check-data on published layouts: every reader's samples are checked, and its complaints told."""

from leadline.data_checks import check_data
from tests.datasets.writers import (
    make_scenes,
    write_densedepth,
    write_kitti_benchmark,
    write_kitti_raw,
)

DRIVES = {"2011_09_26_drive_0001_sync": (0, 1), "2011_09_26_drive_0005_sync": (3,)}


def test_kitti_raw_is_recognised_and_read(tmp_path):
    report = check_data(write_kitti_raw(tmp_path / "raw", DRIVES, make_scenes(1)[0]))
    assert report.facts.listing.layout == "kitti-raw"
    assert len(report.facts.readable) == 3
    assert report.facts.units == 1
    codes = {finding.code for finding in report.findings}
    assert "cannot-open" not in codes and "unreadable" not in codes
    assert "duplicate-image" in codes  # the writer repeats one scene


def test_missing_calibration_is_named(tmp_path):
    folder = write_kitti_raw(tmp_path / "raw", DRIVES, make_scenes(1)[0])
    (folder / "2011_09_26" / "calib_velo_to_cam.txt").unlink()
    report = check_data(folder)
    told = [f for f in report.findings if f.code in ("cannot-open", "unreadable")]
    assert told and "calib_velo_to_cam.txt" in told[0].message
    assert not report.ok


def test_the_two_encodings_of_densedepth_are_no_fault(tmp_path):
    scenes = make_scenes(6)
    report = check_data(write_densedepth(tmp_path / "nyu", scenes[:4], scenes[4:]))
    assert report.facts.listing.layout == "densedepth"
    assert {file.kind for file in report.facts.of_role("depth")} == {
        "8-bit grey PNG",
        "16-bit grey PNG",
    }
    assert "mixed-depth-types" not in {finding.code for finding in report.findings}


def test_two_types_of_depth_in_one_split_are_told(tmp_path):
    scenes = make_scenes(6)
    folder = write_densedepth(tmp_path / "nyu", scenes[:4], scenes[4:])
    stray = next(folder.rglob("nyu2_train/*/1.png"))
    stray.write_bytes(next(folder.rglob("*_depth.png")).read_bytes())
    told = [f for f in check_data(folder).findings if f.code == "mixed-depth-types"]
    assert len(told) == 1 and "3 8-bit" in told[0].message and "1 16-bit" in told[0].message


def test_a_leak_is_told_by_one_sample_of_each_split(tmp_path):
    scene = make_scenes(1)[0]
    drives = {"2011_09_26_drive_0001_sync": (5, 6), "2011_09_26_drive_0002_sync": (5,)}
    raw = write_kitti_raw(tmp_path / "raw", drives, scene)
    train, val = ({drive: frames} for drive, frames in drives.items())
    data = write_kitti_benchmark(tmp_path / "annotated", {"train": train, "val": val}, scene)
    report = check_data(data, options={"raw": str(raw)})
    told = [f for f in report.findings if f.code == "leak-same-image"]
    assert len(told) == 1
    assert "(train: " in told[0].message and " = val: " in told[0].message
