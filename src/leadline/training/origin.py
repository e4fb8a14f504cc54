"""What a run began with that its recipe does not say: `run.json` in its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from leadline.errors import LeadlineError, one_line
from leadline.io.atomic import atomic_path

ORIGIN_FILE = "run.json"


@dataclass(frozen=True)
class Origin:
    """Where the data is, its depth scale where one was given, what the network started from."""

    data: str
    units_per_metre: float | None
    initialised_from: str

    def write(self, folder: Path) -> None:
        """Write `run.json`."""
        with atomic_path(folder / ORIGIN_FILE) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_origin(folder: Path) -> Origin:
    """Return the origin of the run in `folder`.

    Errors: LeadlineError where the file is missing or damaged.
    """
    path = folder / ORIGIN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        units = content["units_per_metre"]
        return Origin(
            data=str(content["data"]),
            units_per_metre=None if units is None else float(units),
            initialised_from=str(content["initialised_from"]),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LeadlineError(
            f"{path}: is damaged or missing ({one_line(error)}); write it anew: "
            '{"data": "FOLDER", "units_per_metre": null, "initialised_from": "random weights"}'
        ) from error
