"""Whatever the text files of a layout hold, they are read or explained in one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.datasets.bts import BtsDataset
from leadline.datasets.densedepth import DenseDepthDataset
from leadline.datasets.kitti_frames import read_frame_list
from leadline.datasets.tum import TumDataset
from leadline.datasets.velodyne import read_calibration, read_camera
from leadline.datasets.vkitti_classes import IDS, read_colour_table
from leadline.errors import LeadlineError

READERS = {
    "bts": lambda path: BtsDataset.open(path, None, None),
    "densedepth": lambda path: DenseDepthDataset.open(path, None, None),
    "tum": lambda path: TumDataset.open(path.parent, None, None),
    "frames": read_frame_list,
    "calibration": read_calibration,
    "camera": lambda path: read_camera(path.parent, 2),
    "colours": lambda path: read_colour_table(path, IDS["cityscapes"]),
}
NAMES = {
    "tum": ("rgb.txt", "depth.txt"),
    "camera": ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"),
}
WORDS = st.sampled_from(
    [
        *("a.jpg", "a.png", "/", "None", "518.8579", "nan", "inf", "-1", "0", "1e999", "\u00b2"),
        *("2011_09_26_drive_0001_sync", "image_02/data/0000000005.png", "r", "l", "..", "#"),
        *("P_rect_02:", "R:", "S_rect_02:", "T:", ":", ",", "255", "256", "Sky", "Car:0"),
    ]
)
LINES = st.lists(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=40), max_size=6)


@pytest.mark.parametrize("kind", READERS)
@given(lines=LINES)
def test_any_text_is_read_or_explained(tmp_path_factory, kind, lines):
    folder = tmp_path_factory.getbasetemp() / f"text-{kind}"  # every example writes the same files
    folder.mkdir(exist_ok=True)
    names = NAMES.get(kind, ("list.txt",))
    for name in names:
        (folder / name).write_text("\n".join(lines), encoding="utf-8", errors="replace")
    try:
        READERS[kind](folder / names[0])
    except LeadlineError as error:
        assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00\x80", b"\x89PNG\r\n\x1a\n\x00"])
def test_what_is_no_text_is_one_line(tmp_path, kind, data):
    names = NAMES.get(kind, ("list.txt",))
    for name in names:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(LeadlineError) as caught:
        READERS[kind](tmp_path / names[0])
    assert "\n" not in str(caught.value)
    assert names[0] in str(caught.value)
