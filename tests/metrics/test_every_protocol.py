"""Every protocol equals an implementation of its own on random and adversarial images."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.errors import LeadlineError
from leadline.evaluation import PredictedMaps, evaluate
from leadline.metrics import PROTOCOLS
from tests.evaluation.helpers import Images
from tests.metrics import reference

# One size a protocol, cheap where it may be: a crop in pixels asks for 480x640.
SIZES = {
    name: protocol.crop_size or protocol.working_size or (37, 51)
    for name, protocol in PROTOCOLS.items()
}
ODD = np.array([0, -1, np.nan, np.inf, -np.inf, 1e-30, 1e30, 9.999, 80, 40, 1.25], np.float32)


class Planted:
    """Predictions planted beside the truth."""

    def __init__(self, images):
        self.maps = {str(i): (image[0], image[3]) for i, image in enumerate(images)}

    def predict(self, sample):
        return PredictedMaps(self.maps[sample.id][0])

    def predict_mirrored(self, sample):
        return self.maps[sample.id][1]


def planted_image(rng, size, valid_share, odd_share):
    """A prediction with odd values, truth with holes and far points, and which are valid."""
    # Below 100 m, which is no depth for a protocol without a cap.
    truth = np.exp(rng.uniform(np.log(0.05), np.log(99.9), size)).astype(np.float32)
    truth[rng.random(size) < 0.1] = 0
    maps = []
    for _ in range(2):
        prediction = (truth + 0.1) * rng.lognormal(0, 0.4, size).astype(np.float32)
        odd = rng.random(size) < odd_share
        prediction[odd] = rng.choice(ODD, odd.sum())
        maps.append(prediction.astype(np.float32))
    valid = (truth > 0) & (rng.random(size) < valid_share)
    return maps[0], truth, valid, maps[1]


@pytest.mark.parametrize("name", PROTOCOLS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    # Unequal valid counts, also a single image, and images with nothing at all.
    shares=st.lists(st.sampled_from([0.0, 0.002, 0.3, 1.0]), min_size=1, max_size=3),
    odd_share=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_a_protocol_equals_its_published_definition(name, seed, shares, odd_share):
    rng = np.random.default_rng(seed)
    images = [planted_image(rng, SIZES[name], share, odd_share) for share in shares]
    expected = reference.score(name, images)
    data = Images([(truth, valid) for _, truth, valid, _ in images])
    if expected is None:
        with pytest.raises(LeadlineError, match="no image has a pixel"):
            evaluate(Planted(images), data, protocol=name)
        return
    result = evaluate(Planted(images), data, protocol=name)
    assert set(result.metrics) == set(expected)
    for key, value in expected.items():
        assert result.metrics[key] == pytest.approx(value, rel=1e-6, abs=1e-6), key


def test_a_single_pixel_is_enough():
    truth = np.zeros((37, 51), np.float32)
    truth[30, 30] = 2.0
    image = (np.full((37, 51), 3.0, np.float32), truth, truth > 0, truth)
    for name in ("full", "kitti-eigen-garg", "kitti-benchmark"):
        result = evaluate(Planted([image]), Images([(truth, truth > 0)]), protocol=name)
        assert result.metrics["abs_rel"] == 0.5
        assert result.metrics["silog"] == pytest.approx(0, abs=1e-6)


def test_pooled_and_per_image_differ_where_images_have_unequal_counts():
    one, many = np.zeros((2, 10, 10), np.float32)
    one[0, 0], many[:] = 2.0, 2.0
    images = [(np.full((10, 10), p, np.float32), g, g > 0, g) for p, g in ((4.0, one), (2.0, many))]
    result = evaluate(Planted(images), Images([(g, g > 0) for _, g, _, _ in images]))
    assert result.per_image["abs_rel"] == pytest.approx(0.5)
    assert result.pooled["abs_rel"] == pytest.approx(1 / 101)
    assert result.pooled["rmse"] == pytest.approx(np.sqrt(4 / 101))
    assert result.metrics == result.per_image
