"""Rooms: a kind, a plan, furniture along the walls and in the middle, clutter, light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.worlds.grammar import clutter
from leadline.worlds.grammar.furniture.catalogue import DESIGNS, FURNITURE, place_piece
from leadline.worlds.grammar.furniture.openings import radiator
from leadline.worlds.grammar.furniture.piece import Size
from leadline.worlds.grammar.furniture.tables import random_table, school_desk
from leadline.worlds.grammar.furniture.walls import WALL_PIECES
from leadline.worlds.grammar.lighting import ambient_of, draw_mood, hang_lamps, sun_through
from leadline.worlds.grammar.plan import Plan, Rect, Wall, draw_plan
from leadline.worlds.grammar.room_kinds import ROOM_KINDS, RoomKind
from leadline.worlds.grammar.shell import build_shell, cut_openings, furnish_openings, room_behind
from leadline.worlds.materials import Palette
from leadline.worlds.primitives import box, rounded_box
from leadline.worlds.randomness import Seeds, stream
from leadline.worlds.scene import Builder, Light, Scene


@dataclass(frozen=True, eq=False)
class Room:
    """A furnished room: its `kind`, the `scene`, and the `plan` with its free space."""

    kind: str
    scene: Scene
    plan: Plan


def build_room(seeds: Seeds, kind: str | None = None) -> Room:
    """Build the room of `seeds`; `kind` is a key of ROOM_KINDS, by default random."""
    layout = seeds.stream("layout")
    name = kind or _draw_kind(layout)
    row = ROOM_KINDS[name]
    plan = _draw_room_plan(layout, row)
    behind = cut_openings(layout, plan, row.windows, 1 + int(layout.random() < 0.35), 0.5)
    look = Palette(seeds.stream("materials"), seeds.split)
    b = Builder(layout, seeds.stream("offsets"), look)
    light = seeds.stream("light")
    windows = any(o.kind == "window" for wall in plan.walls for o in wall.openings)
    mood = draw_mood(light, windows)
    _finish(b, plan, row)
    furnish_openings(b, plan, mood.day)
    if behind is not None:
        lit = float(light.choice([0.0, light.uniform(8, 40)], p=[0.35, 0.65]))
        room_behind(b, *behind, plan.height, lit)
    hang_lamps(b.shaped(light), plan, row, mood)
    _fill_middle(b, plan, row)
    _furnish_walls(b, plan, row)
    _crowd(b, plan, row)
    _hang_things(b, plan, row)
    _litter(b, plan, row)
    lights: list[Light] = list(b.store.lights)
    ambient = ambient_of(lights, plan.surface)
    if mood.sun and (sun := sun_through(light, plan, mood.day.light)) is not None:
        b.store.lights.append(sun)
    return Room(name, b.finished(None, ambient), plan)


def _draw_kind(rng: np.random.Generator) -> str:
    weights = np.array([row.weight for row in ROOM_KINDS.values()])
    return list(ROOM_KINDS)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _draw_room_plan(rng: np.random.Generator, row: RoomKind) -> Plan:
    width, depth = float(rng.uniform(*row.width)), float(rng.uniform(*row.depth))
    if rng.random() < 0.5:
        width, depth = depth, width
    notched = bool(rng.random() < row.notched) and min(width, depth) > 1.9
    return draw_plan(rng, width, depth, float(rng.uniform(*row.height)), notched)


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _finish(b: Builder, plan: Plan, row: RoomKind) -> None:
    """Build walls, floor and ceiling in materials of the kind."""
    rng, look = b.look.rng, b.look
    walls = look.wall(_one(rng, row.walls))
    feature = look.wall(_one(rng, ("paint", "paper", "wood", "brick")))
    build_shell(b, plan, walls, feature, look.floor(_one(rng, row.floors)), look.ceiling())
    if b.rng.random() < 0.08:  # beams
        wood = look.wood()
        beam = b.item("beam", "ceiling")
        for y in np.arange(0.4, plan.depth, b.rng.uniform(0.7, 1.4)):
            long = plan.width if plan.notch is None or y < plan.notch[2] else plan.notch[0]
            beam.add(box((long, 0.12, 0.14)).moved(long / 2, float(y), plan.height - 0.07), wood)


def _furnish_walls(b: Builder, plan: Plan, row: RoomKind) -> None:
    """Put furniture of the kind along the walls until they are filled as intended."""
    rng = b.rng
    for name in row.first:
        _try_piece(b, plan, name, tries=20)
    total = sum(wall.length for wall in plan.walls)
    goal = min(1.25 * rng.uniform(*row.full), 1.0) * total
    for _ in range(120):
        used = sum(x1 - x0 for wall in plan.walls for x0, x1, _ in wall.taken)
        if used > goal:
            break
        _try_piece(b, plan, _one(rng, row.fill), tries=8)
    for wall in plan.walls:
        for opening in wall.openings:
            if opening.kind == "window" and opening.z0 > 0.7 and rng.random() < 0.4:
                x0, x1 = opening.x0 + 0.05, min(opening.x1, opening.x0 + 1.4)
                if plan.is_free(rect := wall.ground(x0, x1, 0.15)):
                    plan.taken.append(rect)
                    at = wall.builder(b).placed((x0 + x1) / 2, 0)
                    radiator(at.item("radiator", "object"), b.look.white(), x1 - x0)


def _try_piece(b: Builder, plan: Plan, name: str, tries: int) -> bool:
    """Find space at a wall for a piece, and put it there."""
    rng, piece = b.rng, FURNITURE[name]
    for _ in range(tries):
        wall = plan.walls[int(rng.integers(len(plan.walls)))]
        width, depth = float(rng.uniform(*piece.width)), float(rng.uniform(*piece.depth))
        if wall.length < width:
            continue
        x = float(rng.uniform(0, wall.length - width))
        if piece.place == "corner" or rng.random() < 0.3:
            x = float(rng.choice([0.0, wall.length - width]))
        if not piece.low and wall.is_open(x, x + width, plan.height, ("window",)):
            continue
        if wall.is_open(x, x + width, plan.height, ("door", "open door", "arch")):
            continue
        stands = wall.ground(x, x + width, depth + 0.02)
        if plan.is_free(stands) and plan.is_free(wall.ground(x, x + width, depth + piece.front)):
            plan.taken.append(stands)
            wall.taken.append((x, x + width, 0.95 if piece.low else plan.height))
            at = wall.builder(b).placed(x + width / 2, -depth / 2 - 0.015)
            height = plan.height if not wall.is_open(x, x + width, 9, ("window",)) else 1.3
            place_piece(at, name, Size(width, depth, height))
            return True
    return False


def _middle(rng: np.random.Generator, plan: Plan, w: float, d: float) -> Rect | None:
    """Find a free rectangle of w by d somewhere in the room."""
    for _ in range(12):
        if plan.width < w or plan.depth < d:
            return None
        x, y = rng.uniform(0, plan.width - w), rng.uniform(0, plan.depth - d)
        if plan.is_free(rect := (x, x + w, y, y + d)):
            return rect
    return None


def _fill_middle(b: Builder, plan: Plan, row: RoomKind) -> None:
    """Add free-standing furniture: dining or coffee table, rows of desks, rug."""
    what = _one(b.rng, row.centre)
    if what in ("classes", "desks", "tables", "lounge"):
        _fill_rows(b, plan, what)
    elif what in ("dining set", "coffee table"):
        piece = FURNITURE[what]
        w, d = float(b.rng.uniform(*piece.width)), float(b.rng.uniform(*piece.depth))
        turned = bool(b.rng.random() < 0.5)
        margin = 0.75 if what == "coffee table" else 0.1
        sides = (d, w) if turned else (w, d)
        if rect := _middle(b.rng, plan, sides[0] + 2 * margin, sides[1] + 2 * margin):
            x, y = (rect[0] + rect[1]) / 2, (rect[2] + rect[3]) / 2
            stands = (x - sides[0] / 2, x + sides[0] / 2, y - sides[1] / 2, y + sides[1] / 2)
            at = b.placed(x, y, turn=90.0 * turned + b.rng.normal(0, 4))
            if b.rng.random() < 0.6:
                _rug(b.placed(x, y, turn=90.0 * turned), w + 0.6, d + 0.5)
            place_piece(at, what, Size(w, d, plan.height))
            plan.taken.append(stands)
    elif what == "rug":
        w, d = b.rng.uniform(0.8, 2.4), b.rng.uniform(0.6, 1.6)
        if rect := _middle(b.rng, plan, w, d):
            _rug(b.placed((rect[0] + rect[1]) / 2, (rect[2] + rect[3]) / 2), w, d)


def _rug(b: Builder, w: float, d: float) -> None:
    kinds = ("rug", "modern_rug", "pile", "stripes")
    kind = _one(b.look.rng, kinds)
    look = b.look.cloth()
    if kind == "rug":
        look = b.look.printed("rug", w, d, gloss=0.0)
    elif kind == "modern_rug":
        look = b.look.printed("modern_rug", w, d, gloss=0.0)
    turned = b.placed(0, 0, turn=b.look.rng.normal(0, 4)).item("rug", "rug")
    turned.add(rounded_box((w, d, 0.014), 0.005).moved(0, 0, 0.0072), look)


def _fill_rows(b: Builder, plan: Plan, what: str) -> None:
    """Add rows of school tables, office desks, tables with chairs, or sofas."""
    rng, design = b.rng, int(b.rng.integers(DESIGNS))
    w = rng.uniform(1.1, 1.5)
    step_x, step_y = {"classes": (w + 0.6, 1.35), "desks": (1.9, 2.1), "tables": (2.6, 2.6),
                      "lounge": (2.6, 2.2)}[what]  # fmt: skip
    margin, skip = rng.uniform(0.7, 1.3), rng.uniform(0, 0.35)
    for y in np.arange(margin + step_y / 2, plan.depth - margin - step_y / 4, step_y):
        for x in np.arange(margin + step_x / 2, plan.width - margin - step_x / 4, step_x):
            rect = (x - step_x / 2 + 0.2, x + step_x / 2 - 0.2, y - 0.8, y + 0.8)
            if rng.random() < skip or not plan.is_free(rect):
                continue
            plan.taken.append((x - w / 2, x + w / 2, y - 0.6, y + 0.6))
            at = b.placed(float(x), float(y), turn=float(rng.normal(0, 2)))
            _one_of_rows(at, what, w, design, plan.height)


def _one_of_rows(b: Builder, what: str, w: float, design: int, height: float) -> None:
    if what == "classes":
        shaped = b.shaped(stream("design", "school desk", b.look.split, design))
        school_desk(shaped, Size(w, 0.5, height))
    elif what == "desks":
        place_piece(b, "desk", Size(1.6, 1.45, height), design)
    elif what == "tables":
        place_piece(b, "dining set", Size(2.0, 1.75, height), design)
    else:
        place_piece(b.placed(0, 0.4), "armchair", Size(0.85, 0.85, height), design)
        table = b.placed(0, -0.5)
        shaped = table.shaped(stream("design", "lounge table", b.look.split, design))
        random_table(shaped.item("table", "table"), Size(0.7, 0.5, height), 0.42)


def _hang_things(b: Builder, plan: Plan, row: RoomKind) -> None:
    """Hang pictures, shelves, boards and switches on free wall."""
    rng = b.rng
    for wall in plan.walls:
        hung: list[tuple[float, float, float, float]] = []
        for _ in range(int(rng.integers(2, 4 + int(3.6 * wall.length)))):
            piece_name = _one(rng, row.hung)
            piece = WALL_PIECES[piece_name]
            w, h = float(rng.uniform(*piece.width)), float(rng.uniform(*piece.height))
            z = min(float(rng.uniform(*piece.middle)), plan.height - h / 2 - 0.08)
            if wall.length < w + 0.2:
                continue
            places = (float(rng.uniform(0.1, wall.length - w - 0.1)) for _ in range(3))
            spots = ((x, x + w, z - h / 2, z + h / 2) for x in places)
            free = (spot for spot in spots if _wall_is_free(wall, hung, spot))
            if (spot := next(free, None)) is not None:
                hung.append(spot)
                number = int(b.look.rng.integers(DESIGNS))
                shape = stream("design", piece_name, b.look.split, number)
                at = wall.builder(b).shaped(shape).placed(spot[0] + w / 2, 0, z)
                piece.build(at.item(piece_name, piece.cls), w, h)


def _wall_is_free(wall: Wall, hung: list[tuple[float, float, float, float]], spot: Rect) -> bool:
    x0, x1, z0, z1 = spot
    if any(x0 < o.x1 + 0.12 and x1 > o.x0 - 0.12 for o in wall.openings):
        return False
    if any(x0 < b and x1 > a and z0 < top + 0.15 for a, b, top in wall.taken):
        return False
    return not any(x0 < h[1] + 0.06 and x1 > h[0] - 0.06 and z0 < h[3] and z1 > h[2] for h in hung)


def _crowd(b: Builder, plan: Plan, row: RoomKind) -> None:
    """Add loose furniture anywhere in the room, at any heading."""
    rng = b.rng
    for _ in range(int(rng.uniform(0.1, 0.55) * plan.width * plan.depth)):
        name = _one(rng, row.loose)
        piece = FURNITURE[name]
        w, d = float(rng.uniform(*piece.width)), float(rng.uniform(*piece.depth))
        turn = float(rng.choice([0.0, 90.0, 180.0, 270.0]) + rng.normal(0, 12))
        wide = (w, d) if round(turn / 90) % 2 == 0 else (d, w)
        if rect := _middle(rng, plan, *wide):
            plan.taken.append(rect)
            at = b.placed((rect[0] + rect[1]) / 2, (rect[2] + rect[3]) / 2, turn=turn)
            place_piece(at, name, Size(0.92 * w, 0.92 * d, plan.height))


def _litter(b: Builder, plan: Plan, row: RoomKind) -> None:
    """Add objects on the floor, more often near the walls."""
    rng = b.rng
    for _ in range(int(rng.integers(int(row.litter[0]), 2 * int(row.litter[1]) + 1))):
        x, y = rng.uniform(0.25, plan.width - 0.25), rng.uniform(0.25, plan.depth - 0.25)
        name = _one(rng, clutter.FLOOR)
        r = clutter.THINGS[name].reach
        if plan.is_free(rect := (x - r, x + r, y - r, y + r)):
            plan.taken.append(rect)
            clutter.place_thing(b.placed(float(x), float(y), turn=float(rng.uniform(0, 360))), name)
