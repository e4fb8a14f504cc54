"""One network for all tests of the server: what they load is what takes their time."""

import pytest

from leadline.inference import Predictor


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """A shipped model in float32, of which small pictures are not unusual."""
    return Predictor.load("compact-nyu", precision="f32")
