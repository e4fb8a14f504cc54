"""Depth as pictures: colour maps with a scale in metres, panels, figures."""

from leadline.viz.color import COLORMAPS, colorize, robust_range

__all__ = ["COLORMAPS", "colorize", "robust_range"]
