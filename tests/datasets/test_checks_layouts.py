"""check-data on published layouts: every reader's samples are checked, and its complaints told."""

from leadline.datasets.checks import check_data
from tests.datasets.writers import make_scenes, write_kitti_raw

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
