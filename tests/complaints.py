"""What several of these tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leadline.errors import LeadlineError


def complaint(call: Callable[[], object], path: Path | str | None = None) -> str:
    """Return the message of the LeadlineError that `call` raises: one line, naming `path`."""
    with pytest.raises(LeadlineError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    if path is not None:
        assert str(path) in message
    return message
