"""Writing a folder of several files so that nobody ever sees parts of an old and of a new one."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.io.atomic import cannot_write, make_folders, missing_folders, remove_empty
from leadline.io.locks import LOCK_FILE, locked

PREFIX = ".leadline-stage-"


def _remove_abandoned(folder: Path) -> None:
    """Remove the stages of processes that were killed: those whose lock nobody holds."""
    for stage in folder.glob(f"{PREFIX}*"):
        if not (stage / LOCK_FILE).is_file():  # another process is about to lock it
            continue
        try:
            with locked(stage, "written"):
                shutil.rmtree(stage, ignore_errors=True)
        except (LeadlineError, OSError):
            continue


@contextmanager
def staged(folder: Path, last: str, stale: Sequence[Path] = ()) -> Iterator[Path]:
    """Yield an empty folder within `folder`, whose files take their places there on success.

    The file called `last`, by which the whole is recognised, is taken away first and put back last:
    in between there is no whole. `stale` files of an earlier one go unless they are replaced. If
    the block raises, or the disk is full, what is in `folder` stays as it was.
    Errors: LeadlineError, naming files by their final places, where they cannot be written.
    """
    with stage_in(folder) as stage:
        yield stage
        _move(stage, folder, last, stale)


@contextmanager
def stage_in(folder: Path) -> Iterator[Path]:
    """Yield an empty folder within `folder` that is gone afterwards, even where it is killed.

    What killed processes left there is removed by the next; until then its name begins with a dot.
    Where nothing was put into `folder`, and it was made for this, it is gone too.
    Errors: LeadlineError, naming files as if they lay in `folder`, where they cannot be written.
    """
    stage = folder / f"{PREFIX}{secrets.token_hex(6)}"
    new = missing_folders(folder)
    try:
        make_folders(stage)
        with locked(stage, "written"):
            _remove_abandoned(folder)
            yield stage
    except LeadlineError as error:
        raise LeadlineError(str(error).replace(f"{stage}", f"{folder}")) from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        remove_empty(new)


def _move(stage: Path, folder: Path, last: str, stale: Sequence[Path]) -> None:
    """Put the files of `stage` in their places; in between, there is no `last`."""
    (folder / last).unlink(missing_ok=True)
    for path in stale:
        path.unlink(missing_ok=True)
    files = [path for path in stage.rglob("*") if path.is_file() and path.name != LOCK_FILE]
    for path in sorted(files, key=lambda path: (path.name == last, path)):
        target = folder / path.relative_to(stage)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)
