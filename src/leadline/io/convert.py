"""Depth files from one format to another."""

from __future__ import annotations

from pathlib import Path

from leadline.depth.units import UndeclaredUnitsError, parse_units, undeclared_units
from leadline.errors import LeadlineError
from leadline.io.atomic import check_writable
from leadline.io.formats import (
    DEPTH_FORMATS,
    DepthFormat,
    depth_format,
    depth_suffixes,
    format_of_suffix,
    read_checked_depth,
    writable_formats,
    write_depth,
)
from leadline.io.jobs import (
    FileJob,
    FileKind,
    JobResults,
    Paths,
    find_jobs,
    run_jobs,
    with_suffix,
)
from leadline.io.metadata import LABELS_KIND, MASK_KIND
from leadline.io.photos import DERIVED, DRAWN, says_kind
from leadline.io.png16 import DEFAULT_UNITS
from leadline.io.uncertainty import is_uncertainty_file
from leadline.progress import Track, untracked


def convert(
    inputs: Paths,
    out: str | Path,
    *,
    format: str | None = None,
    input_units: str | float | None = None,
    units: str | float | None = None,
    track: Track = untracked,
) -> JobResults[Path]:
    """Convert depth files to another format; return the written files, and what was skipped.

    `inputs` are files, globs, or folders, whose trees are mirrored. `out` is a folder, or for one
    input also a file. `format` is one of `writable_formats()`, by default the one of the suffix of
    `out`. `input_units` are the units per metre of integer inputs that do not state their unit;
    `units` are those to write in png16 (1000: millimetres). Both are numbers or names (see
    `KNOWN_UNITS`). A file that cannot be read is skipped. `track` shows progress.

    Errors: LeadlineError, before anything is written, for a missing input, an unknown format or
    unit, or an output that would overwrite an input or cannot be written.

    >>> results = convert("depth.npy", "converted", format="png16", units="kitti")
    >>> [path.name for path in results.done], results.failures
    (['depth.png'], [])
    """
    out = Path(out)
    is_file = out.suffix.lower() in depth_suffixes() and not out.is_dir()
    row = _format_to_write(out, format, is_file)
    if units is not None and not row.whole_units:
        raise LeadlineError("units are for format png16; the other formats hold metres")
    read_units = None if input_units is None else parse_units(input_units)
    write_units = DEFAULT_UNITS if units is None else parse_units(units)

    def output(target: Path) -> Path:
        return out if is_file else with_suffix(target, row.suffix)

    def convert_one(job: FileJob) -> Path:
        try:
            depth_map = read_checked_depth(job.source, read_units)
        except UndeclaredUnitsError:  # no dataset.yaml is looked for here
            raise undeclared_units(job.source, "--from 1000 for millimetres") from None
        write_depth(output(job.target), depth_map, format, write_units)
        return output(job.target)

    folder = out.parent if is_file else out
    jobs = find_jobs(
        inputs,
        folder,
        FileKind("depth files", depth_suffixes(), is_result=_is_no_depth),
        outputs=lambda target: row.files(output(target)),
    )
    check_writable(folder)
    return run_jobs(jobs, convert_one, title="convert", track=track)


def _is_no_depth(path: Path) -> bool:
    """Return whether a file is what Leadline writes beside depth, or draws."""
    kinds = (DERIVED["leadline:kind"], DRAWN["leadline:kind"], MASK_KIND, LABELS_KIND)
    return is_uncertainty_file(path) or any(says_kind(path, kind) for kind in kinds)


def _format_to_write(out: Path, format: str | None, is_file: bool) -> DepthFormat:
    if format is None and not is_file:
        raise LeadlineError(f"no format: give --to {', '.join(writable_formats())} or shards")
    row = DEPTH_FORMATS[format_of_suffix(out)] if format is None else depth_format(format)
    if is_file and out.suffix.lower() not in row.suffixes:
        raise LeadlineError(f"{out}: format {format} is written as {row.suffix}; rename the output")
    if row.write is None:
        raise LeadlineError(f"{out}: {out.suffix} is read but not written; give another suffix")
    return row
