"""Generated rooms and streets with exact depth, classes, instances and normals.

Nothing here is photographed or downloaded: everything is built from numbers and traced.
"""

from leadline.worlds.cache import CACHE_VARIABLE, cached_folder, render_cached
from leadline.worlds.camera import Camera
from leadline.worlds.classes import CLASS_SETS, CLASSES, class_map
from leadline.worlds.grammar.room_kinds import ROOM_KINDS
from leadline.worlds.grammar.street.weather import VARIATIONS, VKITTI_VARIATIONS
from leadline.worlds.produce import Rendered, render_worlds
from leadline.worlds.render import QUALITIES
from leadline.worlds.sets import WorldSet
from leadline.worlds.sheet import contact_sheet, write_sheet
from leadline.worlds.view import KINDS, SKY_FAR, View, render_room, render_street, street_views

__all__ = [
    "CACHE_VARIABLE",
    "CLASSES",
    "CLASS_SETS",
    "KINDS",
    "QUALITIES",
    "ROOM_KINDS",
    "SKY_FAR",
    "VARIATIONS",
    "VKITTI_VARIATIONS",
    "Camera",
    "Rendered",
    "View",
    "WorldSet",
    "cached_folder",
    "class_map",
    "contact_sheet",
    "render_cached",
    "render_room",
    "render_street",
    "render_worlds",
    "street_views",
    "write_sheet",
]
