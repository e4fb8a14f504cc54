"""The camera counts: closed forms of a pinhole, and the same metres from every source of it."""

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import leadline
from leadline.depth import Intrinsics
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.export.exporter import to_onnx, write_exported
from leadline.inference import OutputOptions, Predictor, calibrate, predict
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io import read_depth, write_depth
from leadline.models.build import load_model

KINECT = {"training_focal": 260.0, "training_area": 76_800, "stride": 16}
"""Trained on 320 x 240 pixels with a focal length of 260 of them."""


def scale(camera: Intrinsics, config: dict = KINECT, processing_area: int | None = None) -> float:
    training = TrainingCamera.from_config(RuntimeConfig.parse(config), processing_area)
    return training.resolve(camera.width, camera.height, camera, "declared").scale


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_training_camera_at_any_size_changes_nothing():
    for width, height in [(320, 240), (640, 480), (4000, 3000)]:
        camera = Intrinsics.centred(260 * width / 320, width, height)
        assert scale(camera) == pytest.approx(1)


def test_half_of_the_sides_is_twice_the_focal_length():
    """The crop keeps its focal length in pixels; enlarged to the same size it has twice as many."""
    assert scale(Intrinsics(520, 520, 319.5, 239.5, 640, 480)) == pytest.approx(1)
    assert scale(Intrinsics(520, 520, 159.5, 119.5, 320, 240)) == pytest.approx(2)


def test_half_of_the_width_alone():
    """320 x 480 is processed at 224 x 336, about as many pixels as 320 x 240: resized by 0.7."""
    assert scale(Intrinsics(520, 520, 159.5, 239.5, 320, 480)) == pytest.approx(520 * 0.7 / 260)


def test_a_wall_seen_through_two_lenses_is_at_one_distance():
    """A network that has learnt one lens calls W metres over p pixels f W / p metres away."""
    wall, distance, learnt = 2.0, 3.0, 260.0
    for focal in (130.0, 260.0, 500.0):
        camera = Intrinsics.centred(2 * focal, 640, 480)
        pixels_at_work = focal * wall / distance
        network = learnt * wall / pixels_at_work
        assert network * scale(camera) == pytest.approx(distance)


def test_portrait_and_upright_have_one_factor():
    lying = Intrinsics(500, 520, 300, 230, 640, 480)
    standing = Intrinsics(520, 500, 230, 300, 480, 640)
    assert scale(lying) == pytest.approx(scale(standing))


def test_the_processing_area_is_part_of_the_camera():
    camera = Intrinsics.centred(520, 640, 480)
    assert scale(camera, processing_area=4 * 76_800) == pytest.approx(2)


def test_an_assumed_camera_has_the_training_focal_length_at_work():
    training = TrainingCamera.from_config(RuntimeConfig.parse(KINECT))
    for width, height in [(640, 480), (480, 640), (1000, 400)]:
        assumed = training.resolve(width, height, None, "unknown")
        assert (assumed.source, assumed.use) == ("assumed", "used")
        assert assumed.scale == pytest.approx(1)
        assert training.resolve(width, height, assumed.intrinsics, "exif").scale == pytest.approx(1)
    across = training.resolve(640, 480, None, "unknown").intrinsics.fx
    assert 2 * math.atan(320 / across) == pytest.approx(2 * math.atan(160 / 260))


def test_a_model_without_a_training_camera_guesses_nothing():
    training = TrainingCamera.from_config(RuntimeConfig(training_area=76_800, stride=16))
    unknown = training.resolve(64, 48, None, "unknown")
    assert (unknown.intrinsics, unknown.source, unknown.scale) == (None, "unknown", 1)
    known = training.resolve(64, 48, Intrinsics.centred(200, 64, 48), "exif")
    assert (known.source, known.use, known.scale) == ("exif", "no training camera", 1)


@pytest.mark.parametrize("focal", [0, -3, "260", float("nan"), float("inf")])
def test_a_damaged_training_camera_is_refused(focal):
    with pytest.raises(LeadlineError, match="training_focal"):
        RuntimeConfig.parse({**KINECT, "training_focal": focal})


@pytest.fixture(scope="module")
def folder(quick_run, tmp_path_factory):
    """The quick run's model, as if its data had been taken with a known camera."""
    folder = tmp_path_factory.mktemp("with_camera") / "model"
    model = load_model(quick_run / "model")
    model.config = replace(model.config, training_focal=80.0)
    folder.mkdir()
    model.save(folder)
    graph = to_onnx(model)
    write_exported(graph, folder.parent / "m.onnx", "f32")
    write_exported(graph, folder.parent / "m.xml", "f32")
    return folder


def test_all_runtimes_give_the_same_metres_through_a_long_lens(folder):
    image, lens = noise(60, 80), Intrinsics.centred(200, 80, 60)
    plain = Predictor.load(folder, camera="ignore")(image, lens)
    results = {
        "torch": Predictor.load(folder),
        "openvino": Predictor.load(folder.parent / "m.xml"),
        "openvino on onnx": Predictor.load(folder.parent / "m.onnx"),
        "onnxruntime": Predictor.load(folder.parent / "m.onnx", runtime="onnxruntime"),
    }
    for name, predictor in results.items():
        result = predictor(image, lens)
        factor = float(result.provenance["camera_scale"])
        assert factor > 2, name
        np.testing.assert_allclose(result.depth, plain.depth * factor, atol=1e-3, err_msg=name)
        assert result.intrinsics == plain.intrinsics == lens


def test_no_metre_lies_beyond_the_scaled_range(folder):
    image = noise(60, 80)
    predictor = Predictor.load(folder)
    result = predictor(image, Intrinsics.centred(8000, 80, 60))
    farthest = predictor.runtime.config.max_depth * float(result.provenance["camera_scale"])
    assert 10 < result.depth.max() <= farthest * (1 + 1e-6)


def photo(path, pixels, focal_35mm=None, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    if focal_35mm:
        exif.get_ifd(0x8769).update({0xA405: focal_35mm})
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def test_turned_copies_of_a_photograph_have_its_metres(tmp_path):
    predictor, pixels = leadline.load(), noise(48, 64)
    upright = predictor(photo(tmp_path / "a.png", pixels, 50))
    # Orientation 6: turned by 90 degrees to the left when it was stored.
    stored = np.ascontiguousarray(np.rot90(pixels))
    turned = predictor(photo(tmp_path / "b.png", stored, 50, orientation=6))
    np.testing.assert_array_equal(turned.depth, upright.depth)
    assert turned.intrinsics == upright.intrinsics
    assert turned.provenance["camera_scale"] == upright.provenance["camera_scale"]
    # A portrait through the same lens: another picture for the network, the same factor.
    portrait = predictor(photo(tmp_path / "c.png", stored, 50))
    assert portrait.provenance["camera_scale"] == upright.provenance["camera_scale"]


def test_every_source_of_one_camera_gives_the_same_metres_and_is_named(tmp_path):
    pixels = noise(48, 64)
    focal = 50 * math.hypot(64, 48) / math.hypot(36, 24)
    with_exif = photo(tmp_path / "exif.png", pixels, 50)
    without = photo(tmp_path / "plain.png", pixels)
    (tmp_path / "K.txt").write_text(f"{focal} {focal} 31.5 23.5")
    fov = math.degrees(2 * math.atan(32 / focal))
    ways = {
        "exif": predict(with_exif, tmp_path / "1"),
        "declared": predict(without, tmp_path / "2", fov=fov),
        "measured": predict(without, tmp_path / "3", intrinsics=tmp_path / "K.txt"),
    }
    plain = leadline.load(camera="ignore")(pixels)
    for source, results in ways.items():
        depth = read_depth(results.done[0].files[0])
        assert depth.provenance["camera"] == source
        assert depth.provenance["camera_use"] == "used"
        factor = float(depth.provenance["camera_scale"])
        np.testing.assert_allclose(depth.depth, plain.depth * factor, rtol=1e-5)
        assert depth.intrinsics.focal == pytest.approx(focal)
        assert results.done[0].camera.scale == pytest.approx(factor, rel=1e-5)
    # The shipped model's camera: 518.86 pixels, a hair more down than across, at 640 columns.
    assert factor == pytest.approx(focal * 640 / 64 / 519.16, rel=1e-4)


def test_the_python_call_reads_the_camera_of_the_file(tmp_path):
    path = photo(tmp_path / "p.jpg", noise(48, 64), 50)
    assert leadline.load()(path).intrinsics == Intrinsics.from_focal_35mm(50, 64, 48)


def test_the_way_back_still_reports_the_camera(tmp_path):
    path = photo(tmp_path / "p.png", noise(48, 64), 50)
    ignored = leadline.load(camera="ignore")(path)
    assert ignored.provenance["camera"] == "exif"
    assert ignored.provenance["camera_use"] == "ignored"
    assert ignored.provenance["camera_scale"] == "1"
    assert ignored.intrinsics == Intrinsics.from_focal_35mm(50, 64, 48)
    with pytest.raises(LeadlineError, match="camera 'never': choose one of auto, ignore"):
        leadline.load(camera="never")


def test_intrinsics_of_another_size_are_refused():
    with pytest.raises(LeadlineError, match=r"128 x 96 pixels do not fit a photograph of 64 x 48"):
        leadline.load()(noise(48, 64), Intrinsics.centred(100, 128, 96))


def test_every_format_carries_the_camera(tmp_path):
    path = photo(tmp_path / "p.png", noise(48, 64), 50)
    depth = leadline.load()(path)
    for suffix in (".npy", ".npz", ".png", ".exr", ".pfm"):
        write_depth(tmp_path / f"d{suffix}", depth)
        read = read_depth(tmp_path / f"d{suffix}")
        assert read.provenance == depth.provenance
        assert read.intrinsics.focal == pytest.approx(depth.intrinsics.focal)
    sidecar = json.loads((tmp_path / "d.npy.json").read_text())
    assert json.loads(sidecar["leadline:provenance"])["camera"] == "exif"


def test_a_point_cloud_without_any_camera_is_refused(quick_run, tmp_path):
    path = photo(tmp_path / "p.png", noise(48, 64))
    results = predict(path, tmp_path / "out", model=quick_run, output=OutputOptions(ply=True))
    assert "a point cloud or surface needs a camera" in results.failures[0].message
    assert not list((tmp_path / "out").glob("*"))
    results = predict(path, tmp_path / "out", model=quick_run)
    assert read_depth(results.done[0].files[0]).provenance["camera"] == "unknown"


def test_a_calibration_is_for_one_use_of_the_camera(tmp_path):
    path = photo(tmp_path / "p.png", noise(48, 64), 50)
    calibrate(path, tmp_path / "cal", points=[(10, 20, 2.0)])
    saved = tmp_path / "cal" / "calibration.json"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* unlike those that")
        results = predict(path, tmp_path / "same", calibration=saved)
    assert read_depth(results.done[0].files[0]).at(10, 20) == pytest.approx(2)
    with pytest.warns(LeadlineWarning, match="made for the camera used, not ignored"):
        predict(path, tmp_path / "other", calibration=saved, camera="ignore")


def test_a_calibration_and_a_prediction_have_one_camera(tmp_path):
    """The known point comes out at its distance, or it is said why it does not."""
    path = photo(tmp_path / "p.png", noise(48, 64))
    options = {"points": [(10, 20, 2.0)], "color": False}
    calibrate(path, tmp_path / "assumed", **options)
    calibrate(path, tmp_path / "long", fov=30, **options)
    for folder, fov in (("assumed", None), ("long", 30)):
        saved = tmp_path / folder / "calibration.json"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message=".* unlike those that")
            results = predict(path, tmp_path / f"same {folder}", calibration=saved, fov=fov)
        assert read_depth(results.done[0].files[0]).at(10, 20) == pytest.approx(2)
    for folder, fov in (("assumed", 30), ("long", None)):
        saved = tmp_path / folder / "calibration.json"
        with pytest.warns(LeadlineWarning, match="its camera is .* when the calibration was made"):
            predict(path, tmp_path / f"other {folder}", calibration=saved, fov=fov)


def test_a_calibrated_map_is_not_calibrated_again(tmp_path):
    """The second file alone would lose what the first corrected."""
    path = photo(tmp_path / "p.png", noise(48, 64))
    result = calibrate(path, tmp_path / "one", points=[(10, 20, 2.0)])
    with pytest.raises(LeadlineError, match="is calibrated already"):
        calibrate(result.files[0], tmp_path / "two", points=[(10, 20, 3.0)])
    write_depth(tmp_path / "d.npy", leadline.load()(path))
    with pytest.raises(LeadlineError, match="is a depth map, whose camera is fixed"):
        calibrate(tmp_path / "d.npy", tmp_path / "two", points=[(10, 20, 3.0)], fov=60)


@pytest.mark.parametrize(
    ("key", "value"),
    [("training_focal", True), ("training_area", None), ("training_area", 0), ("stride", 0)],
)
def test_a_config_with_an_impossible_camera_is_refused(key, value):
    config = {"training_focal": 50.0, "training_area": 3072, "stride": 16, key: value}
    with pytest.raises(LeadlineError, match=f"{key} = {value!r} in the model's config"):
        RuntimeConfig.parse(config)


def test_one_field_of_view_for_both_orientations_is_said_to_be_two_lenses(tmp_path):
    photo(tmp_path / "in_a.png", noise(48, 64))
    photo(tmp_path / "in_b.png", noise(48, 64), orientation=6)
    with pytest.warns(LeadlineWarning, match=r"^fov 60 is across each picture, and 1 of 2 are"):
        predict(sorted(tmp_path.glob("in_*")), tmp_path / "out", fov=60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* unlike those that")
        predict(tmp_path / "in_b.png", tmp_path / "one", fov=60)


@pytest.mark.parametrize("size", [(60, 80), (64, 48)])
def test_a_camera_without_a_size_cannot_be_that_of_pictures_of_two_sizes(tmp_path, size):
    (tmp_path / "K.txt").write_text("60 60 31.5 26.5")
    (tmp_path / "K.json").write_text(
        json.dumps({"fx": 60, "fy": 60, "cx": 31.5, "cy": 23.5, "width": 64, "height": 48})
    )
    photo(tmp_path / "in_a.png", noise(48, 64))
    photo(tmp_path / "in_b.png", noise(*size))
    both = sorted(tmp_path.glob("in_*"))
    sizes = rf"2 sizes \(64 x 48, {size[1]} x {size[0]}\)"
    with pytest.warns(LeadlineWarning, match=rf"K\.txt: states no size.* {sizes}.* JSON"):
        predict(both, tmp_path / "out", intrinsics=tmp_path / "K.txt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* unlike those that|.* turned by 90 degrees")
        predict(both[:1], tmp_path / "one", intrinsics=tmp_path / "K.txt")
        predict(both, tmp_path / "scaled", intrinsics=tmp_path / "K.json")
