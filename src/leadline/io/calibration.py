"""Calibrations as JSON files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.errors import LeadlineError, one_line
from leadline.io.atomic import atomic_path
from leadline.io.files import read_bytes

FORMAT, VERSION = "leadline-calibration", 1


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration as JSON."""
    content = {"format": FORMAT, "version": VERSION, "formula": "1/z' = 1/(scale z) + shift"}
    values = asdict(calibration) | {"about": dict(calibration.about)}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content | values, indent=2) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """Return what `write_calibration` wrote.

    Errors: LeadlineError, naming the file, for anything else.
    """
    try:
        content = json.loads(read_bytes(path, "calibration"))
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError(f"format {content['format']} {content['version']}")
        about = {str(key): str(value) for key, value in content["about"].items()}
        return Calibration(float(content["scale"]), float(content["shift"]), about)
    except LeadlineError as error:
        if str(error).startswith(str(path)):
            raise
        raise LeadlineError(f"{path}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LeadlineError(
            f"{path}: not a calibration ({one_line(error)}); give the calibration.json that "
            "'leadline calibrate' wrote"
        ) from error
