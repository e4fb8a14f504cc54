"""The contact sheet: photographs beside their depth, suspicious ones first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.findings import Finding
from leadline.data_checks.pairs import ListedPair, RawPair
from leadline.datasets.sample import evenly_spaced
from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.photos import DRAWN, write_png
from leadline.viz.color import colorize
from leadline.viz.scale_bar import draw_title

_TILE = 216
_GAP = 10
_PAPER = 255
_PANEL = 17

Picture = NDArray[np.uint8]


def write_contact_sheet(
    path: Path,
    pairs: Iterable[ListedPair],
    findings: Sequence[Finding],
    units_per_metre: float | None,
    count: int = 12,
) -> int:
    """Write photographs beside their depth as PNG; return the number of pairs shown.

    Pairs named by `findings` come first. `units_per_metre` is for files that do not declare their
    own; if it is None, the depth is drawn without metres.
    Errors: LeadlineError if none of the pairs can be read, or the file cannot be written.
    """
    by_id = {pair.id: pair for pair in pairs}
    codes = choose_pairs(findings, by_id, count)
    tiles = list(_tiles(by_id, codes, units_per_metre))
    if not tiles:
        raise LeadlineError(f"{path}: no contact sheet, not one pair can be read")
    widest = max(tile.shape[1] for tile in tiles)
    columns = 2 if widest < 900 and len(tiles) > 1 else 1
    padded = [_pad(tile, widest) for tile in tiles]
    if len(padded) % columns:
        padded.append(np.full_like(padded[0], _PAPER))
    rows = [
        np.concatenate(padded[start : start + columns], axis=1)
        for start in range(0, len(padded), columns)
    ]
    write_png(path, np.concatenate(rows, axis=0), DRAWN)
    return len(tiles)


def choose_pairs(findings: Iterable[Finding], ids: Iterable[str], count: int) -> dict[str, str]:
    """Return at most `count` of `ids`, each with the code of the finding that names it.

    Findings take turns, worst first; then come pairs without a finding, evenly spaced, with "".
    """
    ids = list(ids)
    readable = set(ids)
    queues = [
        (finding.code, [name for name in finding.pairs if name in readable]) for finding in findings
    ]
    chosen: dict[str, str] = {}
    for turn in range(count):
        for code, queue in queues:
            if turn < len(queue) and len(chosen) < count:
                chosen.setdefault(queue[turn], code)
    others = [name for name in ids if name not in chosen]
    for index in evenly_spaced(len(others), count - len(chosen)):
        chosen[others[index]] = ""
    return chosen


def _tiles(
    pairs: Mapping[str, ListedPair], codes: Mapping[str, str], units: float | None
) -> Iterator[Picture]:
    for name, code in codes.items():
        try:
            raw = pairs[name].read()
        except LeadlineError:
            continue
        yield _tile(raw, name, code, units)


def _tile(raw: RawPair, name: str, code: str, units: float | None) -> Picture:
    """Return photograph | depth with its scale, under the name and the code of the finding."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = raw.values.astype(np.float32) / np.float32(raw.units_per_metre or units or 1)
    depth = DepthMap.from_metres(_shrink_depth(values))
    in_metres = (raw.units_per_metre or units) is not None
    title = code if in_metres else f"{code} in file units".strip()
    picture = colorize(depth, bar=in_metres, title=title or None)
    photo = draw_title(_shrink(raw.image), name)
    return np.concatenate([photo, np.full((_TILE, 4, 3), _PANEL, np.uint8), picture], axis=1)


def _shrink(image: Picture) -> Picture:
    width = max(1, round(_TILE * image.shape[1] / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, _TILE), interpolation=cv2.INTER_AREA), np.uint8)


def _shrink_depth(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resize the map to the height of a tile; of sparse depth, take the nearest in each block."""
    height, width = values.shape
    valid = (values > 0) & np.isfinite(values)
    wide = max(1, round(_TILE * width / height))
    near = np.where(valid, values, np.inf)
    if height > _TILE and valid.mean() < 0.5:
        rows = np.arange(height) * _TILE // height
        columns = np.arange(width) * wide // width
        small = np.full((_TILE, wide), np.inf, np.float32)
        np.minimum.at(small, (rows[:, None], columns[None, :]), near)
    else:
        rows = np.arange(_TILE) * height // _TILE
        columns = np.arange(wide) * width // wide
        small = near[rows[:, None], columns[None, :]]
    return np.where(np.isfinite(small), small, np.float32(0)).astype(np.float32)


def _pad(tile: Picture, width: int) -> Picture:
    padded = np.full((tile.shape[0] + _GAP, width + _GAP, 3), _PAPER, np.uint8)
    padded[: tile.shape[0], : tile.shape[1]] = tile
    return padded
