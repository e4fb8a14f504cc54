"""Find which results of an earlier run can be kept: `leadline predict --skip-existing`."""

from __future__ import annotations

import json
import math
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from leadline.depth.units import describe_units, parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.find_model import find_model, model_name
from leadline.inference.outputs import OutputOptions
from leadline.io.formats import depth_format, read_texts
from leadline.io.hub import is_on_hub
from leadline.io.jobs import FileJob
from leadline.io.metadata import PREFIX


def jobs_to_do(jobs: Sequence[FileJob], output: OutputOptions, model: str | Path) -> list[FileJob]:
    """Return the jobs whose results are missing, or of another model or other units.

    A LeadlineWarning counts the results of another model or other units, and the results that do
    not say how they were made, which are kept.
    Errors: LeadlineError if the model does not exist.
    """
    name = model_name(model, Path() if is_on_hub(model) else find_model(model))
    to_do: list[FileJob] = []
    others: dict[str, list[Path]] = defaultdict(list)
    for job in jobs:
        if not output.is_complete(job.target):
            to_do.append(job)
            continue
        file = output.depth_file(job.target)
        what = _difference(file, output, name)
        if what is not None:
            others[what].append(file)
        if what:
            to_do.append(job)
    for what, files in others.items():
        _warn(what, files)
    return to_do


def _difference(file: Path, output: OutputOptions, model: str) -> str | None:
    """Return how a depth file differs from one written now.

    None if it does not differ, "" if the file does not say.
    """
    row = depth_format(output.format)
    try:
        texts = read_texts(file, output.format)
        made_by = json.loads(texts.get(PREFIX + "provenance", "{}")).get("model")
        units = parse_units(texts[PREFIX + "units_per_metre"]) if row.whole_units else None
    except (LeadlineError, ValueError, AttributeError, KeyError):
        return ""
    if units is not None and not math.isclose(units, output.units_per_metre, rel_tol=1e-6):
        return f"{describe_units(units)}, not {describe_units(output.units_per_metre)}"
    if made_by not in (None, model):
        return f"depth of model {made_by}, not of {model}"
    return "" if made_by is None else None


def _warn(what: str, files: Sequence[Path]) -> None:
    more = ", ..." if len(files) > 1 else ""
    say = f"hold {what}; predicted again" if what else "do not say of which model; left as they are"
    text = f"--skip-existing: {len(files)} of the results there ({files[0]}{more}) {say}"
    warnings.warn(text, LeadlineWarning, stacklevel=4)
