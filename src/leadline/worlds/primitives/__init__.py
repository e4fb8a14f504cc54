"""Triangle meshes of simple shapes, in metres."""

from leadline.worlds.primitives.mesh import (
    Mesh,
    cross,
    face_normals,
    join,
    repeated,
    rotation,
    unit,
)
from leadline.worlds.primitives.soft import blob, ground, leaf_blade, leaves, pillow, sheet
from leadline.worlds.primitives.solids import (
    ball,
    block,
    box,
    cylinder,
    extruded,
    lathe,
    rounded_box,
    slab,
    tube,
)

__all__ = [
    "Mesh",
    "ball",
    "blob",
    "block",
    "box",
    "cross",
    "cylinder",
    "extruded",
    "face_normals",
    "ground",
    "join",
    "lathe",
    "leaf_blade",
    "leaves",
    "pillow",
    "repeated",
    "rotation",
    "rounded_box",
    "sheet",
    "slab",
    "tube",
    "unit",
]
