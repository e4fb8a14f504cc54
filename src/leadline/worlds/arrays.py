"""The one array type of this package; every docstring says shapes and units."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Colour = tuple[float, float, float]
"""Linear RGB reflectance or radiance."""
