"""The kinds of rooms; a new kind needs a row."""

from __future__ import annotations

from typing import NamedTuple

Range = tuple[float, float]


class RoomKind(NamedTuple):
    """A kind of room: sizes in metres, furniture, lighting and finishes.

    `width`, `depth`, `height` are ranges; `first` pieces are placed before the others, `fill` are
    drawn until the walls are full to a share within `full`; `centre` lists furniture in the
    middle; `walls` and `floors` list finishes, `hung` wall objects, `lamps` the kinds of
    ceiling lamp, `litter` the number of objects on the floor (up to twice as many if there is
    room), `loose` the loose pieces. `weight` is the frequency of the kind.
    """

    weight: float
    width: Range
    depth: Range
    height: Range
    first: tuple[str, ...]
    fill: tuple[str, ...]
    full: Range
    centre: tuple[str, ...]
    walls: tuple[str, ...]
    floors: tuple[str, ...]
    hung: tuple[str, ...]
    lamps: tuple[str, ...]
    notched: float = 0.15
    windows: float = 0.38
    litter: Range = (1, 9)
    loose: tuple[str, ...] = ("chair", "armchair", "side table", "pouf", "stool", "chair",
                              "coffee table", "coffee table", "sofa", "plant")  # fmt: skip


_HOME_WALLS = ("paint",) * 8 + ("paper", "paper", "wood", "brick")
_HOME_FLOORS = ("wood", "wood", "wood", "carpet", "carpet", "tiles", "sheet")
_HOME_HUNG = ("picture", "picture", "picture", "small pictures", "mirror", "clock", "wall shelf",
              "switch", "coat hooks", "map", "vent", "notice board", "wall shelf")  # fmt: skip
_HOME_LAMPS = ("disc", "pendant", "pendant", "spots", "none")

ROOM_KINDS: dict[str, RoomKind] = {
    "bedroom": RoomKind(
        22, (2.5, 4.8), (2.7, 5.2), (2.3, 2.9), ("bed", "night stand", "wardrobe"),
        ("chest", "desk", "bookshelf", "chair", "floor lamp", "night stand", "plant", "armchair",
         "laundry basket", "wardrobe", "coat stand", "sideboard", "chest", "wardrobe"), (0.7, 1.0),
        ("rug", "none"), _HOME_WALLS, _HOME_FLOORS, _HOME_HUNG, _HOME_LAMPS, 0.12, 0.4, (4, 18),
    ),
    "children's room": RoomKind(
        6, (2.4, 4.2), (2.6, 4.6), (2.3, 2.8), ("bunk bed", "desk"),
        ("bookshelf", "chest", "boxes", "pouf", "wardrobe", "chair", "plant", "bookshelf"),
        (0.7, 1.0), ("rug",), _HOME_WALLS, _HOME_FLOORS, _HOME_HUNG, _HOME_LAMPS, 0.1, 0.4,
        (8, 26),
    ),
    "living room": RoomKind(
        18, (3.0, 6.8), (3.4, 7.5), (2.3, 3.1), ("sofa", "sideboard"),
        ("bookshelf", "armchair", "plant", "floor lamp", "side table", "sofa", "chest", "desk",
         "bookshelf", "reading lamp", "sideboard", "dining set", "sideboard", "sofa"), (0.65, 1.0),
        ("coffee table", "coffee table", "rug", "dining set"), _HOME_WALLS, _HOME_FLOORS,
        (*_HOME_HUNG, "wall television", "air conditioner"), _HOME_LAMPS, 0.25, 0.42, (3, 16),
    ),
    "dining room": RoomKind(
        8, (2.8, 5.2), (3.0, 6.0), (2.3, 3.1), (),
        ("sideboard", "chest", "bookshelf", "wardrobe", "chair", "sideboard", "armchair", "bench"),
        (0.5, 0.95), ("dining set",), _HOME_WALLS, _HOME_FLOORS, _HOME_HUNG,
        ("pendant", "pendant", "disc", "spots"), 0.2, 0.45, (1, 8),
    ),
    "kitchen": RoomKind(
        14, (2.0, 4.6), (2.4, 5.2), (2.3, 2.8), ("counter", "refrigerator", "cooker", "counter"),
        ("counter", "cooker", "wardrobe", "bin", "stool", "rack", "sideboard", "counter"),
        (0.7, 1.0),
        ("none", "none", "dining set"), ("paint", "paint", "paint", "tiles", "paper"),
        ("tiles", "tiles", "sheet", "wood"),
        ("clock", "wall shelf", "picture", "switch", "notice board", "vent", "wall shelf"),
        ("disc", "spots", "panel", "pendant"), 0.15, 0.45, (1, 7),
    ),
    "bathroom": RoomKind(
        9, (1.5, 3.2), (1.7, 3.6), (2.2, 2.7), ("wash basin", "toilet", "bathtub"),
        ("shower", "towel rail", "laundry basket", "sideboard", "chest", "bin", "stool",
         "wash basin"), (0.75, 1.0), ("rug", "none"), ("tiles", "tiles", "tiles", "paint"),
        ("tiles", "tiles", "sheet"), ("mirror", "picture", "wall shelf", "switch", "vent",
        "coat hooks"), ("disc", "spots", "panel"), 0.1, 0.3, (1, 8),
    ),
    "office": RoomKind(
        12, (2.4, 7.0), (2.8, 8.5), (2.4, 3.2), ("desk", "desk"),
        ("desk", "desk", "bookshelf", "metal cabinet", "wardrobe", "plant", "rack", "chair", "bin",
         "coat stand", "sideboard", "desk"), (0.7, 1.0), ("none", "desks", "dining set"),
        ("paint",) * 6 + ("concrete", "wood"), ("carpet", "carpet", "sheet", "wood"),
        ("whiteboard", "notice board", "picture", "clock", "map", "switch", "air conditioner",
         "wall television", "extinguisher", "vent"), ("panel", "panel", "tubes", "spots"), 0.2,
        0.5, (2, 14),
    ),
    "class room": RoomKind(
        5, (5.0, 8.5), (5.5, 10.5), (2.6, 3.4), ("lectern",),
        ("metal cabinet", "bookshelf", "plant", "rack", "boxes", "bin"), (0.25, 0.7), ("classes",),
        ("paint",) * 6 + ("brick", "concrete"), ("sheet", "sheet", "wood", "carpet"),
        ("whiteboard", "whiteboard", "map", "notice board", "picture", "clock", "switch"),
        ("panel", "tubes", "tubes"), 0.05, 0.55, (1, 10),
    ),
    "corridor": RoomKind(
        5, (1.2, 2.4), (5.0, 12.0), (2.3, 3.2), (),
        ("bench", "plant", "metal cabinet", "chair", "coat stand", "wardrobe", "bookshelf", "chest",
         "bin"), (0.1, 0.45), ("none", "rug"), ("paint",) * 5 + ("concrete", "wood", "brick"),
        ("sheet", "tiles", "carpet", "wood"),
        ("picture", "notice board", "extinguisher", "switch", "clock", "coat hooks", "vent"),
        ("panel", "disc", "tubes", "spots"), 0.25, 0.15, (1, 7),
    ),
    "hall": RoomKind(
        5, (6.0, 12.0), (7.0, 12.0), (2.8, 4.8), (),
        ("bench", "plant", "sofa", "bookshelf", "rack", "metal cabinet", "boxes", "armchair",
         "sideboard", "chair"), (0.25, 0.7), ("tables", "tables", "classes", "lounge", "desks"),
        ("paint",) * 5 + ("concrete", "brick", "wood"), ("sheet", "tiles", "carpet", "wood"),
        ("picture", "whiteboard", "notice board", "extinguisher", "clock", "map", "vent",
         "wall television"), ("panel", "tubes", "pendant", "spots"), 0.3, 0.5, (2, 18),
    ),
    "store": RoomKind(
        5, (2.2, 5.0), (2.4, 6.5), (2.3, 3.2), ("rack",),
        ("rack", "boxes", "metal cabinet", "rack", "boxes", "bookshelf", "wardrobe", "chair",
         "bin", "coat stand"), (0.75, 1.0), ("none", "tables"),
        ("paint", "paint", "concrete", "brick", "old"), ("sheet", "sheet", "wood", "carpet"),
        ("switch", "clock", "extinguisher", "coat hooks", "vent", "notice board"),
        ("tubes", "disc", "panel"), 0.15, 0.25, (5, 22),
    ),
}  # fmt: skip
