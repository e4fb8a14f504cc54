"""Work on many files: from the paths that a user gives to what was written and what was skipped."""

from __future__ import annotations

import glob
import os
import re
import warnings
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Generic, TypeVar

from leadline.errors import LeadlineError, LeadlineWarning, plural
from leadline.io.atomic import DiskError
from leadline.io.files import check_ordinary
from leadline.io.processors import usable_processors
from leadline.io.walk import walk
from leadline.progress import Track, untracked

Item = TypeVar("Item")
Result = TypeVar("Result")
Paths = str | Path | Sequence[str | Path]
"""One or several files, folders or globs."""


@dataclass(frozen=True)
class FileJob:
    """One input file and its output path without a suffix."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Failure:
    """An input that was skipped, and the message of its error."""

    source: Path
    message: str


@dataclass
class JobResults(Generic[Result]):
    """What came of every input: a result each in `done`, or an entry of `failures`.

    `existing` counts further inputs whose results were there already; `undrawn` are inputs, of
    these or of `done`, that are missing in what was drawn of all; `notes` are lines on what was
    chosen for all of them.
    """

    done: list[Result] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    existing: int = 0
    undrawn: list[Failure] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.done) + len(self.failures)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.done)


@dataclass(frozen=True)
class FileKind:
    """What a command looks for.

    `noun` is what the files are ("pictures") and `suffixes` what is taken from a folder, lower
    case and with their dot. Files of `other_suffixes` are of the kind but cannot be read: a
    LeadlineWarning counts them, and those of `is_result`, which Leadline wrote itself.
    """

    noun: str
    suffixes: Collection[str]
    other_suffixes: Collection[str] = ()
    is_result: Callable[[Path], bool] = lambda _path: False


def find_jobs(
    inputs: Paths,
    folder: Path,
    kind: FileKind,
    outputs: Callable[[Path], list[Path]],
) -> list[FileJob]:
    """Return a job for every file that the inputs stand for; a folder's tree is mirrored.

    From a folder, links to folders are followed, each folder once; names that begin with a dot,
    system folders, the output `folder` and results of the command are left out. Where two inputs
    hold files of one name, the tree below their common parent is mirrored. `outputs` are all the
    files that may be written for a target.
    Errors: LeadlineError for a missing input, one without files, a URL, or an output that would
    overwrite an input or another output.
    """
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    relatives: dict[Path, Path] = {}
    for path in paths:
        for source, relative in _expand(str(path), folder, kind):
            relatives.setdefault(source, relative)
    if len(set(relatives.values())) < len(relatives):
        relatives = _below_common_parent(relatives)
    targets = targets_of(list(relatives.values()), folder)
    jobs = [FileJob(source, target) for source, target in zip(relatives, targets, strict=True)]
    check_outputs(jobs, outputs)
    return jobs


def targets_of(relatives: Sequence[PurePath], folder: Path) -> list[Path]:
    """Return the outputs below `folder`, without suffix, of files at paths below their inputs.

    a.jpg and a.png side by side keep their suffixes, so that neither result is lost.
    """
    stems = [relative.with_suffix("") for relative in relatives]
    counts = Counter(stems)
    pairs = zip(relatives, stems, strict=True)
    return [folder / (relative if counts[stem] > 1 else stem) for relative, stem in pairs]


def check_outputs(jobs: Sequence[FileJob], outputs: Callable[[Path], list[Path]]) -> None:
    """Raise LeadlineError where an output would overwrite an input or another output."""
    sources = {job.source.resolve() for job in jobs}
    written = Counter(output for job in jobs for output in outputs(job.target))
    for output, count in written.items():
        if count > 1:
            raise LeadlineError(f"two results would be written to {output}; do them separately")
        if output.resolve() in sources:
            raise LeadlineError(f"{output}: would overwrite an input; choose another output folder")


def _below_common_parent(sources: Iterable[Path]) -> dict[Path, Path]:
    absolute = {source: Path(os.path.abspath(source)) for source in sources}  # noqa: PTH100
    parent = os.path.commonpath([path.parent for path in absolute.values()])
    return {source: path.relative_to(parent) for source, path in absolute.items()}


def _expand(text: str, out: Path, kind: FileKind) -> list[tuple[Path, Path]]:
    """Return (file, path below the output folder) for a file, a folder or a glob."""
    path = Path(text)
    if path.is_dir():
        return [(file, file.relative_to(path)) for file in _files_below(path, out, kind)]
    if path.is_file():
        if kind.is_result(path):
            raise LeadlineError(
                f"{path}: is a file that Leadline wrote, not one of the {kind.noun} to read; give "
                "what it was made from"
            )
        return [(path, Path(path.name))]
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text):
        raise LeadlineError(f"{text}: is a URL, and files are read; download it and give its path")
    check_ordinary(path)
    if not glob.has_magic(text):
        raise LeadlineError(f"{path}: no such file or folder")
    # Not Path.glob: the pattern that a user typed may be absolute.
    matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
    files = _without_results(text, [match for match in matches if match.is_file()], kind)
    if not files:
        raise LeadlineError(f"{text}: matches no file")
    parts = Path(text).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    return [(file, file.relative_to(root)) for file in files]


def _files_below(folder: Path, out: Path, kind: FileKind) -> list[Path]:
    """Return the files in the tree of a folder, sorted; warn of those that cannot be read."""
    files, others = [], Counter[str]()
    for file in walk(folder, [out]):
        if not file.is_file():
            continue
        suffix = file.suffix.lower()
        if suffix in kind.suffixes:
            files.append(file)
        others[suffix] += suffix in kind.other_suffixes
    left_out = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()) if count)
    if left_out:
        warnings.warn(
            f"{folder}: {left_out} left out, which cannot be read; convert them to PNG or JPEG",
            LeadlineWarning,
            stacklevel=4,
        )
    files = _without_results(str(folder), files, kind)
    if not files:
        known = ", ".join(sorted(kind.suffixes))
        raise LeadlineError(f"{folder}: no {kind.noun} in this folder ({known})")
    return sorted(files)


def _without_results(place: str, files: Sequence[Path], kind: FileKind) -> list[Path]:
    """Return the files that Leadline did not write itself; a LeadlineWarning counts the others."""
    results = sorted(file for file in files if kind.is_result(file))
    if results:
        warnings.warn(
            f"{place}: left out {plural(len(results), 'file')} that Leadline wrote "
            f"({results[0].name}{', ...' if len(results) > 1 else ''})",
            LeadlineWarning,
            stacklevel=5,
        )
    left_out = set(results)
    return [file for file in files if file not in left_out]


def default_workers() -> int:
    """Return how many threads keep all processors busy while one of them waits for a file."""
    return min(8, usable_processors() + 1)


def worker_count(given: int | None) -> int:
    """Return how many threads to work in: as given, or by default.

    Errors: LeadlineError for less than 1.
    """
    if given is not None and given < 1:
        raise LeadlineError(f"workers {given}: expected a number, at least 1")
    return given or default_workers()


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Future[Result], None, None]:
    """Yield the finished work of every item in order, done by `workers` threads.

    Items are taken as they are needed, a few ahead, so that memory stays flat. Whoever leaves
    early should close the iterator: what was not begun is then dropped.
    """
    ahead: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                ahead.append(pool.submit(work, item))
                if len(ahead) > workers:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            for future in ahead:
                future.cancel()


def run_jobs(
    jobs: Sequence[FileJob],
    work: Callable[[FileJob], Result],
    *,
    workers: int = 1,
    title: str = "files",
    unit: str = "files",
    track: Track = untracked,
) -> JobResults[Result]:
    """Do the work of every job; one that raises a LeadlineError is skipped and recorded.

    `track` shows progress over jobs, under `title` and counted in `unit`.
    Errors: DiskError, at once, for a disk that is full or read-only: no other job would fare
    better.
    """
    results: JobResults[Result] = JobResults()
    with closing(in_order(work, jobs, workers)) as finished:
        for job in track(jobs, title, len(jobs), unit=unit):
            try:
                results.done.append(next(finished).result())
            except DiskError as error:
                done = f"{len(results.done)} of {len(jobs)} files were written"
                raise DiskError(f"{error}; {done}") from error
            except LeadlineError as error:
                results.failures.append(Failure(job.source, str(error)))
    return results


def with_suffix(target: Path, suffix: str) -> Path:
    """Return `target` with `suffix` behind its whole name."""
    return target.with_name(target.name + suffix)
