"""From a scene and a camera to light, depth, classes, instances and normals."""

from leadline.worlds.render.quality import QUALITIES, Quality, quality
from leadline.worlds.render.render import Geometry, render, render_geometry
from leadline.worlds.render.tracer import Tracer

__all__ = ["QUALITIES", "Geometry", "Quality", "Tracer", "quality", "render", "render_geometry"]
