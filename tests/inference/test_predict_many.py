"""Many pictures of every kind, one after the other and ahead of time."""

import io

import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError
from leadline.inference import Predictor, predict


def test_paths_bytes_arrays_and_pillow_images_give_the_same_metres_in_order(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    upright = np.rot90(pixels, -1)
    predictor = Predictor.load()
    expected = predictor(upright).depth
    images = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        (tmp_path / "a.png").read_bytes(),
        upright,
        Image.open(tmp_path / "a.png"),
        pixels,
    ]
    results = list(predictor.predict_many(iter(images)))
    assert [each.depth.shape for each in results] == [(32, 24)] * 5 + [(24, 32)]
    for result in results[:5]:
        np.testing.assert_array_equal(result.depth.depth, expected)


@pytest.mark.filterwarnings("ignore:processing at")
def test_metres_do_not_depend_on_what_was_predicted_before_or_beside():
    rng = np.random.default_rng(1)
    sizes = [(128, 96), (96, 160)]
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]

    def load() -> Predictor:
        return Predictor.load(processing_area=96 * 128)

    # Each by a predictor that has met no other size, so that it is compiled for that one.
    alone = [load()(picture).depth for picture in pictures]
    turns = [0, 1, *rng.integers(0, 2, 16)]
    together = load().predict_many((pictures[turn] for turn in turns), workers=4)
    for turn, result in zip(turns, together, strict=True):
        np.testing.assert_array_equal(result.depth.depth, alone[turn])


def test_an_image_at_fault_is_raised_in_its_turn(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    good = np.zeros((24, 32, 3), np.uint8)
    results = Predictor.load().predict_many([good, tmp_path / "bad.jpg", good])
    assert next(results).depth.shape == (24, 32)
    with pytest.raises(LeadlineError, match=r"bad\.jpg"):
        next(results)


def test_what_is_no_image_is_one_line():
    with pytest.raises(LeadlineError, match=r"a Pillow image, got list"):
        Predictor.load()([[1, 2]])
    with pytest.raises(LeadlineError, match="picture: cannot be read as a picture"):
        Predictor.load()(b"no picture")
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(
        data, "JPEG"
    )
    with pytest.raises(LeadlineError, match="picture: is damaged or cut short"):
        Predictor.load()(Image.open(io.BytesIO(data.getvalue()[:2000])))
    with pytest.raises(LeadlineError, match="put this one into a list"):
        next(Predictor.load().predict_many("photo.jpg"))


@pytest.mark.parametrize("workers", [0, -1])
def test_no_threads_at_all_are_refused(workers, tmp_path):
    image = np.zeros((8, 9, 3), np.uint8)
    with pytest.raises(LeadlineError, match=f"workers {workers}: expected a number, at least 1"):
        list(Predictor.load().predict_many([image, image], workers=workers))
    with pytest.raises(LeadlineError, match=f"workers {workers}: "):
        predict(tmp_path, tmp_path / "out", workers=workers)
