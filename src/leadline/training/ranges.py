"""The depth range of data, network and protocol of a run, and the depth outside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from leadline.datasets.mixing import parts_of
from leadline.datasets.sample import DepthDataset, evenly_spaced
from leadline.errors import LeadlineError
from leadline.metrics import Protocol
from leadline.training.recipe import LossTerm, Recipe

SAMPLES_READ = 8
WORTH_A_WARNING = 0.01
"""Share of the true depth outside the range above which a warning is given."""


def check_range(recipe: Recipe) -> None:
    """Raise LeadlineError if the network's range ends before the data's without model.capped."""
    network, data = recipe.model, recipe.data
    if network.capped or data.max_depth <= network.max_depth:
        return
    raise LeadlineError(
        f"data.max_depth={data.max_depth:g}: the network ends at model.max_depth="
        f"{network.max_depth:g} m, and no prediction could be farther; set both to one value, or "
        f"model.capped=true to train what is farther as {network.max_depth:g} m"
    )


def describe_range(recipe: Recipe, data: DepthDataset) -> Iterator[str]:
    """Yield lines on how a run uses the depth of its training data, from a few samples.

    The first line is the range; the others are warnings.
    """
    network, section = recipe.model, recipe.data
    far = section.max_depth
    line = f"range: {network.min_depth:g}..{network.max_depth:g} m"
    if section.camera_fov is not None:  # the run's metres are not those of the files
        yield f"{line} for the camera of {section.camera_fov:g} degrees"
        return
    depth, count = _some_depth(data)
    dropped = _share((depth <= section.min_depth) | (depth > far))
    capped = _share((depth > network.max_depth) & (depth <= far))
    line += f"; of the true depth of {count} training images {dropped:.2%} lies outside "
    line += f"{section.min_depth:g}..{far:g} m and is not trained on"
    if network.capped:
        line += f", {capped:.2%} is farther than {network.max_depth:g} m and is trained on as that"
    near = _share((depth > section.min_depth) & (depth < network.min_depth))
    if near:
        line += f", {near:.2%} is nearer than {network.min_depth:g} m and is trained on as that"
    yield line
    if near > WORTH_A_WARNING:
        yield (
            f"warning: {near:.1%} of the true depth is trained on as {network.min_depth:g} m, the "
            f"nearest is {depth[depth > section.min_depth].min():.4g} m: lower model.min_depth, or "
            "raise data.min_depth to leave it out, unless that is meant"
        )
    if dropped > WORTH_A_WARNING:
        yield (
            f"warning: {dropped:.1%} of the true depth is not trained on; the farthest is "
            f"{depth.max():.4g} m: raise data.max_depth, and model.max_depth where the recipe says "
            "it, unless that is meant"
        )


def describe_grey_levels(data: DepthDataset) -> Iterator[str]:
    """Yield the black and white levels of the 16-bit grey pictures of each data set."""
    for name, part in parts_of(data):
        if part.grey_levels is not None:
            black, white = part.grey_levels
            whose = name and f" of {name}"
            yield f"16-bit grey pictures{whose}: {black} is black, {white} is white"


def describe_protocol(recipe: Recipe, data: DepthDataset, protocol: Protocol) -> Iterator[str]:
    """Yield the range of the validation's truth, and warnings if the network's is smaller."""
    yield f"validation: {protocol.name}, truth {protocol.min_depth:g}..{protocol.max_depth:g} m"
    if recipe.data.camera_fov is not None:  # the run's metres are not those of the files
        return
    (depth, _), network = _some_depth(data), recipe.model
    depth = depth[protocol.in_range(depth, np.ones(depth.shape, dtype=bool))]
    depth = np.minimum(depth, np.float32(protocol.max_depth))
    for share, words in (
        (_share(depth > network.max_depth), f"farther than model.max_depth={network.max_depth:g}"),
        (_share(depth < network.min_depth), f"nearer than model.min_depth={network.min_depth:g}"),
    ):
        if share > WORTH_A_WARNING:
            yield (
                f"warning: {share:.1%} of the truth that validates is {words} m, where every "
                "prediction ends"
            )


def compared_range(term: LossTerm, max_depth: float, target_range: float) -> float:
    """Return the range of the values a loss compares: in metres, or in network units."""
    return max_depth if term.space == "depth" else target_range


def ssim_ranges(recipe: Recipe, target_range: float) -> Iterator[str]:
    """Yield a warning for each loss whose `data_range` differs from that of its values."""
    for number, term in enumerate(recipe.loss):
        given = term.options.get("data_range")
        expected = compared_range(term, recipe.model.max_depth, target_range)
        if isinstance(given, int | float) and not np.isclose(given, expected, rtol=0.01):
            yield (
                f"warning: loss.{number}.options.data_range={given:g}, but what {term.name} "
                f"compares has a range of {expected:g}; leave it out, and it follows"
            )


def _some_depth(data: DepthDataset) -> tuple[NDArray[np.float32], int]:
    """Return the known depth (n,) in metres of a few samples of each set, and their number.

    The depth is not limited to the run's range.
    """
    maps = [
        sample.depth[sample.valid]
        for whole in (part.within(0.0, None) for _, part in parts_of(data))
        for sample in map(whole.view, evenly_spaced(len(whole), SAMPLES_READ))
    ]
    return (np.concatenate(maps) if maps else np.empty(0, np.float32)), len(maps)


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if mask.size else 0.0
