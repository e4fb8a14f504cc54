"""`leadline evaluate` and the cameras of the data: used, ignored, recorded, never mixed up."""

import json

import numpy as np
import pytest

from leadline.datasets.nyu_mat import CAMERA
from leadline.datasets.sample import Sample
from leadline.depth import Intrinsics
from leadline.errors import LeadlineError
from leadline.evaluation import ModelPredictions, ModelSource, Result, evaluate
from leadline.evaluation.comparison_table import compare_results
from leadline.inference import Predictor
from leadline.inference.camera import TrainingCamera
from leadline.inference.runtime import Runtime
from leadline.inference.runtime_config import RuntimeConfig
from leadline.weights import FOLDER
from tests.cli.helpers import fails_in_one_line, leadline

CONFIG = {"training_focal": 50.0, "training_area": 3072, "stride": 16}
"""Trained at 64 x 48 pixels with a focal length of 50 of them."""


class Lenses:
    """The same slanted wall seen through lenses of these focal lengths; None: not known."""

    root = "in memory"

    def __init__(self, *focals):
        self.focals = focals

    def __len__(self):
        return len(self.focals)

    def __getitem__(self, index):
        focal = self.focals[index]
        camera = None if focal is None else Intrinsics.centred(focal, 64, 48)
        # What the network is to see of the lens: the top left pixel's red.
        image = np.full((48, 64, 3), focal or 50, np.uint8)
        depth = np.linspace(2, 4, 48 * 64, dtype=np.float32).reshape(48, 64)
        return Sample.from_metres(str(index), image, depth, intrinsics=camera)

    def sample_id(self, index):
        return str(index)


class OneLensNetwork(Runtime):
    """Knows the wall perfectly and has learnt one focal length: things look nearer through more."""

    name = "perfect"
    config = RuntimeConfig.parse(CONFIG)

    def run(self, images):
        focal = float(images[0, 0, 0, 0])
        wall = np.linspace(2, 4, 48 * 64, dtype=np.float32).reshape(48, 64)
        return {"depth": (wall * np.float32(50 / focal))[None]}


def scored(data, mode="auto", config=CONFIG) -> Result:
    runtime = OneLensNetwork()
    runtime.config = RuntimeConfig.parse(config)
    return evaluate(
        ModelPredictions(Predictor(mode, runtime, mode)), data, protocol="full", name=mode
    )


def test_the_cameras_of_the_data_make_metres_right():
    data = Lenses(25, 50, 100)
    used, ignored = scored(data), scored(data, "ignore")
    assert used.metrics["abs_rel"] == pytest.approx(0, abs=1e-6)
    # Twice as far, right, and half as far: errors of 1, 0 and 1/2.
    assert ignored.metrics["abs_rel"] == pytest.approx(0.5)
    assert used.camera.model_dump() == {
        "use": "used",
        "images": 3,
        "smallest_scale": 0.5,
        "largest_scale": 2.0,
        "training_focal": 50.0,
    }
    assert (ignored.camera.use, ignored.camera.has_effect) == ("ignored", False)


def test_a_network_whose_depth_is_not_finite_is_no_score():
    runtime = OneLensNetwork()
    runtime.run = lambda images: {"depth": np.full((1, 48, 64), np.nan, np.float32)}
    with pytest.raises(LeadlineError, match=r"broken gives depth that is not finite at 100 %"):
        evaluate(ModelPredictions(Predictor("broken", runtime)), Lenses(50), protocol="full")


def test_flips_have_the_same_camera():
    runtime = OneLensNetwork()
    predictions = ModelPredictions(Predictor("fixed", runtime))
    sample = Lenses(100)[0]
    np.testing.assert_allclose(
        predictions.predict_mirrored(sample), predictions.predict(sample).depth
    )
    assert predictions.camera_record().images == 1


def test_a_model_without_a_training_camera_ignores_them_and_says_so():
    result = scored(Lenses(100), config={})
    assert result.camera.use == "ignored"
    assert "knows no training camera" in result.camera.describe()
    assert result.metrics["abs_rel"] == pytest.approx(0.5)


def test_data_without_cameras_has_no_record():
    assert scored(Lenses(None, None)).camera is None
    assert scored(Lenses(None, 100)).camera.images == 1


def test_predictions_scored_twice_keep_no_record_of_the_first_data():
    predictions = ModelPredictions(Predictor("a", OneLensNetwork(), "auto"))
    assert evaluate(predictions, Lenses(25, 100), protocol="full").camera.images == 2
    assert evaluate(predictions, Lenses(50), protocol="full").camera.images == 1
    assert evaluate(predictions, Lenses(None), protocol="full").camera is None


def test_used_and_ignored_do_not_compare():
    data = Lenses(25, 50, 100)
    used, ignored = scored(data), scored(data, "ignore")
    with pytest.raises(LeadlineError, match="the data's cameras used against ignored"):
        compare_results([used, ignored])
    table = compare_results([used, ignored], mixed=True)
    assert "cameras used against ignored" in table.notes["a"]
    compare_results([used, scored(data)], labels=["a", "b"])


def test_where_they_change_nothing_they_compare():
    data = Lenses(50, 50)
    used, ignored = scored(data), scored(data, "ignore")
    assert used.metrics == ignored.metrics
    compare_results([used, ignored])
    compare_results([used, scored(Lenses(None, None))], labels=["a", "b"])


def test_the_record_is_kept_with_the_result(tmp_path):
    result = scored(Lenses(25, 50, 100))
    result.save(tmp_path / "r")
    content = json.loads((tmp_path / "r" / "result.json").read_text())
    assert content["camera"]["use"] == "used"
    assert Result.load(tmp_path / "r").camera == result.camera


def test_whole_nyu_images_are_those_of_the_shipped_model_s_camera():
    """Nothing changes by a hair, by its own calibration or by the focal length of BTS's lists."""
    config = json.loads((FOLDER / "compact-nyu" / "config.json").read_text())
    training = TrainingCamera.from_config(RuntimeConfig.parse(config))
    bts = Intrinsics.centred(518.8579, 640, 480)
    for camera in (CAMERA, bts, CAMERA.scaled_to(320, 240)):
        resolved = training.resolve(camera.width, camera.height, camera, "measured")
        assert (resolved.use, resolved.scale) == ("used", 1.0)


def test_options_that_have_no_meaning_are_refused(pairs, tmp_path):
    fails_in_one_line(
        leadline("evaluate", "--data", pairs, "--pred-dir", pairs / "depth", "--camera", "ignore"),
        "--camera",
        "--model",
    )
    (tmp_path / "config.json").write_text('{"model_type": "glpn"}')
    with pytest.raises(LeadlineError, match=r"camera ignore: hf:.* runs in transformers"):
        evaluate(ModelSource(f"hf:{tmp_path}", camera="ignore"), Lenses(50))
