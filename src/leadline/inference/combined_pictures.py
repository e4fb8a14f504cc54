"""Pictures drawn from all depth maps of a run: colours over a common range, and the sheet."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.outputs import COLOR, OutputOptions, write_color
from leadline.inference.predict_ray import RemoteJob, fetch
from leadline.io.formats import read_any_depth
from leadline.io.grey16 import read_grey16
from leadline.io.jobs import Failure, FileJob, default_workers, run_jobs, with_suffix
from leadline.io.photos import DRAWN, decode_photo, read_photo, write_png
from leadline.viz.color import color_table, colorize, fill_range, robust_range
from leadline.viz.figure import Cell, Scale, draw_figure

SHEET = "sheet.png"
MOST_ON_SHEET = 60
SHEET_COLUMNS = 3
SAMPLED, SAMPLED_IN_ALL = 10_000, 10_000_000
"""Pixels sampled for the common range, from each map and from all maps together."""

Range = tuple[float | None, float | None]


def draw_together(jobs: Sequence[FileJob], folder: Path, output: OutputOptions) -> list[Failure]:
    """Draw the pictures that need all maps, from the existing depth files; return the failures.

    Colours over a common range are drawn for every job, including jobs of earlier runs; the sheet
    is written to `folder`. Unreadable depth files are left out of both.
    """
    there = [job for job in jobs if output.depth_file(job.target).is_file()]
    if not there or not (output.has_common_range or output.sheet):
        return []
    limits = output.limits
    failures: list[Failure] = []
    if output.color_range == "auto" and None in limits:
        limits, failures = _common_range(there, output)
    unread = {failure.source for failure in failures}
    there = [job for job in there if job.source not in unread]
    if output.has_common_range:

        def draw(job: FileJob) -> Path:
            path, depth = with_suffix(job.target, COLOR), _read(job, output)
            # Depth without a unit gets its own range.
            ends = limits if depth.kind == "metric" else output.limits
            write_color(path, depth, output, ends)
            return path

        failures += run_jobs(there, draw, workers=default_workers()).failures
    if output.sheet:
        pairs, unread_pairs = _pairs(there, output, limits)
        failures += unread_pairs
        if pairs:
            write_png(folder / SHEET, _sheet(pairs, output, limits), DRAWN)
    return failures


def _read(job: FileJob, output: OutputOptions) -> DepthMap:
    path = output.depth_file(job.target)
    if output.format == "grey16":
        return read_grey16(path)
    return read_any_depth(path)


def _common_range(jobs: Sequence[FileJob], output: OutputOptions) -> tuple[Range, list[Failure]]:
    """Return the robust range of all maps, unless it is given, and the depth files not read.

    All maps weigh the same.
    """
    most = max(1, min(SAMPLED, SAMPLED_IN_ALL // len(jobs)))

    def sample_of(job: FileJob) -> NDArray[np.float32]:
        depth_map = _read(job, output)
        # Depth without a unit gets its own range.
        seen = depth_map.depth[depth_map.valid & (depth_map.kind == "metric")]
        places = np.linspace(0, max(0, seen.size - 1), min(most, seen.size)).astype(np.intp)
        return seen[places]

    read = run_jobs(jobs, sample_of)
    samples = [sample for sample in read.done if sample.size]
    if not samples:
        return output.limits, read.failures
    longest = max(sample.size for sample in samples)
    rows = [np.resize(sample, longest) for sample in samples]
    pool = np.stack(rows)
    found = robust_range(pool, np.ones(pool.shape, dtype=bool))
    return fill_range(*output.limits, *found), read.failures


def _pairs(
    jobs: Sequence[FileJob], output: OutputOptions, limits: Range
) -> tuple[list[tuple[Cell, Cell]], list[Failure]]:
    """Return the cells of the sheet for the photographs shown, and the depth files not read."""
    places = np.linspace(0, len(jobs) - 1, min(MOST_ON_SHEET, len(jobs))).astype(np.intp)
    shown = [jobs[place] for place in places]
    if len(shown) < len(jobs):
        warnings.warn(
            f"{SHEET} shows {len(shown)} of {len(jobs)} pictures", LeadlineWarning, stacklevel=4
        )
    read = run_jobs(shown, lambda job: _pair(job, output, limits))
    return read.done, read.failures


def _sheet(
    pairs: Sequence[tuple[Cell, Cell]], output: OutputOptions, limits: Range
) -> NDArray[np.uint8]:
    """Return the photographs beside their depth, several pairs per row, with the scale.

    If any picture is landscape, portrait ones are drawn no higher than wide, so that no row is half
    empty.
    """
    rows = [
        [cell for pair in pairs[start : start + SHEET_COLUMNS] for cell in pair]
        for start in range(0, len(pairs), SHEET_COLUMNS)
    ]
    headings = ["photograph", "depth"] * min(SHEET_COLUMNS, len(pairs))
    low, high = limits
    scales = []
    if low is not None and high is not None:
        scales = [Scale("depth", color_table(output.cmap)[::-1], low, high)]
    is_lying = any(cell.picture.shape[0] <= cell.picture.shape[1] for cell, _ in pairs)
    return draw_figure(headings, rows, scales, tallest=1.0 if is_lying else None)


def _pair(job: FileJob, output: OutputOptions, limits: Range) -> tuple[Cell, Cell]:
    depth = _read(job, output)
    if depth.kind != "metric":
        raise LeadlineError(f"{output.depth_file(job.target)}: has no metres for {SHEET}")
    low, high = limits
    picture = colorize(depth, vmin=low, vmax=high, cmap=output.cmap)
    near, far = robust_range(depth.depth, depth.valid)
    name = job.source.name
    try:
        # A photograph of an object store is fetched again: it may have been predicted long ago.
        photo = decode_photo(fetch(job)) if isinstance(job, RemoteJob) else read_photo(job.source)
        pixels = photo.pixels
    except LeadlineError:  # from standard input, or removed since
        pixels, name = np.zeros((*depth.shape, 3), dtype=np.uint8), f"{name} (not there)"
    return Cell(pixels, name), Cell(picture, f"{near:.1f} to {far:.1f} m")
