"""A record of how data was opened, stored with derived data and compared when it is made again.

Shards and expansions consist of samples, whose values depend on it: another unit or option gives
other depth under the same ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from leadline.datasets.layout import Layout
from leadline.errors import value_words

OPENED_AS = "opened_as"
"""The key of the record in plans and settings; those of earlier versions lack it."""


def opened_as(data: Layout, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything but the files on which the values of samples depend, as JSON values.

    These are the layout and its `options`, and the resulting unit, depth range, form of the depth
    files, camera and grey levels.
    """
    record = {
        "layout": data.name,
        "units_per_metre": data.units_per_metre,
        "min_depth": data.min_depth,
        "max_depth": data.max_depth,
        "grey_levels": data.grey_levels,
        "dataset": data.dataset,
        "camera": data.declared_camera(),
        **asdict(data.form),
        # An option `auto` is resolved by the data and contained in the form.
        **{name: value for name, value in options.items() if value != "auto"},
    }
    plain: dict[str, Any] = json.loads(json.dumps(record))
    return plain


def is_same(written: Any, now: Mapping[str, Any]) -> bool:
    """Return whether a plan or settings read from a file equal the current ones.

    How data was opened is compared only if both record it.
    """
    if not isinstance(written, dict):
        return False
    others = ({key: plan[key] for key in plan if key != OPENED_AS} for plan in (written, now))
    return next(others) == next(others) and not other_opening(written, now)


def other_opening(written: Any, now: Mapping[str, Any]) -> str:
    """Describe how data was opened differently from now, "" if no difference is recorded.

    >>> then, now = {"units_per_metre": 1000.0, "depth": "raw"}, {"units_per_metre": 256.0}
    >>> other_opening({"opened_as": then}, {"opened_as": now})
    'units_per_metre 1000, now 256'
    """
    before = written.get(OPENED_AS) if isinstance(written, dict) else None
    after = now.get(OPENED_AS, {})
    return "; ".join(
        f"{key} {_words(value)}, now {_words(after[key])}"
        for key, value in (before.items() if isinstance(before, dict) else ())
        if key in after and value != after[key]
    )


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if value is None:
        return "none"
    return value if isinstance(value, str) else value_words(value)
