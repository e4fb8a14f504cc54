"""Kills, full disks, read-only folders and two at once: nothing half is ever taken as whole.

    python benchmarks/faults.py --data $LEADLINE_DATA/nyu_labeled_train --kills 5

Each command is started on a few pairs of the data and killed (SIGKILL) at a random moment. Then its
output is looked at: it is whole, or it is refused, or there is none; and the same command run again
must end well and leave no temporary file. A full disk is a limit on the size of files; its one line
must name the output. The same seed kills at the same shares of a command's time.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

QUICK = (
    "model.encoder_weights=none", "data.area=6144", "data.batch_size=2", "data.workers=0",
    "trainer.precision=fp32", "trainer.max_steps=6", "trainer.checkpoint_every_steps=1",
)  # fmt: skip
PAIRS = 8
FILE_LIMIT = 3000
"""Bytes that a file may have on the full disk."""


@dataclass(frozen=True)
class Command:
    """A command with its output `out`; `check` says whether what is there is whole."""

    name: str
    arguments: tuple[str, ...]
    out: Path
    check: Callable[[Path], object]
    again: tuple[str, ...] | None = None


def run(arguments: tuple[str, ...], limit: int | None = None) -> subprocess.Popen[str]:
    """Start a command, with a limit on the size of its files in place of a full disk."""

    def restrict() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return subprocess.Popen(
        [sys.executable, "-m", "leadline", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=restrict,  # noqa: PLW1509  nothing of this process runs in the child
    )


def commands(data: Path, folder: Path) -> list[Command]:
    """Return the commands that write something which others read."""
    from leadline.datasets.open import open_data
    from leadline.evaluation.result import Result
    from leadline.inference import Predictor

    settings = tuple(part for each in QUICK for part in ("--set", each))
    depth = str(data / "depth")
    evaluated, run_folder, shards = folder / "result", folder / "run", folder / "shards"
    expanded = folder / "expanded"
    files = ("--pred-dir", depth, "--pred-scale", "1000")
    train = ("train", "--recipe", "compact", "--data", str(data), "-o", str(run_folder), *settings)
    return [
        Command(
            "evaluate -o",
            ("evaluate", *files, "--data", str(data), "--split", "all", "-o", str(evaluated)),
            evaluated,
            Result.load,
        ),
        Command(
            "convert --to shards",
            ("convert", str(data), "-o", str(shards), "--to", "shards"),
            shards,
            open_data,
        ),
        Command("expand", ("expand", str(data), "-o", str(expanded)), expanded, open_data),
        Command(
            "train",
            train,
            run_folder,
            Predictor.load,
            ("train", "--resume", str(run_folder)),
        ),
        Command(
            "predict",
            ("predict", str(data / "rgb"), "-o", str(folder / "predicted"), "--skip-existing"),
            folder / "predicted",
            check_predictions,
        ),
    ]


def check_predictions(out: Path) -> None:
    """Raise LeadlineError unless every picture has a depth file that can be read."""
    from leadline.errors import LeadlineError
    from leadline.io import read_depth

    files = sorted(out.glob("*.npy"))
    for file in files:
        read_depth(file)
    if len(files) < PAIRS:
        raise LeadlineError(f"{out}: {len(files)} of {PAIRS} depth files")


def leftovers(out: Path) -> list[Path]:
    """Return the temporary files below an output."""
    return [path for path in out.rglob(".leadline-*") if path.is_file()]


def state_of(command: Command) -> str:
    """Return whether an output is whole, refused in one line, or not there."""
    from leadline.errors import LeadlineError

    if not command.out.exists():
        return "none"
    try:
        command.check(command.out)
    except LeadlineError:
        return "refused"
    return "whole"


def kill_once(command: Command, after: float) -> str:
    """Kill a command after so many seconds; return what is left, and what became of it."""
    child = run(command.arguments)
    time.sleep(after)
    child.kill()
    child.communicate()
    left = state_of(command)
    again = command.arguments
    if command.again is not None and any(command.out.glob("checkpoints/*.ckpt")):
        again = command.again
    second = run(again)
    _, error = second.communicate()
    if second.returncode != 0:
        return f"{left}, FAULT: {error.strip().splitlines()[-1][:160]}"
    found = leftovers(command.out)
    return f"{left}, then {state_of(command)}" + (f", FAULT: {found[0]}" if found else "")


def try_kills(command: Command, count: int, seed: int) -> None:
    """Kill a command at random moments and print what became of it."""
    started = time.monotonic()
    run(command.arguments).communicate()
    whole = time.monotonic() - started
    assert state_of(command) == "whole", f"{command.name}: not whole without a fault"
    rng = random.Random(f"{command.name} {seed}")
    for number in range(count):
        # Every second time over an older output, where the command allows that.
        if number % 2 or command.name != "evaluate -o":
            shutil.rmtree(command.out, ignore_errors=True)
        share = rng.uniform(0.1, 1.0)
        print(f"{command.name:<20} killed at {share:4.0%}: {kill_once(command, share * whole)}")
    shutil.rmtree(command.out, ignore_errors=True)


def try_full_disk(command: Command) -> None:
    """Run a command on a disk that is full and print its one line."""
    child = run(command.arguments, FILE_LIMIT)
    _, error = child.communicate()
    lines = error.strip().splitlines()
    is_one_line = child.returncode in (1, 2) and "Traceback" not in error
    words = lines[-1][:140] if lines else "nothing"
    fault = "" if is_one_line and state_of(command) != "whole" else "FAULT: "
    print(f"{command.name:<20} full disk, status {child.returncode}: {fault}{words}")
    shutil.rmtree(command.out, ignore_errors=True)


def try_two_at_once(command: Command) -> None:
    """Run a command twice at once and print what became of both."""
    both = [run(command.arguments) for _ in range(2)]
    errors = [child.communicate()[1] for child in both]
    statuses = sorted(child.returncode for child in both)
    fault = "FAULT, " if any("Traceback" in each for each in errors) else ""
    print(f"{command.name:<20} two at once: {fault}status {statuses}, {state_of(command)}")
    shutil.rmtree(command.out, ignore_errors=True)


def few_pairs(data: Path, folder: Path, count: int) -> Path:
    """Copy the first pairs of a data set into a folder of pairs."""
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True)
        for path in sorted((data / name).iterdir())[:count]:
            shutil.copy(path, folder / name / path.name)
    rows = [
        f"rgb/{image.name},depth/{depth.name}"
        for image, depth in zip(
            sorted((folder / "rgb").iterdir()), sorted((folder / "depth").iterdir()), strict=True
        )
    ]
    for split, part in (("train", rows[2:]), ("val", rows[:2])):
        (folder / f"{split}.csv").write_text("\n".join(["image,depth", *part]) + "\n")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


def main() -> None:
    """Try every command, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", action="append")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with TemporaryDirectory() as folder:
        data = few_pairs(given.data, Path(folder) / "data", PAIRS)
        for command in commands(data, Path(folder)):
            if given.command and command.name not in given.command:
                continue
            try_kills(command, given.kills, given.seed)
            try_full_disk(command)
            try_two_at_once(command)


if __name__ == "__main__":
    main()
