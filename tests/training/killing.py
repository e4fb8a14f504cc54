"""Training in processes that can be killed: forked from a server that has imported torch once."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

from leadline.training.recipe import load_recipe
from tests.conftest import SilentReporter

PRELOADED = ["leadline.training.loop", "torch.utils.tensorboard", "matplotlib.figure"]


def _train(progress, recipe_name, overrides, data: Path, folder: Path) -> None:
    import torch

    from leadline.training import loop

    torch.set_num_threads(1)

    class Counts(SilentReporter):
        def step(self, step, loss, images, waited):
            progress.value = step

    if (folder / "recipe.yaml").exists():
        loop.resume(folder, Counts())
    else:
        loop.train(load_recipe(recipe_name, overrides), data, folder, Counts())


class Trainer:
    """Trains, or goes on training, a run in a process of its own."""

    def __init__(self, recipe: str, overrides: list[str], data: Path):
        self.arguments = (recipe, overrides, data)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)

    def run(self, folder: Path) -> None:
        """Train to the end."""
        process, _ = self._start(folder)
        process.join(300)
        assert process.exitcode == 0

    def run_until_killed(self, folder: Path, step: int, delay: float) -> int | None:
        """SIGKILL the run `delay` seconds after `step`; return where, None if it ended before."""
        process, progress = self._start(folder)
        while process.is_alive() and progress.value < step:
            time.sleep(0.002)
        time.sleep(delay)
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
        process.join(300)
        return progress.value if process.exitcode == -signal.SIGKILL else None

    def _start(self, folder: Path):
        progress = self.context.Value("i", 0)
        process = self.context.Process(target=_train, args=(progress, *self.arguments, folder))
        process.start()
        return process, progress
