"""One network for all tests of the server: what they load is what takes their time."""

import pytest

from leadline.inference import Predictor


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The shipped model in float32."""
    return Predictor.load(precision="f32")
