"""`leadline.predict` and `leadline.calibrate` as a Python user calls them."""

import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.depth import DepthMap
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference import OutputOptions, Predictor, calibrate, predict
from leadline.inference.photo_work import PhotoPredictor
from leadline.inference.predict_files import PICTURES
from leadline.io import cameras, read_depth, read_photo, write_depth
from leadline.io.jobs import find_jobs
from tests.progress import Recorder

ROOM = Path(__file__).parents[2] / "examples" / "room.jpg"


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.png", "deep/b.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(
            tmp_path / "photos" / name
        )
    return tmp_path / "photos"


def test_the_file_holds_what_the_predictor_returns(tmp_path):
    results = predict(ROOM, tmp_path)
    assert [path.name for path in results.done[0].files] == ["room.npy"]
    expected = Predictor.load()(read_photo(ROOM))
    written = read_depth(results.done[0].files[0])
    np.testing.assert_array_equal(written.depth, expected.depth)
    assert written.provenance == expected.provenance


def test_what_was_written_and_what_was_skipped_comes_back(photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"no picture")
    progress = Recorder()
    results = predict(
        [photos],
        tmp_path / "out",
        output=OutputOptions("png16", units="kitti", color=True),
        track=progress,
    )
    assert [each.source for each in results.done] == [photos / "a.png", photos / "deep" / "b.png"]
    assert results.done[1].files == (
        tmp_path / "out" / "deep" / "b.png",
        tmp_path / "out" / "deep" / "b_color.png",
    )
    assert all(path.is_file() for each in results.done for path in each.files)
    assert [failure.source for failure in results.failures] == [photos / "broken.jpg"]
    assert results.failures[0].message.startswith(str(photos / "broken.jpg"))
    assert (progress.loops, len(results)) == ([("predict", 3, 3, "images")], 3)


def test_pictures_of_one_shape_are_predicted_together_and_come_back_as_listed(
    tmp_path, monkeypatch
):
    for name, size in {"a": (64, 48), "b": (48, 64), "c": (64, 48), "e": (48, 64)}.items():
        Image.new("RGB", size, (90, 80, 70)).save(tmp_path / f"{name}.png")
    (tmp_path / "d.png").write_bytes(b"no picture")
    predicted = []
    work_on = PhotoPredictor.__call__
    monkeypatch.setattr(
        PhotoPredictor,
        "__call__",
        lambda self, job: predicted.append(job.source.stem) or work_on(self, job),
    )
    results = predict(tmp_path, workers=1)
    assert [each.source.stem for each in results.done] == ["a", "b", "c", "e"]
    assert [each.source.stem for each in results.failures] == ["d"]
    assert predicted == ["d", "a", "c", "b", "e"]


def test_what_is_assumed_is_a_warning(photos, tmp_path):
    with pytest.warns(LeadlineWarning, match=r"processing at 6144 pixels.* less exact"):
        predict(photos / "a.png", tmp_path, processing_area=6144)
    with pytest.warns(LeadlineWarning, match=r"processing at 6144 pixels.* off"):
        predict(photos / "a.png", tmp_path, processing_area=6144, camera="ignore")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* unlike those that")
        predict(photos / "a.png", tmp_path, output=OutputOptions(ply=True), fov=60)


def test_the_camera_file_is_read_once(photos, tmp_path, monkeypatch):
    camera = tmp_path / "K.txt"
    camera.write_text("60 60 31.5 23.5")
    reads = []
    read = cameras.read_bytes
    monkeypatch.setattr(cameras, "read_bytes", lambda *given: reads.append(given) or read(*given))
    results = predict(photos, tmp_path / "out", intrinsics=camera)
    assert len(results.done) == 2
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "gif"}, "unknown depth format"),
        ({"format": "tiff"}, "unknown depth format"),
        ({"units": 1000}, "png16"),
        ({"format": "png16", "units": "feet"}, "feet"),
        ({"cmap": "jet"}, "colour map"),
        ({"vmin": 3, "vmax": 3}, "not below"),
        ({"vmin": -1}, "not a distance"),
    ],
)
def test_wrong_output_options_are_refused_at_once(options, words):
    with pytest.raises(LeadlineError, match=words):
        OutputOptions(**options)


def test_a_calibration_says_what_it_was_fitted_to(tmp_path):
    truth = np.linspace(1, 4, 48, dtype=np.float32).reshape(6, 8)
    truth[0, 0] = 0
    write_depth(tmp_path / "p.npy", DepthMap.from_metres(truth / 2))
    known = truth.copy()
    known[0, 0] = 2  # where the prediction is invalid
    write_depth(tmp_path / "known.npy", DepthMap.from_metres(known))
    result = calibrate(tmp_path / "p.npy", tmp_path / "out", sparse=tmp_path / "known.npy")
    assert result.calibration.scale == pytest.approx(2)
    assert (len(result.points), result.points_on_invalid, result.pixels_beyond_infinity) == (
        47,
        1,
        0,
    )
    np.testing.assert_allclose(result.calibrated, result.points.metres, rtol=1e-6)
    scores = result.scores()
    assert scores["predicted"]["abs_rel"] == pytest.approx(0.5)
    assert scores["calibrated"]["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert scores["predicted"]["median_error"] == pytest.approx(
        float(np.median(truth[truth > 0] / 2)), rel=1e-6
    )
    np.testing.assert_allclose(read_depth(result.files[0]).depth, truth, rtol=1e-6)


@pytest.mark.parametrize(
    ("metres", "factor", "words"),
    [(2.5, 1000, "1000 times.*millimetres"), (2.5, 100, "100 times.*centimetres"), (9, 1, "")],
)
def test_known_distances_that_are_no_metres_are_a_warning(tmp_path, metres, factor, words):
    write_depth(tmp_path / "p.npy", DepthMap.from_metres(np.full((4, 4), 2.5)))
    (tmp_path / "known.txt").write_text(f"1 1 {metres * factor}\n")
    for known, remedy in [
        ({"points": [(1, 1, metres * factor)]}, "--point X,Y=METRES"),
        ({"sparse": tmp_path / "known.txt"}, "write metres into"),
    ]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            calibrate(tmp_path / "p.npy", tmp_path / "out", **known)
        said = [str(each.message) for each in caught]
        assert len(said) == bool(words)
        assert all(re.search(f"{words}.*{remedy}", each) for each in said)


def test_a_calibration_is_never_written_over_its_input(tmp_path):
    write_depth(tmp_path / "p.npy", DepthMap.from_metres(np.ones((2, 2))))
    shutil.copy(tmp_path / "p.npy", tmp_path / "before.npy")
    with pytest.raises(LeadlineError, match="would be overwritten"):
        calibrate(tmp_path / "p.npy", tmp_path, points=[(0, 0, 2.0)])
    assert (tmp_path / "p.npy").read_bytes() == (tmp_path / "before.npy").read_bytes()


def test_every_picture_of_a_folder_is_taken_or_counted(tmp_path):
    for name in ("a.pgm", "b.JPE", "c.apng", "d.RW2", "e.pef", "f.nrw", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.warns(LeadlineWarning, match="left out") as said:
        jobs = find_jobs(tmp_path, tmp_path / "out", PICTURES, outputs=lambda _target: [])
    assert [job.source.name for job in jobs] == ["a.pgm", "b.JPE", "c.apng"]
    assert all(f"1 {suffix}" in str(said[0].message) for suffix in (".rw2", ".pef", ".nrw"))
