"""Shell of a room: floor, ceiling, walls with openings, and the room behind a door."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from leadline.worlds.arrays import Colour
from leadline.worlds.grammar.furniture import openings
from leadline.worlds.grammar.furniture.catalogue import FURNITURE, place_piece
from leadline.worlds.grammar.furniture.lamps import kelvin, times
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.grammar.plan import Opening, Plan, Wall
from leadline.worlds.materials import Material
from leadline.worlds.primitives import block, box
from leadline.worlds.scene import Builder

THICK = 0.15  # of walls, metres


@dataclass(frozen=True)
class Daytime:
    """Light through the windows: radiance of the view and of its illumination."""

    view: float
    light: Colour


def _slabs(plan: Plan, z0: float, z1: float) -> list[tuple[Colour, Colour]]:
    """Corners of the blocks under or over a plan."""
    t, w, d = THICK, plan.width, plan.depth
    if plan.notch is None:
        return [((-t, -t, z0), (w + t, d + t, z1))]
    x, y = plan.notch[0], plan.notch[2]
    return [((-t, -t, z0), (w + t, y, z1)), ((-t, y, z0), (x, d + t, z1))]


def build_shell(b: Builder, plan: Plan, walls: Material, feature: Material, floor: Material,
                ceiling: Material) -> None:  # fmt: skip
    """Build floor, ceiling, walls without their openings, skirting boards."""
    ground, roof = b.item("floor", "floor"), b.item("ceiling", "ceiling")
    for low, high in _slabs(plan, -0.1, 0.0):
        ground.add(block(low, high), floor)
    for low, high in _slabs(plan, plan.height, plan.height + 0.1):
        roof.add(block(low, high), ceiling)
    skirting = b.look.white() if b.look.rng.random() < 0.6 else b.look.wood()
    with_skirting = b.look.rng.random() < 0.85
    featured = int(b.look.rng.integers(len(plan.walls))) if b.look.rng.random() < 0.2 else -1
    for k, wall in enumerate(plan.walls):
        _wall(wall.builder(b).item("wall", "wall"), wall, plan.height,
              feature if k == featured else walls)  # fmt: skip
        if with_skirting:
            _skirting(wall.builder(b).item("skirting", "wall"), wall, skirting)


def _wall(b: Builder, wall: Wall, height: float, look: Material) -> None:
    """Build the blocks around the openings."""
    low = -THICK if wall.sealed[0] else 0.0
    # Where the room turns outwards, the next wall's end covers the part omitted here.
    high = wall.length + (THICK if wall.sealed[1] else -THICK)
    holes = wall.openings
    xs = sorted({low, high, *(o.x0 for o in holes), *(o.x1 for o in holes)})
    for x0, x1 in itertools.pairwise(xs):
        here = sorted((o.z0, o.z1) for o in holes if o.x0 <= x0 < o.x1)
        z = 0.0
        for z0, z1 in [*here, (height, height)]:
            if z0 - z > 1e-6:
                b.add(block((x0, 0, z), (x1, THICK, z0)), look)
            z = z1


def _skirting(b: Builder, wall: Wall, look: Material) -> None:
    h, d = 0.08, 0.014
    gaps = sorted((o.x0 - 0.08, o.x1 + 0.08) for o in wall.openings if o.z0 < 0.05)
    x = 0.0
    for x0, x1 in [*gaps, (wall.length, wall.length)]:
        if x0 - x > 0.02:
            b.add(block((x, -d, 0), (x0, 0, h)), look)
        x = x1


def furnish_openings(b: Builder, plan: Plan, day: Daytime) -> None:
    """Add windows with their curtains or blinds, and closed doors."""
    frame = b.look.white() if b.look.rng.random() < 0.7 else b.look.wood()
    leaf = b.look.white() if b.look.rng.random() < 0.5 else b.look.wood()
    cloth = b.look.linen()
    dressing = b.look.rng.random()
    for wall in plan.walls:
        w = wall.builder(b)
        for opening in wall.openings:
            middle, wide = (opening.x0 + opening.x1) / 2, opening.x1 - opening.x0
            at = w.placed(middle, 0, opening.z0)
            if opening.kind == "window":
                _window(at, opening, frame, day, plan.height)
                _dress(at, opening, cloth, dressing, plan.height)
            else:
                casing = at.item("door frame", "door")
                openings.door_frame(casing, leaf, wide, opening.z1, THICK)
            if opening.kind == "door":
                door = w.placed(middle - wide / 2, 0.03).item("door", "door")
                openings.door_leaf(door, leaf, b.look.metal(), wide, opening.z1)


def _window(at: Builder, opening: Opening, frame: Material, day: Daytime, height: float) -> None:
    wide, high = opening.x1 - opening.x0, opening.z1 - opening.z0
    view = Material(at.look.tile("outside"), (1, 1, 1), (wide, high), 0.04, 0.02, day.view,
                    fitted=True, shadow=False)  # fmt: skip
    item = at.item("window", "window")
    openings.window(item, frame, view, (wide, high), bars=int(wide > 1.0) + int(wide > 1.9))
    if max(day.light) > 0.05:
        openings.daylight(item, (wide, high), day.light)


def _dress(at: Builder, opening: Opening, cloth: Material, dressing: float, height: float) -> None:
    """Curtains, blinds or nothing, the same at every window of a room."""
    rng = at.look.rng
    wide, high = opening.x1 - opening.x0, opening.z1 - opening.z0
    top = min(height - opening.z0 - 0.05, high + 0.15)
    if dressing < 0.4:
        item = at.placed(0, -0.09).item("curtain", "curtain")
        floor_length = rng.random() < 0.6
        bottom = 0.04 - opening.z0 if floor_length else -0.15
        for side in (-1, 1):
            width = rng.uniform(0.12, 0.42) * wide + 0.08
            x = side * (wide / 2 + 0.1 - width / 2)
            openings.curtain(item.placed(x, 0), cloth, width, top, rng.uniform(0, 6), bottom)
        item.add(box((wide + 0.5, 0.025, 0.025)).moved(0, 0, top + 0.02), at.look.metal())
    elif dressing < 0.72:
        item = at.placed(0, -0.03).item("blinds", "blinds")
        drop = rng.uniform(0.2, 1.0) * high
        openings.blinds(item, at.look.white(), wide, high, drop, rng.uniform(-60, 60))
    elif dressing < 0.86:
        item = at.placed(0, -0.025).item("blind", "blinds")
        openings.roller_blind(item, cloth, wide + 0.06, high + 0.05, rng.uniform(0.1, 0.8) * high)


def room_behind(b: Builder, wall: Wall, opening: Opening, height: float, lit: float) -> None:
    """Build the room behind an open door or an arch: shell, lamp, some furniture."""
    rng = b.look.rng
    w = wall.builder(b)
    middle, deep = (opening.x0 + opening.x1) / 2, rng.uniform(1.6, 4.5)
    x0 = max(-0.3, middle - rng.uniform(0.8, 2.5))
    x1 = min(wall.length + 0.3, middle + rng.uniform(0.8, 2.5))
    y0, y1 = THICK, THICK + deep
    look = b.look.wall()
    ground = w.item("floor behind", "floor")
    ground.add(block((x0, y0, -0.1), (x1, y1, 0)), b.look.floor("wood"))
    w.item("ceiling behind", "ceiling").add(block((x0, y0, height), (x1, y1, height + 0.1)),
                                            b.look.ceiling())  # fmt: skip
    shell = w.item("wall behind", "wall")
    for low, high in (((x0 - 0.1, y0, 0), (x0, y1, height)), ((x1, y0, 0), (x1 + 0.1, y1, height)),
                      ((x0 - 0.1, y1, 0), (x1 + 0.1, y1 + 0.1, height))):  # fmt: skip
        shell.add(block(low, high), look)
    if x0 < 0:
        shell.add(block((x0, y0 - 0.01, 0), (0, y0, height)), look)
    centre = w.placed((x0 + x1) / 2, y1)
    names = ("bookshelf", "chest", "wardrobe", "plant", "boxes", "coat stand", "armchair")
    name = names[int(rng.integers(len(names)))]
    piece = FURNITURE[name]
    wide = min(float(rng.uniform(*piece.width)), x1 - x0 - 0.1)
    far = float(rng.uniform(*piece.depth))
    if wide >= piece.width[0] * 0.8 and far < deep - 0.8:
        place_piece(centre.placed(0, -far / 2 - 0.02), name, Size(wide, far, height))
    if opening.kind == "open door":
        angle = rng.uniform(60, 110)
        leaf = b.look.white() if rng.random() < 0.6 else b.look.wood()
        hinge = w.placed(opening.x0 + 0.02, THICK, turn=angle).item("open door", "door")
        openings.door_leaf(hinge, leaf, b.look.metal(), opening.x1 - opening.x0 - 0.04, opening.z1)
    if lit > 0:
        centre.lamp((0, -deep / 2, height - 0.3), 0.12, times(kelvin(rng.uniform(2700, 5500)), lit))


def cut_openings(
    rng: np.random.Generator, plan: Plan, windows: float, doors: int, arch: float
) -> tuple[Wall, Opening] | None:
    """Choose doors and windows; return the wall and opening that lead to another room."""
    behind: tuple[Wall, Opening] | None = None
    order = list(rng.permutation(len(plan.walls)))
    for _ in range(doors):
        wall = plan.walls[order[int(rng.integers(len(order)))]]
        wide = float(rng.uniform(0.75, 0.95))
        if wall.length < wide + 0.5:
            continue
        kind = "door"
        if behind is None and wall.outside and rng.random() < arch:
            kind = "open door" if rng.random() < 0.6 else "arch"
            wide = wide if kind == "open door" else float(rng.uniform(0.9, 1.8))
        if wall.length < wide + 0.5:
            continue
        x = float(rng.uniform(0.25, wall.length - wide - 0.25))
        if any(x < o.x1 + 0.3 and x + wide > o.x0 - 0.3 for o in wall.openings):
            continue
        opening = Opening(kind, x, x + wide, 0.0, float(rng.uniform(1.98, 2.1)))
        wall.openings.append(opening)
        plan.taken.append(wall.ground(x - 0.05, x + wide + 0.05, 0.75))
        if kind != "door":
            behind = (wall, opening)
    for wall in plan.walls:
        if rng.random() < windows and (behind is None or wall is not behind[0]):
            _cut_windows(rng, wall, plan.height)
    return behind


def _cut_windows(rng: np.random.Generator, wall: Wall, height: float) -> None:
    """Cut one window or a regular row, away from doors."""
    count = max(1, int(rng.uniform(0.15, 0.5) * wall.length)) if wall.length > 2.5 else 1
    pitch = wall.length / count
    low = float(rng.choice([rng.uniform(0.75, 1.1), rng.uniform(0.05, 0.3)], p=[0.85, 0.15]))
    high = min(height - 0.2, low + float(rng.uniform(0.9, 1.5)) + (0.8 if low < 0.5 else 0))
    wide = float(rng.uniform(0.6, max(0.61, min(2.2, pitch - 0.35))))
    for k in range(count):
        x = (k + 0.5) * pitch - wide / 2
        clear = not any(x < o.x1 + 0.2 and x + wide > o.x0 - 0.2 for o in wall.openings)
        if clear and x > 0.2 and x + wide < wall.length - 0.2:
            wall.openings.append(Opening("window", x, x + wide, low, high))
