"""How the weights of a network are stored in a file: as they are, or the large ones in float16."""

from typing import Literal

WeightType = Literal["f32", "fp16"]
"""How weights are stored; fp16 halves the size of a file."""

SMALLEST_HALVED = 1024
"""Tensors with fewer numbers stay float32: they cost nothing and hold biases and scales."""
