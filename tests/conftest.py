"""Small data of our own: boxes and floors whose depth is known, written as real files."""

import contextlib
import ctypes
import functools
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

SIZE = (96, 128)


def pytest_configure(config):
    """Keep compiled models for the length of a run, in a folder of its own.

    While the tests' modules are imported, no garbage is looked for: what they define stays.
    A busy machine is no fault of an example that hypothesis finds.
    """
    hypothesis.settings.register_profile("patient", hypothesis.settings(), deadline=None)
    hypothesis.settings.load_profile("patient")
    gc.disable()
    if not hasattr(config, "workerinput"):  # workers have the environment of this process
        folder = tempfile.mkdtemp(prefix="leadline-tests-")
        os.environ["LEADLINE_CACHE"] = folder
        config.add_cleanup(functools.partial(shutil.rmtree, folder, ignore_errors=True))


def pytest_collection_finish():
    """Spare every later collection of garbage the million objects of what was imported."""
    gc.enable()
    gc.collect()
    gc.freeze()
    _read_operators_once()


def _read_operators_once():
    """Let torch.onnx parse the source of its 500 operators once instead of for every export."""
    if "leadline.export.exporter" not in sys.modules:
        return
    with contextlib.suppress(ImportError, AttributeError):  # of another torch: slower, no more
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        ONNXRegistry.from_torchlib = staticmethod(functools.cache(ONNXRegistry.from_torchlib))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Say how a test process ended that should not have: -9 is what a lack of memory looks like."""
    process = getattr(getattr(node.gateway, "_io", None), "popen", None)
    if error and process is not None:
        print(f"\n[{node.gateway.id}] ended with status {process.wait(30)}", file=sys.stderr)


@pytest.fixture(autouse=True, scope="module")
def memory_is_returned():
    """Return the memory of a file's networks: training asks the C library to keep what it frees."""
    yield
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def make_scene(rng: np.random.Generator, size: tuple[int, int] = SIZE):
    """A sloping floor under a wall with boxes before it; brightness follows depth, with grain."""
    height, width = size
    far = rng.uniform(3.0, 6.0)
    rows = np.linspace(0, 1, height)[:, None]
    depth = np.broadcast_to(np.minimum(far, 1.2 / np.maximum(rows - 0.3, 0.05)), size).copy()
    for _ in range(3):
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        h, w = rng.integers(height // 6, height // 2), rng.integers(width // 6, width // 2)
        depth[top : top + h, left : left + w] = rng.uniform(0.8, 2.5)
    shade = 255 * np.exp(-depth / 3)
    grain = rng.normal(0, 6, (*size, 3))
    tint = rng.uniform(0.7, 1.0, 3)
    image = np.clip(shade[..., None] * tint + grain, 0, 255).astype(np.uint8)
    return image, depth.astype(np.float32)


def write_pairs(folder: Path, count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> Path:
    """Write `rgb/*.png` and `depth/*.png` (millimetres) and a dataset.yaml that says so."""
    rng = np.random.default_rng(seed)
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        image, depth = make_scene(rng, size)
        millimetres = np.rint(depth * 1000).astype(np.uint16)
        millimetres[:2] = 0
        Image.fromarray(image).save(folder / "rgb" / f"{index:03d}.png")
        Image.fromarray(millimetres).save(folder / "depth" / f"{index:03d}.png")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pairs of 96x128, millimetres."""
    return write_pairs(tmp_path_factory.mktemp("pairs"), 12)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data named by LEADLINE_DATA; tests that need it are skipped without."""
    folder = os.environ.get("LEADLINE_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LEADLINE_DATA names no folder of real data")
    return Path(folder)


class SilentReporter:
    """Collects what a training run says."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.lines: list[str] = []

    def start(self, first_step: int, total_steps: int) -> None:
        self.first, self.total = first_step, total_steps

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        self.losses.append(loss)

    def say(self, line: str) -> None:
        self.lines.append(line)


QUICK = [
    "model.encoder_weights=none",
    "data.area=6144",
    "data.batch_size=4",
    "data.workers=0",
    "trainer.precision=fp32",
    "trainer.checkpoint_every_steps=3",
    "trainer.log_every_steps=1",
    "trainer.validate_every_epochs=100",
]
"""Overrides that make the compact recipe run in seconds."""


@pytest.fixture(scope="session")
def quick_run(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of six steps on the small pairs."""
    from leadline.training.recipe import load_recipe
    from leadline.training.train import train

    folder = tmp_path_factory.mktemp("runs") / "quick"
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=6"])
    train(recipe, pairs, folder, progress=SilentReporter(), score=False)
    return folder
