"""How much work goes into a picture: two named qualities of one renderer."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.errors import LeadlineError


@dataclass(frozen=True)
class Quality:
    """Samples, bounces and smoothing of a picture; depth and ids do not depend on it.

    With one sample a pixel the ray goes through its centre and outlines are antialiased by four
    more; with several, each goes through a random point of the pixel. `bounce_rays` leave every
    sample's surface, and their light bounces `bounces` times. `*_steps` are the distances in
    pixels over which direct, bounced and mirrored light are smoothed within a surface. Mirror
    images weaker than the share `faintest_mirror` are left out.
    """

    name: str
    samples: int
    bounce_rays: int
    bounces: int
    tile_size: int
    direct_steps: tuple[int, ...]
    bounced_steps: tuple[int, ...]
    mirror_steps: tuple[int, ...]
    faintest_mirror: float


QUALITIES: dict[str, Quality] = {
    "training": Quality("training", 1, 1, 1, 256, (1, 2), (1, 2, 4, 8, 16), (1, 2), 0.05),
    "picture": Quality("picture", 40, 1, 2, 512, (1,), (1, 2, 4), (1,), 0.02),
}


def quality(name: str | Quality) -> Quality:
    """Return a quality by name; a `Quality` passes through. LeadlineError for an unknown name."""
    if isinstance(name, Quality):
        return name
    if name not in QUALITIES:
        raise LeadlineError(f"unknown quality {name!r}; choose one of {', '.join(QUALITIES)}")
    return QUALITIES[name]
