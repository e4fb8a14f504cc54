"""Who predicts says which pictures are unlike those that the model was trained on."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import leadline
from leadline.depth import DepthMap
from leadline.errors import LeadlineWarning
from leadline.inference import calibrate
from leadline.inference.measure_file import measure
from leadline.inference.predict_video import video
from leadline.io import write_depth

ROOM = Path(__file__).parents[2] / "examples" / "room.jpg"


def said(*pictures, work=lambda pictures: leadline.predict(pictures, precision="f32")):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeadlineWarning)
        work([*pictures])
    return [str(each.message) for each in caught if "unlike those" in str(each.message)]


def test_a_picture_unlike_the_training_pictures_is_named_and_a_room_is_not(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert said(ROOM) == []
    (line,) = said(tmp_path / "noise.png")
    assert line.startswith(f"{tmp_path / 'noise.png'} is unlike those that crisp-nyu")
    (line,) = said(ROOM, tmp_path / "noise.png")
    assert line.startswith("1 of 2 pictures are unlike")
    assert "noise.png" in line


def test_measuring_and_calibrating_say_it_of_a_photograph_and_not_of_a_depth_file(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    write_depth(tmp_path / "d.npy", DepthMap.from_metres(np.ones((240, 320))))
    for work in (
        lambda paths: measure(paths[0], pixels=[(5, 5)]),
        lambda paths: calibrate(paths[0], tmp_path / "out", points=[(5, 5, 2.0)]),
    ):
        (line,) = said(tmp_path / "noise.png", work=work)
        assert line.startswith(f"{tmp_path / 'noise.png'} is unlike those that crisp-nyu")
        assert said(tmp_path / "d.npy", work=work) == []
        assert said(ROOM, work=work) == []


def test_a_video_says_once_how_many_of_its_frames_are(tmp_path):
    pytest.importorskip("av")
    from leadline.io.video import open_writer

    frames = [np.asarray(Image.open(ROOM).resize((320, 240)))] * 2
    frames += [np.random.default_rng(n).integers(0, 256, (240, 320, 3), np.uint8) for n in (1, 2)]
    with open_writer(tmp_path / "v.mp4", (240, 320), 10, {}) as writer:
        for number, pixels in enumerate(frames):
            writer.write(pixels, number / 10)
    (line,) = said(work=lambda _: video(tmp_path / "v.mp4", tmp_path / "out.mp4", precision="f32"))
    assert line.startswith("2 of 4 frames are unlike those that crisp-nyu")
