"""The models that ship with the package."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
DEFAULT_MODEL = "compact-nyu"


@dataclass(frozen=True)
class ShippedEncoder:
    """An encoder inside a shipped model: its weights file and the input it expects."""

    name: str
    weights: Path
    normalization: str


def shipped_models() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(path.stem for path in FOLDER.glob("*.xml"))


def shipped_encoder(encoder: str) -> ShippedEncoder | None:
    """Return the shipped encoder called `encoder`, None if there is none."""
    return None
