"""Pipes, sockets and devices by name: refused in one line by every command, and nothing waits."""

import os
import signal
import socket
from pathlib import Path

import numpy as np
import pytest

from leadline.data_checks import check_data
from leadline.data_checks.files import read_header
from leadline.io.files import read_bytes
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.complaints import complaint
from tests.conftest import write_pairs

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")

ROOM = Path(__file__).parents[2] / "examples" / "room.jpg"


@pytest.fixture(autouse=True)
def _nothing_waits():
    """Fail, in place of waiting for ever, where somebody reads a pipe that nobody writes."""

    def stop(*_):
        raise TimeoutError("somebody waits for a pipe")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def place(tmp_path):
    """Pipes of several suffixes, a depth file and a data set."""
    for suffix in (".jpg", ".png", ".txt", ".csv", ".json", ".yaml", ".onnx", ".mp4", ".mat", ""):
        os.mkfifo(tmp_path / f"pipe{suffix}")
    np.save(tmp_path / "wall.npy", np.full((6, 8), 2, np.float32))
    write_pairs(tmp_path / "data", 2, (48, 64))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "predict pipe.jpg -o out",
        "predict {room} -o out --intrinsics pipe.txt",
        "predict {room} -o out --calibration pipe.json",
        "predict {room} -o out --model pipe.onnx",
        "measure pipe.jpg --at 1,1",
        "measure pipe.png --depth-scale 1000 --at 1,1",
        "measure wall.npy --mask pipe.png",
        "measure wall.npy --points 1,1 2,2 --intrinsics pipe.json",
        "measure wall.npy --at 1,1 --calibration pipe.json",
        "calibrate pipe.png --point 1,1=2 -o out",
        "calibrate wall.npy --sparse pipe.txt -o out",
        "calibrate wall.npy --sparse pipe.png -o out",
        "convert pipe.png -o out --to npy",
        "convert pipe.csv -o out --to shards",
        "convert pipe.mat -o out --to shards",
        "check-data pipe.txt",
        "check-data pipe.csv",
        "check-data pipe",
        "expand pipe.csv -o out",
        "evaluate --pred-dir data/depth --data pipe.csv",
        "evaluate --pred-dir data/depth --data data --protocol pipe.yaml",
        "evaluate --model pipe.onnx --data data",
        "compare pipe.json",
        "compare pipe",
        "train --recipe pipe.yaml --data data -o out",
        "train --recipe compact --data pipe.csv -o out",
    ],
)
def test_a_pipe_by_name_is_refused(place, monkeypatch, words):
    monkeypatch.chdir(place)
    fails_in_one_line(leadline_here(*words.format(room=ROOM).split()), "pipe", "is a pipe")
    assert not [path for path in (place / "out").rglob("*") if path.is_file()]


def test_devices_and_sockets_are_refused_too(tmp_path):
    assert "a device, not a file" in complaint(lambda: read_bytes(Path("/dev/zero"), "photo"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.png"))
        message = complaint(lambda: read_bytes(tmp_path / "s.png", "photo"), tmp_path)
    assert "is a socket, not a file" in message
    fails_in_one_line(
        leadline_here("convert", "/dev/zero", "-o", tmp_path, "--to", "npy"), "is a device"
    )
    fails_in_one_line(leadline_here("check-data", "/dev/zero"), "is a device")


def test_a_link_to_a_pipe_is_one(place):
    (place / "link.png").symlink_to(place / "pipe.png")
    assert "is a pipe" in complaint(lambda: read_bytes(place / "link.png", "photo"))


def test_the_pipe_that_the_shell_makes_for_a_command_is_read():
    reading, writing = os.pipe()
    os.write(writing, b"525 525 319.5 239.5")
    os.close(writing)
    content = read_bytes(Path(f"/dev/fd/{reading}"), "camera file")
    os.close(reading)
    assert content == b"525 525 319.5 239.5"


def test_a_pipe_that_a_list_names_is_a_finding(tmp_path):
    data = write_pairs(tmp_path / "data", 4, (48, 64))
    for name in ("rgb/000.png", "depth/001.png"):
        (data / name).unlink()
        os.mkfifo(data / name)
    pairs = "\n".join(f"rgb/{i:03d}.png,depth/{i:03d}.png" for i in range(4))
    (data / "all.csv").write_text(f"image,depth\n{pairs}\n")
    found = {each.code: each for each in check_data(data / "all.csv").findings}
    assert "names 2 missing files" in found["csv-missing-file"].message
    assert "is a pipe" in read_header(data / "rgb" / "000.png").detail
