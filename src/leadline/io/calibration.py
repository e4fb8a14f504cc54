"""Calibrations as JSON files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from leadline.depth.calibration import Calibration
from leadline.errors import LeadlineError, one_line
from leadline.io.atomic import write_json
from leadline.io.files import read_json

FORMAT, VERSION = "leadline-calibration", 1


def write_calibration(path: str | Path, calibration: Calibration) -> None:
    """Write a calibration as JSON."""
    content = {"format": FORMAT, "version": VERSION, "formula": "1/z' = 1/(scale z) + shift"}
    values = asdict(calibration) | {"about": dict(calibration.about)}
    write_json(Path(path), content | values)


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration written by `write_calibration`.

    Errors: LeadlineError, naming the file, for any other file.
    """
    try:
        content = read_json(Path(path), "calibration")
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
