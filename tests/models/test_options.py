"""Options are checked against a signature, before anything is built."""

import pytest

from leadline.errors import LeadlineError
from leadline.models.options import check_options


def loss(target: object, strength: float, scales: int = 1) -> None:
    """A loss of somebody's own, with an option that has no default."""


def test_an_option_without_a_default_must_be_given() -> None:
    check_options(loss, {"strength": 2.0}, key="loss.0.options", given=["target"])
    with pytest.raises(LeadlineError, match=r"loss\.0\.options\.strength is missing"):
        check_options(loss, {"scales": 2}, key="loss.0.options", given=["target"])
