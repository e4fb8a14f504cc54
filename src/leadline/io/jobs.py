"""Work on many files: from the paths that a user gives to what was written and what was skipped."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from leadline.errors import LeadlineError

Result = TypeVar("Result")
Paths = str | Path | Sequence[str | Path]
"""One or several files, folders or globs."""

Track = Callable[[Iterable[int]], Iterable[int]]
"""Wraps the range of job numbers, to show progress over them."""


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
    """What came of every input: a result each in `done`, or an entry of `failures`."""

    done: list[Result] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.done) + len(self.failures)


def find_jobs(
    inputs: Paths,
    folder: Path,
    *,
    noun: str,
    suffixes: Collection[str],
    outputs: Callable[[Path], list[Path]],
) -> list[FileJob]:
    """Return a job for every file that the inputs stand for; a folder's tree is mirrored.

    `noun` is what the files are ("pictures"), `suffixes` what is taken from a folder, `outputs`
    every file that may be written for a target.
    Errors: LeadlineError for a missing input, one without files, or an output that would
    overwrite an input or another output.
    """
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    relatives: dict[Path, Path] = {}
    for path in paths:
        for source, relative in _expand(str(path), noun, suffixes):
            relatives.setdefault(source, relative)
    stems = Counter(relative.with_suffix("") for relative in relatives.values())
    jobs = []
    for source, relative in relatives.items():
        stem = relative.with_suffix("")
        # a.jpg and a.png side by side keep their suffixes, so that neither result is lost.
        jobs.append(FileJob(source, folder / (relative if stems[stem] > 1 else stem)))
    sources = {source.resolve() for source in relatives}
    written = Counter(output for job in jobs for output in outputs(job.target))
    for output, count in written.items():
        if count > 1:
            raise LeadlineError(f"two results would be written to {output}; do them separately")
        if output.resolve() in sources:
            raise LeadlineError(f"{output}: would overwrite an input; choose another output folder")
    return jobs


def _expand(text: str, noun: str, suffixes: Collection[str]) -> list[tuple[Path, Path]]:
    """Return (file, path below the output folder) for a file, a folder or a glob."""
    path = Path(text)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
        if not files:
            raise LeadlineError(f"{path}: no {noun} in this folder ({', '.join(sorted(suffixes))})")
        return [(file, file.relative_to(path)) for file in files]
    if path.is_file():
        return [(path, Path(path.name))]
    if not glob.has_magic(text):
        raise LeadlineError(f"{path}: no such file or folder")
    # Not Path.glob: the pattern that a user typed may be absolute.
    matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
    files = [match for match in matches if match.is_file()]
    if not files:
        raise LeadlineError(f"{text}: matches no file")
    parts = Path(text).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    return [(file, file.relative_to(root)) for file in files]


def run_jobs(
    jobs: Sequence[FileJob], work: Callable[[FileJob], Result], track: Track = iter
) -> JobResults[Result]:
    """Do the work of every job; one that raises a LeadlineError is skipped and recorded."""
    results: JobResults[Result] = JobResults()
    for number in track(range(len(jobs))):
        job = jobs[number]
        try:
            results.done.append(work(job))
        except LeadlineError as error:
            results.failures.append(Failure(job.source, str(error)))
    return results


def with_suffix(target: Path, suffix: str) -> Path:
    """Return `target` with `suffix` behind its whole name."""
    return target.with_name(target.name + suffix)
