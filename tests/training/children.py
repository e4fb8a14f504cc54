"""Training in processes of its own, forked from a server that has imported torch once.

That is a second or two quicker for each process than a new Python, and as real to a signal.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from leadline.training.recipe import load_recipe
from tests.conftest import SilentReporter

PRELOADED = ["leadline.training.trainer", "torch.utils.tensorboard", "matplotlib.figure"]


def server():
    """The context whose processes start with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@dataclass
class Ended:
    """A finished command: its exit status and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def _command(arguments: list[str], environment: dict[str, str], out: Path, error: Path) -> None:
    for descriptor, path in ((1, out), (2, error)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.update(environment)
    sys.argv = ["leadline", *arguments]
    from leadline.cli import main

    main()


def launch(count: int, folder: Path, *arguments: object) -> list[Ended]:
    """Run `leadline ARGUMENTS` to its end in `count` processes."""
    with running(count, folder, *arguments) as (ended, _):
        pass
    return ended


@contextmanager
def running(count: int, folder: Path, *arguments: object) -> Iterator[tuple[list[Ended], list]]:
    """Run `leadline ARGUMENTS` in `count` processes, with the environment torchrun gives them.

    Yields how they ended, filled in after the block has waited for them, and the processes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        "TORCHELASTIC_RUN_ID": "test",
        "WORLD_SIZE": count,
        "LOCAL_WORLD_SIZE": count,
        "GROUP_RANK": 0,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    words, started = [str(argument) for argument in arguments], []
    for rank in range(count):
        mine = {**common, "RANK": rank, "LOCAL_RANK": rank}
        environment = {name: str(value) for name, value in mine.items()}
        files = folder / f"out_{rank}", folder / f"error_{rank}"
        process = server().Process(target=_command, args=(words, environment, *files))
        process.start()
        started.append((process, *files))
    ended: list[Ended] = []
    yield ended, [process for process, _, _ in started]
    for process, out, error in started:
        process.join(300)
        ended.append(Ended(process.exitcode, out.read_text(), error.read_text()))


def _train(progress, recipe_name, overrides, data: Path, folder: Path) -> None:
    import torch

    from leadline.training import train as loop

    torch.set_num_threads(1)

    class Counts(SilentReporter):
        def step(self, step, loss, images, waited):
            progress.value = step

    if (folder / "recipe.yaml").exists():
        loop.resume(folder, progress=Counts(), score=False)
    else:
        loop.train(
            load_recipe(recipe_name, overrides), data, folder, progress=Counts(), score=False
        )


class Trainer:
    """Trains, or goes on training, a run in a process of its own."""

    def __init__(self, recipe: str, overrides: list[str], data: Path):
        self.arguments = (recipe, overrides, data)
        self.context = server()

    def run(self, folder: Path) -> None:
        """Train to the end."""
        process, _ = self.start(folder)
        process.join(300)
        assert process.exitcode == 0

    def run_until_killed(self, folder: Path, step: int, delay: float) -> int | None:
        """SIGKILL the run `delay` seconds after `step`; return where, None if it ended before."""
        process, progress = self.start(folder)
        while process.is_alive() and progress.value < step:
            time.sleep(0.002)
        time.sleep(delay)
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
        process.join(300)
        return progress.value if process.exitcode == -signal.SIGKILL else None

    def start(self, folder: Path):
        """Return the process that trains, and where it counts its steps."""
        progress = self.context.Value("i", 0)
        process = self.context.Process(target=_train, args=(progress, *self.arguments, folder))
        process.start()
        return process, progress


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have; /proc knows."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for child in map(int, children) for one in (child, *descendants(child))]
