"""Beds with their bedding."""

from __future__ import annotations

from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.grammar.furniture.seating import throw_pillow
from leadline.worlds.primitives import block, cylinder, rounded_box, slab
from leadline.worlds.scene import Builder


def bed(b: Builder, size: Size) -> None:
    """Bed with its head at the wall (+y), made or left unmade."""
    rng, place = b.rng, b.look.rng
    w, long = size.width, size.depth - 0.05
    frame, h = b.look.wood() if rng.random() < 0.65 else b.look.cloth(), rng.uniform(0.24, 0.36)
    y0, y1 = -long / 2, long / 2
    b.add(slab((-w / 2, y0, h - 0.16), (w / 2, y1, h), 0.01), frame)
    for x in (-w / 2 + 0.06, w / 2 - 0.06):
        for y in (y0 + 0.06, y1 - 0.06):
            b.add(cylinder(0.03, h - 0.16, 8).moved(x, y), frame)
    head = rng.uniform(0.75, 1.25)
    board = rounded_box((w + 0.04, 0.06, head - 0.15), 0.02, 0.01 if rng.random() < 0.4 else 0)
    b.add(board.moved(0, y1 + 0.01, 0.15 + (head - 0.15) / 2), frame)
    if rng.random() < 0.3:
        b.add(slab((-w / 2, y0 - 0.04, 0.1), (w / 2, y0, h + 0.25)), frame)
    thick = rng.uniform(0.16, 0.26)
    mattress = rounded_box((w - 0.03, long - 0.04, thick), 0.05, 0.01)
    b.add(mattress.moved(0, 0, h + thick / 2), b.look.linen())
    top = h + thick
    cover, spread = b.look.linen(), place.uniform(0.55, 0.8)
    blanket = rounded_box((w + 0.06, long * spread, 0.09), 0.04, 0.02)
    b.add(blanket.moved(0, y0 + long * spread / 2 - 0.03, top + 0.02), cover)
    for side in (-1, 1):
        hang = rounded_box((0.04, long * spread - 0.05, thick + 0.06), 0.018)
        at = hang.moved(side * (w / 2 + 0.015), y0 + long * spread / 2 - 0.03, top - thick / 2)
        b.add(at, cover)
    if place.random() < 0.5:  # folded over, or lying in a heap
        fold = rounded_box((w * place.uniform(0.6, 1), 0.4, 0.1), 0.045, 0.03)
        turned = fold.turned(place.normal(0, 12))
        b.add(turned.moved(place.normal(0, 0.1), y0 + long * spread - 0.1, top + 0.08), cover)
    _pillows(b, w, y1, top)


def _pillows(b: Builder, w: float, y1: float, top: float) -> None:
    place = b.look.rng
    cloth = b.look.linen()
    for x in (0.0,) if w < 1.2 else (-w / 4, w / 4):
        soft = rounded_box((0.58, 0.38, 0.14), 0.06, 0.03).turned(place.uniform(5, 35), "x")
        spot = b.placed(x, y1 - 0.27, top + 0.11, turn=place.normal(0, 7)).item("pillow", "pillow")
        spot.add(soft, cloth)
    for _ in range(int(place.integers(0, 3))):
        x = place.uniform(-0.35, 0.35) * w
        spot = b.placed(x, y1 - 0.48, top + 0.04, turn=place.normal(0, 12))
        throw_pillow(spot.item("cushion", "pillow"), b.look.linen(), 35, place.uniform(0.3, 0.42))


def bunk_bed(b: Builder, size: Size) -> None:
    """Bunk bed with a ladder."""
    w, long, wood = size.width, size.depth - 0.05, b.look.wood()
    h = min(size.height - 0.25, 1.75)
    for x in (-w / 2 + 0.03, w / 2 - 0.03):
        for y in (-long / 2 + 0.03, long / 2 - 0.03):
            b.add(block((x - 0.03, y - 0.03, 0), (x + 0.03, y + 0.03, h)), wood)
    for z in (0.3, h - 0.4):
        b.add(slab((-w / 2 + 0.03, -long / 2, z - 0.12), (w / 2 - 0.03, long / 2, z)), wood)
        soft = rounded_box((w - 0.1, long - 0.1, 0.14), 0.05, 0.01)
        b.add(soft.moved(0, 0, z + 0.07), b.look.linen())
        cover = rounded_box((w - 0.06, long * 0.6, 0.08), 0.035, 0.02)
        b.add(cover.moved(0, -0.2 * long + 0.05, z + 0.15), b.look.linen())
        pillow = rounded_box((0.5, 0.34, 0.12), 0.05, 0.03).moved(0, long / 2 - 0.25, z + 0.2)
        b.item("pillow", "pillow").add(pillow, b.look.linen())
    for k in range(5):
        z = 0.3 + k * (h - 0.6) / 4
        b.add(block((w / 2, -long / 2 + 0.1, z), (w / 2 + 0.03, -long / 2 + 0.5, z + 0.03)), wood)
