"""check-data on published layouts: the samples of every reader, and its errors as findings."""

from leadline.data_checks import check_data
from leadline.data_checks.files import headers_of
from tests.datasets.writers import (
    make_scenes,
    write_densedepth,
    write_kitti_benchmark,
    write_kitti_raw,
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
