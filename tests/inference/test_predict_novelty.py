"""`predict` says which pictures are unlike those that the model was trained on."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

import leadline
from leadline.errors import LeadlineWarning

ROOM = Path(__file__).parents[2] / "examples" / "room.jpg"


def said(*pictures):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeadlineWarning)
        leadline.predict([*pictures], precision="f32")
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
