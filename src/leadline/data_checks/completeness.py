"""Check a copy of a published data set for missing files: partners, cameras, tables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from leadline.data_checks.findings import Code, Finding, error, note, warning
from leadline.data_checks.values import MeasuredPair
from leadline.datasets.folders import names_in
from leadline.datasets.layout import Layout
from leadline.datasets.open import get_layout
from leadline.errors import plural

ROLES: dict[str, tuple[Code, str, str]] = {
    "image": ("lonely-image", "photograph", "depth map"),
    "depth": ("lonely-depth", "depth map", "photograph"),
    "scan": ("lonely-depth", "laser scan", "photograph"),
}
"""By role of a file: the code, the name of the file, and the name of its partner."""

_ENDING = re.compile(r".*\d(\D*)")


def check_copy(opened: Sequence[Layout]) -> Iterator[Finding]:
    """Check all splits of a published data set for files without a partner, and missing tables."""
    words = dict.fromkeys(text for data in opened for text in data.assumptions())
    for text in words:
        yield note("no-camera", text, "fetch the file from where the data comes from")
    kind = opened[0].unpaired_files if opened else "unknown"
    if kind == "unknown":
        return
    for role, lonely in _unpaired(opened).items():
        code, name, partner = ROLES[role]
        message = f"{plural(len(lonely), name)} without a {partner}"
        where = [str(path) for path in lonely]
        if kind == "fault":
            yield error(code, message, "fetch or unpack the data set again", where)
        else:
            yield note(code, message, "nothing: it is published so", where)


def _unpaired(opened: Sequence[Layout]) -> dict[str, list[Path]]:
    """Return, by role, files beside those of samples and with the same ending that are not used.

    A file's ending begins after the last digit of its name: `_depth.npy`, `.color.png`.
    """
    used: set[Path] = set()
    places: dict[Path, dict[str, str]] = defaultdict(dict)
    for data in opened:
        for index in range(len(data)):
            files = data.files(index)
            used.update(files.values())
            for role in ROLES.keys() & files.keys():
                path = files[role]
                places[path.parent][_ending(path.name)] = role
    lonely: dict[str, list[Path]] = defaultdict(list)
    for folder, roles in places.items():
        for name in sorted(names_in(folder)):
            kind = roles.get(_ending(name))
            if kind and not name.startswith(".") and folder / name not in used:
                lonely[kind].append(folder / name)
    return lonely


def _ending(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    after = _ENDING.fullmatch(stem)
    return f"{after[1] if after else ''}{dot}{suffix}"


def check_cameras(layout: str, pairs: Sequence[MeasuredPair]) -> Iterator[Finding]:
    """Check for pairs of a published data set without a camera."""
    if layout == "pairs" or get_layout(layout).camera is Layout.camera:
        return
    without = [pair.id for pair in pairs if not pair.has_camera]
    if not without:
        return
    message = f"no camera is known of {len(without)} of {plural(len(pairs), 'pair')}"
    remedy = "fetch the files of cameras too: metres follow the lens"
    if len(without) < len(pairs):
        yield warning("no-camera", message, remedy, without)
    else:
        yield note("no-camera", message, remedy, without)
