#!/usr/bin/env python3
"""Draw docs/images/worlds_rooms.png and worlds_streets.png: the first views of seed 1, unpicked.

python scripts/draw_worlds_pictures.py
"""

from __future__ import annotations

from pathlib import Path

from leadline.worlds import contact_sheet, render_room, render_street, write_sheet

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SEED, COUNT, SIZE = 1, 12, (120, 160)


def main() -> None:
    """Write both pictures."""
    panels = ("image", "depth")
    rooms = (render_room(SEED, index, size=SIZE) for index in range(COUNT))
    write_sheet(IMAGES / "worlds_rooms.png", contact_sheet(rooms, columns=3, panels=panels))
    streets = (render_street(SEED, index, index % 4, size=SIZE) for index in range(COUNT))
    sheet = contact_sheet(streets, columns=3, panels=panels, far=80.0)
    write_sheet(IMAGES / "worlds_streets.png", sheet)


if __name__ == "__main__":
    main()
