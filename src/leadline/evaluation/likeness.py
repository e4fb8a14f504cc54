"""Which results were made alike, so that their numbers may stand side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leadline.evaluation.stored import Result


def differences(first: Result, other: Result) -> list[str]:
    """Return why two results were not made alike, in words; empty where they were."""
    found = []
    if first.protocol_label != other.protocol_label:
        found.append(f"protocol {first.protocol_label} against {other.protocol_label}")
    if first.data_label != other.data_label:
        found.append(f"data {first.data_label} against {other.data_label}")
    elif first.content.data_options != other.content.data_options:
        found.append(
            f"data read with {first.content.data_options} against {other.content.data_options}"
        )
    if set(first.ids) != set(other.ids):
        common = len(set(first.ids) & set(other.ids))
        found.append(f"{len(first.ids)} images against {len(other.ids)}, {common} in common")
    elif first.protocol_label == other.protocol_label:
        found += _other_truth(first, other)
    return found


def _other_truth(first: Result, other: Result) -> list[str]:
    """The number of scored pixels depends on the true depth and the protocol alone."""
    mine, theirs = first.rows["pixels"], other.aligned("pixels", first.ids)
    unequal = np.flatnonzero(mine != theirs)
    if unequal.size == 0:
        return []
    index = int(unequal[0])
    return [
        f"true depth ({first.ids[index]} has {mine[index]:.0f} scored pixels against "
        f"{theirs[index]:.0f}: another ground truth or another unit)"
    ]


def groups_of(results: Sequence[Result]) -> list[int]:
    """Return a number for each result: equal numbers were made alike, the first has 0."""
    leaders: list[Result] = []
    groups = []
    for result in results:
        alike = [not differences(leader, result) for leader in leaders]
        if True not in alike:
            leaders.append(result)
            alike.append(True)
        groups.append(alike.index(True))
    return groups
