"""What of the truth is scored: `auto` by the data, the share left out, the range of a model."""

from dataclasses import replace

import numpy as np
import pytest

from leadline.datasets.open import open_data
from leadline.datasets.packing import pack_shards
from leadline.datasets.sample import Sample
from leadline.depth.intrinsics import Intrinsics
from leadline.evaluation import ModelPredictions, PredictionFolder, evaluate
from leadline.evaluation.predictions import PredictedMaps
from leadline.evaluation.ranges import ModelRange
from leadline.evaluation.scoring import resolve_protocol
from leadline.inference import Predictor
from leadline.inference.runtime import Runtime
from leadline.inference.runtime_config import RuntimeConfig
from leadline.metrics import get_protocol
from tests.cli.helpers import leadline_here
from tests.conftest import write_pairs
from tests.datasets.writers import make_scenes, write_bts_kitti, write_bts_nyu, write_nyu_mat


@pytest.fixture(scope="module")
def big_pairs(tmp_path_factory):
    """One pair of 480x640 that nobody calls NYU."""
    return write_pairs(tmp_path_factory.mktemp("anybody"), 1, (480, 640))


def auto(path, **opening) -> str:
    return resolve_protocol("auto", open_data(path, **opening)).name


def test_a_size_makes_no_data_nyu(big_pairs, tmp_path):
    assert auto(big_pairs) == "full"
    pack_shards(big_pairs, tmp_path / "shards")
    assert auto(tmp_path / "shards") == "full"


def test_pairs_and_what_is_packed_from_them_are_nyu_where_they_say_so(tmp_path):
    declared = write_pairs(tmp_path / "pairs", 1, (480, 640))
    (declared / "dataset.yaml").write_text("depth_scale: 1000\ndataset: NYU\n")
    assert open_data(declared).dataset == "nyu"
    assert auto(declared) == "nyu-eigen"
    pack_shards(declared, tmp_path / "shards")
    assert auto(tmp_path / "shards") == "nyu-eigen"


def test_layouts_of_nyu_say_so_themselves(tmp_path):
    depth = np.full((1, 480, 640), 2, np.float32)
    images = np.zeros((*depth.shape, 3), np.uint8)
    file = write_nyu_mat(tmp_path / "nyu.mat", images, depth, depth, depth.astype(np.uint16))
    assert auto(file) == "nyu-eigen"
    lists = write_bts_nyu(tmp_path / "sync", make_scenes(1, (480, 640)), make_scenes(1))
    assert resolve_protocol("auto", open_data(lists, "train")).name == "nyu-eigen"


def test_layouts_of_other_data_sets_do_not_become_nyu_at_its_size(tmp_path):
    scenes = make_scenes(1, (480, 640))
    listing = write_bts_kitti(tmp_path, tmp_path / "rgb", tmp_path / "gt", scenes)
    data = open_data(
        listing, options={"images": str(tmp_path / "rgb"), "depths": str(tmp_path / "gt")}
    )
    assert (data.dataset, resolve_protocol("auto", data).name) == ("kitti", "full")


class Maps:
    """Samples of these true depths; 0 is unknown."""

    root = "in memory"

    def __init__(self, *truths):
        self.truths = [np.array(truth, np.float32) for truth in truths]

    def __len__(self):
        return len(self.truths)

    def __getitem__(self, index):
        truth = self.truths[index]
        image = np.zeros((*truth.shape, 3), np.uint8)
        return Sample.from_metres(str(index), image, truth)

    def sample_id(self, index):
        return str(index)

    def predict(self, sample):
        return PredictedMaps(np.minimum(np.maximum(sample.depth, 1), 10))


def test_the_share_of_truth_that_a_range_leaves_out_is_counted_and_a_warning():
    # Nine known pixels; three are beyond 80 m, one is nearer than a millimetre.
    data = Maps([[1, 2, 3, 100, 0], [90, 4, 5, 0.0005, 81]])
    result = evaluate(data, data, protocol="full")
    use = result.truth_use
    assert (use.known, use.in_crop, use.scored, use.clipped) == (9, 9, 5, 0)
    assert use.outside_range == pytest.approx(4 / 9)
    assert any("44.4% of the known truth lies outside 0.001..80 m" in w for w in result.warnings)
    fine = evaluate(Maps([[1, 2]]), Maps([[1, 2]]), protocol="full")
    assert fine.truth_use.outside_range == 0
    assert not fine.warnings


def test_truth_that_counts_as_the_end_of_the_range_is_said_but_left_out_of_no_score(tmp_path):
    truth = np.full((160, 256), 5, np.float32)
    truth[:40] = 100
    protocol = get_protocol("vkitti-sciuto")
    use = protocol.score(truth, truth, truth > 0).truth_use
    assert (use.scored, use.clipped) == (160 * 256, 40 * 256)
    assert use.clipped_share == 0.25


def test_what_a_crop_leaves_out_is_apart_from_what_the_range_does():
    truth = np.full((480, 640), 5, np.float32)
    truth[45:47, 41:601] = 12  # two of the 426 rows of the crop
    use = get_protocol("nyu-eigen").score(truth, truth, truth > 0).truth_use
    assert use.outside_crop == pytest.approx(1 - 426 * 560 / (480 * 640))
    assert use.outside_range == pytest.approx(2 / 426)


class TenMetres(Runtime):
    """A network that ends at ten metres."""

    name = "short"

    def __init__(self):
        self.config = RuntimeConfig(min_depth=0.1, max_depth=10.0)

    def run(self, images):
        return {"depth": np.full(images.shape[:3], 10, np.float32)}


def test_truth_that_the_model_never_predicts_is_a_warning():
    data = Maps([[5, 6, 7, 8, 40, 50, 60, 0]])
    result = evaluate(ModelPredictions(Predictor("short", TenMetres())), data, protocol="full")
    assert any("42.9% of the scored truth lies outside 0.1..10 m" in w for w in result.warnings)
    near = evaluate(ModelPredictions(Predictor("short", TenMetres())), Maps([[5, 6]]))
    assert not near.warnings


def test_the_range_of_a_model_is_said_as_the_cameras_scale_it():
    """Trained at 50 pixels of focal length: 25 see half of its 10 metres, 100 twice as many."""
    network = TenMetres()
    network.config = replace(network.config, training_focal=50.0, training_area=64 * 64)
    count = ModelRange(ModelPredictions(Predictor("short", network)))
    image, truth = np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 15, np.float32)
    for focal in (25.0, 100.0):
        sample = Sample.from_metres(
            str(focal), image, truth, intrinsics=Intrinsics.centred(focal, 64, 64)
        )
        comparison = get_protocol("full").score(truth, truth, truth > 0)
        count.update(0, sample, PredictedMaps(truth), comparison)
    [line] = count.warnings()
    assert line.startswith("50.0% of the scored truth lies outside 0.05..20 m, the range of short")
    assert "by the cameras 5 to 20 m" in line


class Constant:
    """Predictions that are a function of the truth."""

    def __init__(self, function):
        self.function = function

    def predict(self, sample):
        return PredictedMaps(self.function(sample.depth).astype(np.float32))

    def predict_mirrored(self, sample):
        return self.predict(sample).depth[:, ::-1]


@pytest.mark.parametrize(
    ("function", "is_said"),
    [(lambda d: 9 - d, True), (lambda d: 5 / d, True), (lambda d: 2 * d + 1, False)],
)
def test_an_alignment_that_makes_near_of_far_is_said(function, is_said):
    data = Maps([[1, 2, 3, 4, 5]], [[2, 2, 4, 5, 6]])
    result = evaluate(Constant(function), data, protocol="full", align="scale-shift")
    assert any("near of far in 2 of 2 images" in w for w in result.warnings) == is_said


def test_files_that_end_where_the_truth_does_not_get_no_perfect_score(big_pairs, tmp_path):
    """Truth eight times as far, predictions cut at 10 m: the case that used to be perfect."""
    data = write_pairs(tmp_path / "far", 1, (480, 640))
    (data / "dataset.yaml").write_text("depth_scale: 125\n")
    truth = open_data(data)[0]
    (tmp_path / "pred").mkdir()
    np.save(tmp_path / "pred" / "000.npy", np.minimum(truth.depth, 10))
    result = evaluate(PredictionFolder(tmp_path / "pred"), data)
    assert result.protocol.name == "full"
    expected = np.abs(np.minimum(truth.depth, 10) / np.where(truth.valid, truth.depth, 1) - 1)
    assert result.metrics["abs_rel"] == pytest.approx(expected[truth.valid].mean(), rel=1e-5)
    shown = leadline_here("evaluate", "--pred-dir", tmp_path / "pred", "--data", data)
    assert "left out  0.00% of the known truth, outside 0.001..80 m" in shown.stdout
