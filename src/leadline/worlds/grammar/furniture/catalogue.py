"""The catalogue of furniture: a new piece needs a function and a row."""

from __future__ import annotations

from leadline.worlds.grammar.furniture import (
    bath,
    beds,
    kitchen,
    lamps,
    plants,
    seating,
    storage,
    tables,
)
from leadline.worlds.grammar.furniture.piece import Piece, Size
from leadline.worlds.randomness import stream
from leadline.worlds.scene import Builder

DESIGNS = 40
"""Number of designs of a piece in a split; splits have different designs."""

FURNITURE: dict[str, Piece] = {
    "sofa": Piece(seating.random_sofa, "sofa", (1.4, 2.6), (0.8, 1.0), 0.5, True),
    "armchair": Piece(seating.random_sofa, "sofa", (0.7, 0.95), (0.75, 0.95), 0.5, True),
    "chair": Piece(seating.random_chair, "chair", (0.5, 0.6), (0.55, 0.65), 0.3, True),
    "stool": Piece(seating.stool, "chair", (0.4, 0.5), (0.4, 0.5), 0.1, True),
    "pouf": Piece(seating.pouf, "chair", (0.4, 0.6), (0.4, 0.6), 0.1, True),
    "bench": Piece(seating.bench, "chair", (0.9, 2.0), (0.4, 0.45), 0.3, True),
    "coffee table": Piece(tables.random_coffee_table, "table", (0.7, 1.3), (0.45, 0.75), 0.3, True),
    "side table": Piece(tables.random_side_table, "table", (0.42, 0.5), (0.42, 0.5), 0.1, True),
    "dining set": Piece(
        tables.dining_set, "table", (1.8, 3.0), (1.65, 2.0), 0.1, True, place="centre"
    ),
    "desk": Piece(tables.desk, "desk", (1.0, 1.8), (1.35, 1.5), 0.1, True),
    "lectern": Piece(tables.lectern, "desk", (1.2, 1.6), (1.3, 1.5), 0.2, True),
    "bookshelf": Piece(storage.bookshelf, "bookshelf", (0.5, 2.0), (0.24, 0.38)),
    "wardrobe": Piece(storage.wardrobe, "cabinet", (0.8, 2.4), (0.5, 0.65), 0.5),
    "chest": Piece(storage.chest, "dresser", (0.5, 1.6), (0.4, 0.55), 0.4, True),
    "sideboard": Piece(storage.sideboard, "cabinet", (1.0, 2.2), (0.36, 0.5), 0.4, True),
    "night stand": Piece(storage.night_stand, "night stand", (0.38, 0.55), (0.36, 0.45), 0.2, True),
    "metal cabinet": Piece(storage.metal_cabinet, "cabinet", (0.7, 1.6), (0.4, 0.5)),
    "rack": Piece(storage.rack, "shelves", (0.8, 1.8), (0.35, 0.55)),
    "coat stand": Piece(storage.coat_stand, "structure", (0.5, 0.6), (0.5, 0.6), 0.1),
    "boxes": Piece(storage.cardboard_boxes, "box", (0.6, 1.6), (0.4, 0.6), 0.1, True),
    "bed": Piece(beds.bed, "bed", (0.9, 1.9), (2.05, 2.2), 0.5, True),
    "bunk bed": Piece(beds.bunk_bed, "bed", (0.95, 1.05), (2.05, 2.15), 0.5),
    "counter": Piece(kitchen.counter, "counter", (1.2, 3.6), (0.62, 0.64), 0.7),
    "refrigerator": Piece(kitchen.refrigerator, "refrigerator", (0.58, 0.75), (0.62, 0.72), 0.5),
    "cooker": Piece(kitchen.cooker, "counter", (0.62, 0.66), (0.62, 0.66), 0.5, True),
    "bin": Piece(kitchen.bin_, "object", (0.4, 0.45), (0.4, 0.45), 0.1, True),
    "toilet": Piece(bath.toilet, "toilet", (0.7, 0.8), (0.7, 0.75), 0.4, True),
    "wash basin": Piece(bath.wash_basin, "sink", (0.5, 1.1), (0.48, 0.52), 0.5),
    "bathtub": Piece(bath.bathtub, "bathtub", (1.5, 1.8), (0.72, 0.82), 0.4, True),
    "shower": Piece(bath.shower, "structure", (0.8, 1.1), (0.8, 1.0), 0.4, place="corner"),
    "towel rail": Piece(bath.towel_rail, "structure", (0.45, 0.7), (0.12, 0.2), 0.3),
    "laundry basket": Piece(bath.laundry_basket, "object", (0.35, 0.5), (0.35, 0.5), 0.1, True),
    "floor lamp": Piece(lamps.floor_lamp, "lamp", (0.45, 0.5), (0.45, 0.5), 0.1),
    "reading lamp": Piece(lamps.arc_lamp, "lamp", (0.4, 0.5), (0.5, 0.6), 0.1),
    "plant": Piece(plants.plant, "plant", (0.45, 0.7), (0.45, 0.7), 0.1, True),
}


def place_piece(b: Builder, name: str, size: Size, design: int | None = None) -> None:
    """Put a piece at the builder's place, in one of its split's designs."""
    number = int(b.look.rng.integers(DESIGNS)) if design is None else design
    shaped = b.shaped(stream("design", name, b.look.split, number))
    piece = FURNITURE[name]
    # The parts of a set are objects with names of their own.
    if name in ("dining set",):
        piece.build(shaped, size)
    else:
        piece.build(shaped.item(name, piece.cls), size)
