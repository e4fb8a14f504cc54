"""Networks: encoders, blocks, one file per system. Listing needs no torch; building does."""

from typing import TYPE_CHECKING, Any

from leadline.models.catalog import CATALOG, ModelInfo
from leadline.models.config import ModelConfig

if TYPE_CHECKING:
    from leadline.models.base import DepthModel
    from leadline.models.build import create_model, load_model

__all__ = [
    "CATALOG",
    "DepthModel",
    "ModelConfig",
    "ModelInfo",
    "create_model",
    "load_model",
]


def __getattr__(name: str) -> Any:
    if name == "DepthModel":
        from leadline.models.base import DepthModel

        return DepthModel
    if name in {"create_model", "load_model"}:
        from leadline.models import build

        return getattr(build, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
