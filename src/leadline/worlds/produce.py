"""Rendering a data set into a folder of image-depth-label pairs, on all cores, resumably."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path, check_writable, make_folders, write_text
from leadline.io.files import read_json
from leadline.io.formats import write_depth
from leadline.io.labels import write_labels
from leadline.io.locks import LOCK_FILE, locked
from leadline.io.malloc import keep_freed_memory
from leadline.io.processors import usable_processors
from leadline.progress import Track, untracked
from leadline.worlds.classes import CLASSES, class_map
from leadline.worlds.randomness import Split
from leadline.worlds.render.tracer import find_embree
from leadline.worlds.sets import UNITS, WorldSet, as_json, digest
from leadline.worlds.view import View

OPTIONS, MANIFEST = "options.json", "manifest.json"
_QUALITY = 95  # of the JPEG files; the picture's own compression is part of the picture
_WORTH_PROCESSES = 4  # worlds; fewer are rendered before other processes have started
_KEPT = 256 << 20  # bytes of freed memory in a worker
_World = tuple[Split, int, tuple[int, ...]]


@dataclass(frozen=True)
class Rendered:
    """What `render_worlds` did: the folder, views in all, those rendered now, and seconds."""

    folder: Path
    views: int
    new: int
    seconds: float


def render_worlds(
    folder: Path | str,
    world_set: WorldSet,
    *,
    workers: int | None = None,
    track: Track = untracked,
) -> Rendered:
    """Render a data set into `folder`; continue where an earlier call was stopped.

    The result is a data set of image-depth(-label) pairs: `rgb/*.jpg`, `depth/*.png` (16 bit, the
    unit in `dataset.yaml` and in every file, with the camera), `label/*.png`, `train.csv`,
    `val.csv`; beside them `views/*.json` (camera, pose, what is shown, SHA-256 of the files) and
    `manifest.json`. It is the same bit for bit on one machine whatever the number of `workers`
    (processes; None: one a core). Callers that are scripts need the `if __name__ == "__main__":`
    that all users of `multiprocessing` need. `track` shows progress over the views that are
    missing.

    Raises LeadlineError where the folder holds a set of other options, a worker dies, or Embree is
    missing; InUseError where another process renders into it.
    """
    folder = Path(folder)
    if not _has_options(folder, world_set):
        find_embree()  # without it, nothing is left behind
    elif _is_whole(folder, world_set):  # read-only disks may hold it
        return Rendered(folder, world_set.count, 0, 0.0)
    check_writable(folder)
    make_folders(folder)
    with locked(folder, "rendered"):
        return _render(folder, world_set, workers, track)


def count_views(folder: Path) -> int:
    """Return how many views a folder of worlds holds, whoever renders them."""
    return sum(1 for _ in folder.glob("views/*.json"))


def _render(folder: Path, world_set: WorldSet, workers: int | None, track: Track) -> Rendered:
    """Render what is missing, in a folder that no other process writes to."""
    if not _has_options(folder, world_set):
        write_text(folder / OPTIONS, as_json(world_set.describe()))
    todo, done = _open_work(folder, world_set)
    missing, started = world_set.count - done, time.monotonic()
    rendered = _rendered(folder, world_set, todo, _worker_count(workers, len(todo)))
    for _ in track(rendered, f"render {world_set.kind}", missing, unit="views"):
        pass
    if todo or not (folder / MANIFEST).is_file():
        _index(folder, world_set)
    return Rendered(folder, world_set.count, missing, time.monotonic() - started)


def _worker_count(workers: int | None, tasks: int) -> int:
    if workers is None:
        workers = usable_processors() if tasks >= _WORTH_PROCESSES else 1
    return max(1, min(workers, tasks))


def _is_whole(folder: Path, world_set: WorldSet) -> bool:
    todo, _ = _open_work(folder, world_set)
    return not todo and (folder / MANIFEST).is_file()


def _has_options(folder: Path, world_set: WorldSet) -> bool:
    """Tell whether it is written down what the folder holds, and check that it is this set."""
    path, expected = folder / OPTIONS, world_set.describe()
    if not path.is_file():
        if folder.is_dir() and any(file.name != LOCK_FILE for file in folder.iterdir()):
            raise LeadlineError(
                f"{folder}: is not empty and no set of worlds; choose another folder"
            )
        return False
    recorded = read_json(path, "record of the options", "remove the folder")
    for name in sorted({*expected, *recorded}):
        if recorded.get(name) != expected.get(name):
            raise LeadlineError(
                f"{folder}: was started with {name} = {recorded.get(name)}, not "
                f"{expected.get(name)}; give the same options to continue it, or another folder"
            )
    return True


def _name(split: Split, number: int) -> str:
    return f"{split}_{number:06d}"


def _is_there(folder: Path, split: Split, number: int) -> bool:
    # A view's description is written after its files.
    return (folder / "views" / f"{_name(split, number)}.json").is_file()


def _open_work(folder: Path, world_set: WorldSet) -> tuple[list[_World], int]:
    """Worlds with views that are missing, and the number of views that are finished."""
    todo, done = [], 0
    for split, world, numbers in world_set.worlds():
        missing = tuple(n for n in numbers if not _is_there(folder, split, n))
        done += len(numbers) - len(missing)
        if missing:
            todo.append((split, world, missing))
    return todo, done


def _rendered(folder: Path, world_set: WorldSet, todo: list[_World], workers: int) -> Iterator[int]:
    """Render worlds and yield once for every view of a finished one."""
    if workers == 1:
        for task in todo:
            yield from range(_render_world(folder, world_set, task))
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (os.getpid(),)) as pool:
        tasks, running = iter(todo), set[Future[int]]()
        try:
            for task in tasks:
                running.add(pool.submit(_render_world, folder, world_set, task))
                if len(running) > 2 * workers:
                    yield from _take_finished(running)
            while running:
                yield from _take_finished(running)
        except BrokenProcessPool as error:
            raise LeadlineError(
                "a worker died, perhaps because memory ran out; run the same command again to "
                "continue, with fewer workers"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _take_finished(running: set[Future[int]]) -> Iterator[int]:
    finished, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in finished:
        running.discard(future)
        yield from range(future.result())


def _start_worker(parent: int) -> None:
    """Prepare a worker: one thread, and no life after its parent."""
    import cv2

    cv2.setNumThreads(1)
    keep_freed_memory(_KEPT)  # a view's arrays come and go hundreds of times

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _render_world(folder: Path, world_set: WorldSet, task: _World) -> int:
    """Render and write the missing views of one world; returns how many."""
    split, world, numbers = task
    for number, view in zip(numbers, world_set.render(split, world, numbers), strict=True):
        _write_view(folder, world_set, _name(split, number), view)
    return len(numbers)


def _write_view(folder: Path, world_set: WorldSet, name: str, view: View) -> None:
    import cv2

    files = {
        "image": folder / "rgb" / f"{name}.jpg",
        "depth": folder / "depth" / f"{name}.png",
        "label": folder / "label" / f"{name}.png",
    }
    _, data = cv2.imencode(".jpg", view.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    with atomic_path(files["image"]) as temporary:
        temporary.write_bytes(np.asarray(data).tobytes())
    write_depth(files["depth"], view.depth, units_per_metre=UNITS[world_set.kind])
    write_labels(files["label"], class_map(world_set.labels)[view.classes])
    about: dict[str, Any] = {
        "shows": view.name,
        "intrinsics": view.camera.intrinsics.to_dict(),
        "camera_to_world": view.camera.pose.tolist(),
        "sha256": {key: digest(path.read_bytes()) for key, path in files.items()},
    }
    write_text(folder / "views" / f"{name}.json", as_json(about))


def _index(folder: Path, world_set: WorldSet) -> None:
    """Write the lists, the unit, the classes and the manifest."""
    _remove_halves(folder)
    hashes: dict[str, Any] = {}
    for split, count in world_set.counts().items():
        lines = ["image,depth,label"]
        for number in range(count):
            name = _name(split, number)
            lines.append(f"rgb/{name}.jpg,depth/{name}.png,label/{name}.png")
            about = read_json(folder / "views" / f"{name}.json", "view", "render it again")
            hashes[name] = about["sha256"]
        if count:
            write_text(folder / f"{split}.csv", "\n".join(lines) + "\n")
    write_text(folder / "dataset.yaml", _dataset_yaml(world_set))
    write_text(folder / MANIFEST, as_json({**world_set.describe(), "sha256": hashes}))


def _dataset_yaml(world_set: WorldSet) -> str:
    lines = [
        f"# Generated {world_set.kind}: no photographs.",
        f"depth_scale: {UNITS[world_set.kind]:g}   # units per metre",
        f"class_set: {world_set.labels}",
    ]
    if world_set.labels == "worlds":
        lines += ["classes:", *(f"  {k}: {row.name}" for k, row in enumerate(CLASSES))]
    return "\n".join(lines) + "\n"


def _remove_halves(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for half in folder.glob("*/.leadline-*"):
        with contextlib.suppress(OSError):
            half.unlink()
