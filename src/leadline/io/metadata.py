"""What a depth file says about itself, as text that every format can carry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from leadline.depth.depth_map import DepthKind
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.units import describe_units, parse_units
from leadline.errors import LeadlineError, one_line
from leadline.io.atomic import atomic_path, write_json
from leadline.io.files import read_json

PREFIX = "leadline:"
KIND = "planar z, metres"
UNCERTAINTY_KIND = "uncertainty: Laplace scale of ln(metres), not metres"
AFFINE_KIND = "affine-inverse: inverse depth up to a scale and a shift, no unit, not metres"
INVERSE_KIND = "inverse depth, near = white, not metres"
MASK_KIND = "valid depth is white"
LABELS_KIND = "class ids"

_NO_DEPTH = {
    UNCERTAINTY_KIND: "the uncertainty of a depth map, not metres; give the depth file itself",
    INVERSE_KIND: "a picture of inverse depth (grey16), not metres; "
    "predict or convert to png16, npy, npz, exr or pfm for depth",
    MASK_KIND: "a mask of where depth is valid, not metres; give the depth file itself",
    LABELS_KIND: "a picture of class ids, not metres; give the depth file itself",
}
"""What Leadline writes beside depth, in words and with the remedy."""


@dataclass(frozen=True)
class Metadata:
    """The unit of a file's values, the camera and the provenance; None or empty where unknown.

    Values of another `kind` than metric are inverse depth without unit.
    """

    units_per_metre: float | None = None
    intrinsics: Intrinsics | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    kind: DepthKind = "metric"

    def to_text(self) -> dict[str, str]:
        """Return the metadata as ASCII strings under `leadline:` keys."""
        units = 1.0 if self.units_per_metre is None else self.units_per_metre
        text = {
            "kind": KIND if self.kind == "metric" else AFFINE_KIND,
            "unit": describe_units(units),
            "units_per_metre": repr(float(units)),
            "invalid": "0",
            "provenance": json.dumps(dict(self.provenance)),
        }
        if self.kind != "metric":
            del text["unit"], text["units_per_metre"]
        if self.intrinsics is not None:
            text["intrinsics"] = json.dumps(self.intrinsics.to_dict())
        return {PREFIX + key: value for key, value in text.items()}

    @classmethod
    def from_text(cls, path: Path, text: Mapping[str, str]) -> Metadata:
        """Undo `to_text`, ignoring every key that is not ours.

        Raises LeadlineError, naming `path`, for one of our keys with a value we cannot read, and
        for a file of ours that holds no depth.
        """
        if (what := _NO_DEPTH.get(text.get(PREFIX + "kind", ""))) is not None:
            raise LeadlineError(f"{path}: is {what}")
        try:
            units = text.get(PREFIX + "units_per_metre")
            camera = text.get(PREFIX + "intrinsics")
            provenance = json.loads(text.get(PREFIX + "provenance", "{}"))
            return cls(
                units_per_metre=None if units is None else parse_units(units),
                intrinsics=None if camera is None else Intrinsics.from_dict(json.loads(camera)),
                provenance={str(key): str(value) for key, value in provenance.items()},
                kind="affine-inverse" if text.get(PREFIX + "kind") == AFFINE_KIND else "metric",
            )
        except (LeadlineError, ValueError, AttributeError, TypeError) as error:
            raise LeadlineError(
                f"{path}: its leadline metadata is damaged ({one_line(error)}); "
                "write the file again, or strip the metadata and declare --depth-scale"
            ) from error


def sidecar_of(path: Path) -> Path:
    """Return where the metadata of a format that cannot carry any lives: `<name>.json` beside it.

    The suffix is kept ("room.npy" has "room.npy.json"), so that two formats of one map can sit
    in one folder.
    """
    return path.with_name(path.name + ".json")


@contextmanager
def atomic_with_sidecar(path: Path, text: Mapping[str, str]) -> Iterator[Path]:
    """Yield a temporary path, as `atomic_path`; on success `text` comes into the sidecar.

    Both are written before either takes its place, so that a full disk leaves the earlier pair. The
    sidecar takes its place first: of what is not metres, a file of numbers alone would be taken for
    them.
    """
    with atomic_path(path) as temporary:
        yield temporary
        write_json(sidecar_of(path), dict(text))


def read_sidecar(path: Path) -> dict[str, str]:
    """Return the text of the sidecar of `path`, empty if there is none of ours.

    Raises LeadlineError, naming the sidecar, if it is there but cannot be read.
    """
    sidecar = sidecar_of(path)
    if not sidecar.exists():
        return {}
    content = read_json(sidecar, f"metadata of {path.name}", "correct or delete this file")
    if not isinstance(content, dict):
        return {}
    return {key: str(value) for key, value in content.items() if key.startswith(PREFIX)}
