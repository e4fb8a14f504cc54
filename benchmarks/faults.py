"""Kills, full disks, read-only folders and two at once: nothing half is ever taken as whole.

    python benchmarks/faults.py --data $LEADLINE_DATA/nyu_labeled_train --kills 5
    python benchmarks/faults.py --data ... --command "worlds render" --part kills

Each command is started on a few pairs of the data and killed (SIGKILL) at a random moment. Then its
output is looked at: it is whole, or it is refused, or there is none; and the same command run again
must end well and leave no temporary file. A full disk is a limit on the size of files and, for root
on Linux, a tmpfs of a few hundred kilobytes; read-only is a tmpfs too. The one line must name the
output. The same seed kills at the same shares of a command's time.
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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

QUICK = (
    "model.encoder_weights=none", "data.area=6144", "data.batch_size=2", "data.workers=0",
    "trainer.precision=fp32", "trainer.max_steps=6", "trainer.checkpoint_every_steps=1",
)  # fmt: skip
PARTS = ("kills", "disks", "two")
PAIRS = 8
FILE_LIMIT = 3000
"""Bytes that a file may have on the full disk."""
DISK_SIZE = "100k"
"""Of the tmpfs that runs full; no output fits."""


@dataclass(frozen=True)
class Command:
    """A command with its output `out`; `check` says whether what is there is whole."""

    name: str
    arguments: tuple[str, ...]
    out: Path
    check: Callable[[Path], object]
    again: tuple[str, ...] | None = None

    def moved(self, folder: Path) -> Command:
        """Return the same command with its output in another folder."""
        out = folder / self.out.name
        arguments = tuple(str(out) if each == str(self.out) else each for each in self.arguments)
        return Command(self.name, arguments, out, self.check, self.again)


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
    few = ("--image-count", "1")
    worlds = ("worlds", "render", "--count", "8", "--size", "48x64", "--workers", "1")
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
        Command(
            "export copy",
            ("export", "compact-nyu", "-o", str(folder / "copy.onnx"), *few),
            folder / "copy.onnx",
            Predictor.load,
        ),
        Command(
            "export built",
            ("export", "compact-nyu", "-o", str(folder / "built.onnx"), "--weights", "f32", *few),
            folder / "built.onnx",
            Predictor.load,
        ),
        Command(
            "worlds render", (*worlds, "-o", str(folder / "rooms")), folder / "rooms", open_data
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
    """Return the temporary files below an output, or beside it where it is a file."""
    beside = list(out.parent.glob(".leadline-*")) if out.is_file() else []
    return [path for path in [*out.rglob(".leadline-*"), *beside] if path.exists()]


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
    with suppress(subprocess.TimeoutExpired):
        child.wait(after)
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
            remove(command.out)
        share = rng.uniform(0.1, 1.0)
        print(f"{command.name:<20} killed at {share:4.0%}: {kill_once(command, share * whole)}")
    remove(command.out)


def remove(out: Path) -> None:
    """Remove an output, whatever it is."""
    shutil.rmtree(out, ignore_errors=True)
    if out.is_file():
        for path in out.parent.glob(f"{out.stem}*"):
            path.unlink()


def try_bad_disk(command: Command, disk: str, limit: int | None = None) -> None:
    """Run a command whose output cannot be written and print its one line."""
    child = run(command.arguments, limit)
    _, error = child.communicate()
    lines = error.strip().splitlines()
    is_one_line = child.returncode in (1, 2) and "Traceback" not in error
    words = lines[-1][:140] if lines else "nothing"
    fault = "" if is_one_line and state_of(command) != "whole" else "FAULT: "
    print(f"{command.name:<20} {disk}, status {child.returncode}: {fault}{words}")


def try_disks(command: Command, folder: Path) -> None:
    """Run a command with files that may not grow, on a full disk, and on a read-only one."""
    try_bad_disk(command, "files of 3 kB", FILE_LIMIT)
    remove(command.out)
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        print(f"{command.name:<20} a small and a read-only disk: need root on Linux, left out")
        return
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    for words, options in (("full disk", f"size={DISK_SIZE}"), ("read-only disk", "ro")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)
        try:
            try_bad_disk(command.moved(disk), words)
        finally:
            subprocess.run(["umount", disk], check=True)


def try_two_at_once(command: Command) -> None:
    """Run a command twice at once and print what became of both."""
    both = [run(command.arguments) for _ in range(2)]
    errors = [child.communicate()[1] for child in both]
    statuses = sorted(child.returncode for child in both)
    fault = "FAULT, " if any("Traceback" in each for each in errors) else ""
    print(f"{command.name:<20} two at once: {fault}status {statuses}, {state_of(command)}")
    remove(command.out)


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
    parser.add_argument("--command", action="append", help="only this one; repeatable")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; repeatable")
    given = parser.parse_args()
    parts = given.part or PARTS
    os.environ["OMP_NUM_THREADS"] = "1"
    with TemporaryDirectory() as folder:
        data = few_pairs(given.data, Path(folder) / "data", PAIRS)
        for command in commands(data, Path(folder)):
            if given.command and command.name not in given.command:
                continue
            if "kills" in parts:
                try_kills(command, given.kills, given.seed)
            if "disks" in parts:
                try_disks(command, Path(folder))
            if "two" in parts:
                try_two_at_once(command)


if __name__ == "__main__":
    main()
