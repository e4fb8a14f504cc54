"""What a stated uncertainty is worth, against distributions whose answers are known."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.evaluation import PredictedMaps, Result, evaluate, score
from leadline.evaluation.intervals import fit_factors, fit_intervals
from leadline.evaluation.uncertainty import UncertaintyObserver
from leadline.metrics import get_protocol
from leadline.metrics.sparsification import area_between, sparsification_curve
from leadline.models.build import create_model
from leadline.models.config import ModelConfig
from leadline.weights import shipped_checkpoint
from tests.cli.helpers import leadline_here as leadline
from tests.evaluation.helpers import Images

SIZE = (60, 80)
DEPTH = 2.0


class Stating:
    """Two metres everywhere, with an uncertainty for each image."""

    def __init__(self, spreads):
        self.spreads = spreads

    def predict(self, sample):
        depth = np.full(SIZE, DEPTH, np.float32)
        return PredictedMaps(depth, None, self.spreads[int(sample.id)].astype(np.float32))


def laplace_images(count, seed=0):
    """Images whose ln(truth) is off by Laplace noise of the scale that is stated."""
    rng = np.random.default_rng(seed)
    spreads = rng.uniform(0.02, 0.2, (count, *SIZE))
    truths = DEPTH * np.exp(spreads * rng.laplace(size=spreads.shape))
    return Images([(truth, np.ones(SIZE, bool)) for truth in truths]), spreads


def test_the_factors_of_laplace_noise_are_those_of_its_distribution():
    images, spreads = laplace_images(8)
    observer = UncertaintyObserver({"80": -math.log(0.2)})
    score(Stating(spreads), images, "full", observers=[observer])
    fitted = fit_factors(observer.ratios)
    assert [each.percent for each in fitted] == [50, 80, 95]
    for each in fitted:
        # P(|e| <= q b) = 1 - exp(-q).
        assert each.factor == pytest.approx(-math.log(1 - each.percent / 100), rel=0.04)
        assert np.abs(np.array(each.coverage) - each.percent / 100).max() < 0.02
    scores = observer.result()
    assert scores.coverage["80"] == pytest.approx(0.8, abs=0.01)
    expected = np.mean(2 * DEPTH * np.sinh(-math.log(0.2) * spreads))
    assert scores.width["80"] == pytest.approx(expected, rel=1e-4)
    assert 0 < scores.ause["uncertainty"] < 0.8 * scores.ause["constant"]


@pytest.mark.parametrize("protocol", ["full", "holes filled"])
def test_pixels_of_which_the_model_says_nothing_count_in_no_interval(protocol):
    images, spreads = laplace_images(8)
    holes = np.random.default_rng(1).random(SIZE) < 0.1

    class Silent(Stating):
        def predict(self, sample):
            maps = super().predict(sample)
            maps.depth[holes] = 0
            return maps

    if protocol == "holes filled":
        protocol = replace(get_protocol("full"), holes="nearer neighbour in the row")
    observer = UncertaintyObserver({"80": -math.log(0.2)})
    scores = score(Silent(spreads), images, protocol, observers=[observer])
    assert scores.missing_share == pytest.approx(holes.mean())
    # The distribution of the pixels that are left is the same.
    for each in fit_factors(observer.ratios):
        assert each.factor == pytest.approx(-math.log(1 - each.percent / 100), rel=0.04)
    stated = observer.result()
    assert stated.coverage["80"] == pytest.approx(0.8, abs=0.01)
    expected = np.mean(2 * DEPTH * np.sinh(-math.log(0.2) * spreads[:, ~holes]))
    assert stated.width["80"] == pytest.approx(expected, rel=1e-4)
    errors = [abs(DEPTH - truth[~holes]) / truth[~holes] for truth, _ in images.maps]
    assert stated.sparsification["oracle"][0] == pytest.approx(np.mean(errors), rel=1e-4)


def test_an_image_without_any_prediction_has_no_interval():
    images, spreads = laplace_images(1)

    class Silent(Stating):
        def predict(self, sample):
            return replace(super().predict(sample), depth=np.zeros(SIZE, np.float32))

    observer = UncertaintyObserver({})
    score(Silent(spreads), images, "full", observers=[observer])
    assert observer.result() is None and observer.ratios == []


def test_images_weigh_equally_and_a_block_is_measured_with_the_others():
    # Three blocks of ratios up to 1 and one of ratios up to 3: a block that is unlike the others.
    even = np.linspace(0, 1, 1001)[1:]
    fitted = {each.percent: each for each in fit_factors([even, even, even, 3 * even])}
    # Of two even blocks and the odd one, (2 x + x / 3) / 3 lie below x: half below 4.5 / 7.
    assert fitted[50].coverage[:3] == pytest.approx([4.5 / 7] * 3, abs=0.002)
    assert fitted[50].coverage[3] == pytest.approx(0.5 / 3, abs=0.002)
    with pytest.raises(LeadlineError, match="3 images with truth"):
        fit_factors([even] * 3)


def test_ause_of_the_error_itself_is_zero_and_of_no_order_its_closed_form():
    error = (np.arange(5000) + 0.5) / 5000
    oracle = sparsification_curve(error, error)
    assert area_between(oracle, oracle) == 0
    # The smallest share s of errors even on (0, 1) has the mean s/2; the whole 1/2. The last step,
    # at whose end nothing is left, is a triangle.
    expected = 1 / 4 - 1 / 2 * 0.02 / 2
    chance = np.random.default_rng(0).random(5000)
    random_order = area_between(sparsification_curve(error, chance), oracle)
    assert random_order == pytest.approx(expected, abs=0.01)
    reversed_order = area_between(sparsification_curve(error, -error), oracle)
    assert reversed_order == pytest.approx(2 * expected, abs=0.01)


def test_a_result_keeps_it_and_the_report_draws_it(tmp_path):
    images, spreads = laplace_images(3)
    result = evaluate(Stating(spreads), images, protocol="full", out=tmp_path / "out", cases=0)
    loaded = Result.load(tmp_path / "out")
    assert loaded.uncertainty == result.uncertainty
    scores = loaded.uncertainty
    assert (scores.images, scores.coverage) == (3, {})
    oracle = np.array(scores.sparsification["oracle"])
    for name in ("uncertainty", "depth", "constant"):
        assert (np.array(scores.sparsification[name]) >= oracle - 1e-12).all()
    page = (tmp_path / "out/report.html").read_text()
    assert page.count('class="curve"') == 8  # four curves and their legend


def test_the_command_stores_factors_that_a_second_scoring_finds(pairs, tmp_path):
    options = {"uncertainty": True, "novelty": True}
    config = ModelConfig("crisp", options, stride=16, training_area=1_536)
    model = create_model(config, seed=2)
    model.familiarity.axes[0] = model.familiarity.mean[:] = 1  # far from what any picture gives
    model.save(tmp_path / "model")
    args = ("--data", pairs, "--split", "all")
    before = leadline("evaluate", "--model", tmp_path / "model", *args)
    assert "leadline intervals MODEL DATA --store" in before.stdout
    said = leadline("intervals", tmp_path / "model", pairs, "--split", "all", "--store")
    assert "block 4" in said.stdout and "stored" in said.stdout
    assert "novelty: 100.0% of the images are above 1" in said.stdout
    stored = json.loads((tmp_path / "model/config.json").read_text())["interval_factors"]
    assert stored["50"] < stored["80"] < stored["95"]
    after = json.loads(leadline("evaluate", "--model", tmp_path / "model", *args, "--json").stdout)[
        "uncertainty"
    ]
    assert after["factors"] == stored
    assert after["coverage"]["80"] == pytest.approx(0.8, abs=0.02)


def nothing_is_scored(_items, title, *_, **__):
    raise AssertionError(f"{title}: was begun")


def test_a_model_without_uncertainty_has_no_intervals_which_is_said_first(pairs):
    with pytest.raises(LeadlineError, match="compact-nyu: states no uncertainty"):
        fit_intervals("compact-nyu", pairs, split="all", track=nothing_is_scored)


def test_too_few_images_for_intervals_are_refused_first(pairs):
    with pytest.raises(LeadlineError, match=r"3 images: .* at least 4; give more"):
        fit_intervals("crisp-nyu", pairs, split="all", limit=3, track=nothing_is_scored)


class TestStoringFactors:
    """They are stored where `leadline benchmark --store` stores, too."""

    def test_a_folder_that_holds_an_exported_file_as_well_stores_in_its_config(
        self, pairs, tmp_path
    ):
        folder = shutil.copytree(shipped_checkpoint("crisp-nyu"), tmp_path / "run/model").parent
        assert (folder / "model/model.onnx").is_file()
        file = folder / "model/config.json"
        before = json.loads(file.read_text())
        fit_intervals(folder, pairs, split="all", limit=4, store=True)
        after = json.loads(file.read_text())
        assert after.pop("interval_factors") != before.pop("interval_factors")
        assert after == before

    @pytest.mark.parametrize(
        ("model", "words"),
        [
            ("hf:user/name", "hf:user/name: is the hub's own copy; store the factors"),
            ("crisp-nyu", r"model\.onnx: its config lies inside of the file"),
        ],
    )
    def test_the_copy_of_the_hub_and_an_exported_file_store_none(self, model, words, pairs):
        with pytest.raises(LeadlineError, match=words):
            fit_intervals(model, pairs, split="all", store=True, track=nothing_is_scored)
