"""Run what a light install is for, to see that the oldest versions that it allows will do.

    make oldest

makes an environment of the lowest versions in pyproject.toml (the light install and the extras
beside it, no torch) and runs this in it. Prints each command and ends with status 1 where one
fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTO, DEPTH = EXAMPLES / "room.jpg", EXAMPLES / "room_depth.png"

COMMANDS = (
    "--help",
    "predict --help",
    "doctor",
    "recipes",
    "protocols",
    "layouts",
    "predict room.jpg -o depth --color --ply --mesh --normals --uncertainty",
    "predict room.jpg -o exr --format exr",
    "convert exr -o npz --to npz",
    "measure room.jpg --at 320,240",
    "calibrate room.jpg --point 320,240=2.4 -o calibrated",
    "check-data pairs",
    "evaluate --model crisp-nyu --data pairs --split all --no-baselines -o sharp",
    "evaluate --model compact-nyu --data pairs --split all --no-baselines -o soft",
    "compare sharp soft --panel panel.png",
    "convert pairs -o shards --to shards",
    "benchmark crisp-nyu --rounds 3",
)
MAY_FAIL = ("doctor",)
"""It has status 1 where something optional is missing."""


def main() -> int:
    """Run the commands one after the other in a folder that is then removed."""
    leadline = [sys.executable, "-m", "leadline"]
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copyfile(PHOTO, work / "room.jpg")
        (work / "pairs").mkdir()
        shutil.copyfile(PHOTO, work / "pairs" / "a.jpg")
        shutil.copyfile(DEPTH, work / "pairs" / "a_depth.png")
        for command in COMMANDS:
            done = subprocess.run(
                [*leadline, *command.split()],
                cwd=work,
                env={**os.environ, "LEADLINE_CACHE": str(work / "cache")},
                capture_output=True,
                text=True,
                check=False,
            )
            is_well = done.returncode == 0 or command in MAY_FAIL
            print(f"{'ok    ' if is_well else 'FAILED'}  leadline {command}", flush=True)
            if not is_well:
                failed.append(command)
                print(done.stderr[-2000:], file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
