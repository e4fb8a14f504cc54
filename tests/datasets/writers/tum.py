"""A TUM RGB-D sequence: two lists of time stamps, 1/5000 metre."""

from collections.abc import Sequence
from pathlib import Path

from tests.datasets.writers.common import Scene, save, units


def write_tum(folder: Path, scenes: Sequence[Scene], lag: float = 0.008) -> Path:
    """Write scenes at 30 Hz, each depth frame `lag` seconds after its photograph."""
    lines: dict[str, list[str]] = {"rgb": [], "depth": []}
    for number, scene in enumerate(scenes):
        time = 1305031102.175304 + number / 30
        for kind, stamp in (("rgb", time), ("depth", time + lag)):
            name = f"{kind}/{stamp:.6f}.png"
            save(folder / name, scene.image if kind == "rgb" else units(scene.depth, 5000))
            lines[kind].append(f"{stamp:.6f} {name}")
    title = {"rgb": "color images", "depth": "depth maps"}
    for kind, rows in lines.items():
        head = [f"# {title[kind]}", f"# file: '{folder.name}.bag'", "# timestamp filename"]
        (folder / f"{kind}.txt").write_text("\n".join([*head, *rows]) + "\n")
    return folder
