"""Find which results of an earlier run can be kept: `leadline predict --skip-existing`."""

from __future__ import annotations

import json
import math
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.depth.units import describe_units, parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.find_model import find_model, model_name
from leadline.inference.outputs import OutputOptions
from leadline.io.formats import depth_format, read_texts
from leadline.io.hub import is_on_hub
from leadline.io.jobs import FileJob
from leadline.io.metadata import PREFIX


def jobs_to_do(
    jobs: Sequence[FileJob],
    output: OutputOptions,
    model: str | Path,
    calibration: Calibration | None = None,
) -> list[FileJob]:
    """Return the jobs whose results are missing, or of another model, calibration or other units.

    A LeadlineWarning counts the results that were made otherwise, and the results that do not say
    how they were made, which are kept.
    Errors: LeadlineError if the model does not exist.
    """
    name = model_name(model, Path() if is_on_hub(model) else find_model(model))
    to_do: list[FileJob] = []
    unknown: list[Path] = []
    different: dict[str, list[Path]] = defaultdict(list)
    for job in jobs:
        if not output.is_complete(job.target):
            to_do.append(job)
            continue
        file = output.depth_file(job.target)
        origin = _read_origin(file, output)
        difference = _difference(origin, output, name, calibration)
        if difference is not None:
            to_do.append(job)
            different[difference].append(file)
        elif origin.model is None:
            unknown.append(file)
    for difference, files in different.items():
        _warn(files, f"hold {difference}; predicted again")
    if unknown:
        _warn(unknown, "do not say of which model; left as they are")
    return to_do


@dataclass(frozen=True)
class _Origin:
    """The model, the units per metre and the calibration of a depth file, None if unknown."""

    model: str | None = None
    units: float | None = None
    calibration: str | None = None


def _read_origin(file: Path, output: OutputOptions) -> _Origin:
    try:
        texts = read_texts(file, output.format)
        provenance = json.loads(texts.get(PREFIX + "provenance", "{}"))
        has_units = depth_format(output.format).whole_units
        units = parse_units(texts[PREFIX + "units_per_metre"]) if has_units else None
        return _Origin(provenance.get("model"), units, provenance.get("calibration"))
    except (LeadlineError, ValueError, AttributeError, KeyError):
        return _Origin()


def _difference(
    origin: _Origin, output: OutputOptions, model: str, calibration: Calibration | None
) -> str | None:
    """Return how a depth file differs from one written now, None if it does not or is unknown."""
    units, written = origin.units, output.units_per_metre
    if units is not None and not math.isclose(units, written, rel_tol=1e-6):
        return f"{describe_units(units)}, not {describe_units(written)}"
    if origin.model not in (None, model):
        return f"depth of model {origin.model}, not of {model}"
    wanted = None if calibration is None else str(calibration)
    if origin.model is not None and origin.calibration != wanted:
        return f"depth of calibration {origin.calibration or 'none'}, not of {wanted or 'none'}"
    return None


def _warn(files: Sequence[Path], what: str) -> None:
    more = ", ..." if len(files) > 1 else ""
    text = f"{len(files)} of the existing results ({files[0]}{more}) {what}"
    warnings.warn(text, LeadlineWarning, stacklevel=4)
