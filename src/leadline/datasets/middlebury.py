"""Middlebury stereo 2014 and 2021: disparity from structured light, converted to depth.

Format: the data set's page (vision.middlebury.edu/stereo/data/scenes2014, "Calibration file
format": Z = baseline f / (d + doffs)) and the reader of disp0.pfm of
github.com/princeton-vl/RAFT-Stereo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leadline.datasets.folders import names_in, read_lines, require_files, scenes_in
from leadline.datasets.layout import FilePair, Layout, Origin
from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError
from leadline.io.cameras import published_camera
from leadline.io.files import read_bytes
from leadline.io.float_files import read_pfm

_FILES = frozenset({"im0.png", "disp0.pfm", "calib.txt"})
_ENTRY = re.compile(r"(\w+)\s*=\s*(.+)")


@dataclass(frozen=True)
class MiddleburyDataset(Layout):
    """The left picture of every scene, with the depth computed from its disparity."""

    name = "middlebury"
    title = "Middlebury stereo 2014, 2021"
    data_argument = "the folder of Adirondack-perfect/, ... (im0.png, disp0.pfm, calib.txt), or one"
    source = "Scharstein et al.: High-Resolution Stereo Datasets, GCPR 2014"
    origin = Origin(
        "https://vision.middlebury.edu/stereo/data/",
        "see the page; research",
        "23 scenes with truth (2014), 24 (2021)",
        "each scene's zip",
    )
    fixed_units = 1.0

    @classmethod
    def matches(cls, path: Path) -> str | None:
        """Look for a scene's three files."""
        for scene in _scenes(path)[:1]:
            return f"{(path / scene).name} has im0.png, disp0.pfm and calib.txt"
        return None

    @classmethod
    def open(cls, path: Path, _split: str | None, _units: float | None) -> MiddleburyDataset:
        """Open the left picture of every scene."""
        places = [f"{scene}/" if scene else "" for scene in _scenes(path)]
        files = (path / f"{place}{name}" for place in places for name in sorted(_FILES))
        require_files(path, files, "unpack the scene again")
        return cls(path, tuple(FilePair(f"{p}im0.png", f"{p}disp0.pfm") for p in places), 1.0)

    def read_depth(self, path: Path) -> DepthMap:
        """Read the disparity and convert it; infinite (unknown) disparity is invalid."""
        calibration = _read_calibration(path.parent / "calib.txt")
        disparity = read_pfm(path, read_bytes(path, "disparity map"))[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            metres = calibration.baseline_focal / (disparity + calibration.offset)
        return DepthMap.from_metres(metres, np.isfinite(disparity))

    def camera(self, item: FilePair, size: tuple[int, int]) -> Intrinsics:
        """Return the left camera."""
        path = self.root / Path(item.image).parent / "calib.txt"
        return published_camera(_read_calibration(path).camera, size[1], size[0], str(path))


@dataclass(frozen=True)
class _Calibration:
    """The left camera, baseline (m) times focal length (pixels), and the disparity offset."""

    camera: Intrinsics
    baseline_focal: float
    offset: float


def _scenes(path: Path) -> list[str]:
    """Return the scenes with truth in a folder, or "" if it is one itself.

    A scene may lack a file, which opening it reports.
    """
    return scenes_in(path, _is_scene)


def _is_scene(folder: Path) -> bool:
    names = names_in(folder)
    return "disp0.pfm" in names and len(names & _FILES) > 1


def _read_calibration(path: Path) -> _Calibration:
    """Read lines key=value: cam0=[f 0 cx; 0 f cy; 0 0 1], doffs, baseline (mm), width, height."""
    found = (_ENTRY.fullmatch(line) for _, line in read_lines(path, "calibration"))
    values = {each[1]: each[2] for each in found if each}
    try:
        numbers = values["cam0"].strip("[]").replace(";", " ").split()
        matrix = np.array([float(number) for number in numbers]).reshape(3, 3)
        camera = Intrinsics.from_matrix(matrix, int(values["width"]), int(values["height"]))
        baseline, offset = float(values["baseline"]) / 1000, float(values["doffs"])
    except (KeyError, ValueError) as error:
        raise LeadlineError(
            f"{path}: is not a calibration of Middlebury ({error}); unpack the scene again"
        ) from None
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None
    return _Calibration(camera, baseline * camera.fx, offset)
