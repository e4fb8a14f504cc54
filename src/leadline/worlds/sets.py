"""What a rendered data set consists of: its options, its views, and which world each shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from leadline.errors import LeadlineError, check_seed
from leadline.worlds.classes import CLASS_SETS
from leadline.worlds.grammar.street.weather import VARIATIONS
from leadline.worlds.randomness import Split
from leadline.worlds.render.quality import QUALITIES
from leadline.worlds.view import KINDS, Kind, SkyDepth, View, render_room, street_views

GENERATOR_VERSION = 3
"""Counts up whenever equal seeds give another world."""

UNITS: dict[Kind, float] = {"rooms": 2000.0, "streets": 100.0}
"""Units per metre of the 16-bit depth files: 0.25 mm rounding and 32.7 m in rooms, 5 mm and
655.34 m in streets, whose sky is Virtual KITTI's 65535 where it is far."""

CAMERAS = 4
"""Views of one street."""


@dataclass(frozen=True)
class WorldSet:
    """Options of a rendered data set.

    `count` views in all, of which the share `val_share` is rendered from the validation split's
    own worlds, textures and designs. `size` is height and width, `level` a quality, `labels` a
    class set, `sky` invalid or far. `variations` lists what each camera of a street is shown in;
    where it is empty, each of a street's four cameras draws one of its own.
    `sky` and `variations` are for streets. Raises LeadlineError for a value that does not exist or
    does nothing.
    """

    kind: Kind
    count: int
    size: tuple[int, int] = (240, 320)
    seed: int = 0
    level: str = "training"
    val_share: float = 0.1
    labels: str = "worlds"
    sky: SkyDepth = "invalid"
    variations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for option, value, known in (
            ("kind", self.kind, KINDS),
            ("quality", self.level, tuple(QUALITIES)),
            ("labels", self.labels, CLASS_SETS),
            ("sky", self.sky, ("invalid", "far")),
            *(("variation", name, tuple(VARIATIONS)) for name in self.variations),
        ):
            if value not in known:
                raise LeadlineError(f"{option} {value!r}: choose one of {', '.join(known)}")
        for name, default in (("sky", "invalid"), ("variations", ())):
            value = getattr(self, name)
            if self.kind == "rooms" and value != default:
                words = value if isinstance(value, str) else ",".join(value)
                raise LeadlineError(
                    f"{name} {words} does nothing in rooms; leave it out, or take streets"
                )
        check_seed(self.seed)
        if self.count < 1 or not 0 <= self.val_share < 1:
            raise LeadlineError(
                f"{self.count} views with {self.val_share:g} of them for validation: give at "
                "least one view and a share from 0 to below 1"
            )
        if min(self.size) < 16:
            raise LeadlineError(f"size {self.size[0]}x{self.size[1]} is too small; give 16 or more")

    @property
    def views_of_a_world(self) -> int:
        """How many views show one room or street."""
        return 1 if self.kind == "rooms" else CAMERAS * max(1, len(self.variations))

    def counts(self) -> dict[Split, int]:
        """Views of each split."""
        val = round(self.count * self.val_share)
        return {"train": self.count - val, "val": val}

    def worlds(self) -> list[tuple[Split, int, tuple[int, ...]]]:
        """Split, world and the numbers of its views within the split, for every world."""
        out: list[tuple[Split, int, tuple[int, ...]]] = []
        for split, count in self.counts().items():
            each = self.views_of_a_world
            for world in range(-(-count // each)):
                numbers = range(world * each, min((world + 1) * each, count))
                out.append((split, world, tuple(numbers)))
        return out

    def render(self, split: Split, world: int, numbers: tuple[int, ...]) -> Iterator[View]:
        """Render the views `numbers` of a world."""
        if self.kind == "rooms":
            for number in numbers:
                yield render_room(self.seed, number, split, size=self.size, level=self.level)
            return
        shots = [self._shot(number) for number in numbers]
        yield from street_views(
            self.seed, world, split, shots, size=self.size, level=self.level, sky=self.sky
        )

    def _shot(self, number: int) -> tuple[int, str | None]:
        """Camera and variation of a street's view."""
        place = number % self.views_of_a_world
        if not self.variations:
            return place, None
        return place // len(self.variations), self.variations[place % len(self.variations)]

    def describe(self) -> dict[str, object]:
        """Everything the result depends on, for the manifest."""
        packages = ("numpy", "embreex", "opencv-python-headless")
        return {
            "generator": GENERATOR_VERSION,
            "packages": {name: _version(name) for name in packages},
            **asdict(self),
            "size": list(self.size),
            "variations": list(self.variations),
            "units_per_metre": UNITS[self.kind],
        }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"  # what needs it says so, where it is needed


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def as_json(content: object) -> str:
    """JSON as this package writes it."""
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
