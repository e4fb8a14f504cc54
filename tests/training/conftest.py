"""What the tests of training share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def no_curves() -> Iterator[None]:
    """Spare the runs of a file the drawing of curves.png, which takes as long as six small steps.

    Those of tests/training/test_loop.py and test_train.py are drawn; test_runs.py looks at them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leadline.training.run_logger.draw_curves", lambda runs, path: None)
        yield
