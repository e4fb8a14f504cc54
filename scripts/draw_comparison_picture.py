"""Draw docs/images/compare.png: two answers about the example room, side by side with the truth.

The second answer is the shipped model's on the photograph made smaller first, to 160x120.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

import leadline
from leadline.io import read_photo

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Score both answers and write the picture."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        for name, file in (("rgb/room.jpg", "room.jpg"), ("depth/room.png", "room_depth.png")):
            (data / name).parent.mkdir(parents=True)
            shutil.copy(ROOT / "examples" / file, data / name)
        small = Path(folder) / "from 160x120"
        small.mkdir()
        photo = cv2.resize(
            read_photo(data / "rgb" / "room.jpg").pixels, (160, 120), interpolation=cv2.INTER_AREA
        )
        np.save(small / "room.npy", leadline.load()(np.asarray(photo, dtype=np.uint8)).depth)
        command("evaluate", "--model", "crisp-nyu", "--data", data, "-o", f"{folder}/full")
        command("evaluate", "--pred-dir", small, "--data", data, "-o", f"{folder}/small")
        command(
            "compare", f"{folder}/full", f"{folder}/small", "--no-published", "--errors",
            "--panel", ROOT / "docs" / "images" / "compare.png",
        )  # fmt: skip


def command(*arguments: object) -> None:
    """Run `leadline ARGUMENTS`."""
    run = "from leadline.cli import main; main()"
    subprocess.run([sys.executable, "-c", run, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
