"""What the file commands share: from what a user typed to the files to read and to write."""

import glob
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import typer

Failure: TypeAlias = tuple[Path, str]
"""An input that was skipped, and the message of its error."""

MOST_ALIKE = 5
"""So many files that failed for one reason are listed one by one."""


@dataclass(frozen=True)
class Job:
    """One input file and its output path without a suffix."""

    source: Path
    target: Path


def find_jobs(
    wanted: Sequence[str],
    folder: Path,
    *,
    noun: str,
    suffixes: Collection[str],
    outputs: Callable[[Path], list[Path]],
) -> list[Job]:
    """Return a job for every file that the inputs stand for; a folder's tree is mirrored.

    `noun` is what the files are ("pictures"), `suffixes` what is taken from a folder, `outputs`
    every file that may be written for a target.
    Errors: LeadlineError for a missing input, one without files, or an output that would
    overwrite an input or another output.
    """
    from leadline.errors import LeadlineError

    found: dict[Path, Path] = {}
    for text in wanted:
        for source, relative in _expand(text, noun, suffixes):
            found.setdefault(source, relative)
    stems = Counter(relative.with_suffix("") for relative in found.values())
    jobs = []
    for source, relative in found.items():
        stem = relative.with_suffix("")
        # a.jpg and a.png side by side keep their suffixes, so that neither result is lost.
        jobs.append(Job(source, folder / (relative if stems[stem] > 1 else stem)))
    sources = {source.resolve() for source in found}
    written = Counter(output for job in jobs for output in outputs(job.target))
    for output, count in written.items():
        if count > 1:
            raise LeadlineError(f"two results would be written to {output}; do them separately")
        if output.resolve() in sources:
            raise LeadlineError(f"{output}: would overwrite an input; choose another -o")
    return jobs


def _expand(text: str, noun: str, suffixes: Collection[str]) -> list[tuple[Path, Path]]:
    """Return (file, path below the output folder) for a file, a folder or a glob."""
    from leadline.errors import LeadlineError

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
    matches = sorted(Path(match) for match in glob.glob(text, recursive=True))
    files = [match for match in matches if match.is_file()]
    if not files:
        raise LeadlineError(f"{text}: matches no file")
    fixed = Path(text).parts
    depth = next(i for i, part in enumerate(fixed) if glob.has_magic(part))
    root = Path(*fixed[:depth])
    return [(file, file.relative_to(root)) for file in files]


def with_suffix(target: Path, suffix: str) -> Path:
    """Return `target` with `suffix` behind its whole name."""
    return target.with_name(target.name + suffix)


def check_needed(option: str, given: object, need: str, there: object) -> None:
    """Raise LeadlineError for an option that was given without what alone it says something of."""
    from leadline.errors import LeadlineError

    if given not in (None, False) and there in (None, False):
        raise LeadlineError(f"{option} says something only with {need}; give that, or leave it out")


def check_writable(folder: Path) -> None:
    """Raise LeadlineError unless files can be written into `folder`, which is created."""
    from leadline.errors import LeadlineError
    from leadline.io.atomic import cannot_write

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise LeadlineError(f"{folder}: is a file; give a folder for the results") from None
    except OSError as error:
        raise cannot_write(folder, error) from None


def list_failures(count: int, failures: Sequence[Failure]) -> None:
    """Print what was skipped and end with status 1, if anything was.

    What befell more than `MOST_ALIKE` files in the same words is one line with their number.
    """
    if not failures:
        return
    print(f"leadline: {len(failures)} of {count} skipped:", file=sys.stderr)
    alike: dict[str, list[Failure]] = {}
    for source, message in failures:
        reason = message.removeprefix(f"{source}: ")
        alike.setdefault(reason, []).append((source, message))
    for reason, group in alike.items():
        if len(group) > MOST_ALIKE:
            print(f"  {len(group)} files, the first {group[0][0]}: {reason}", file=sys.stderr)
            continue
        for _, message in group:
            print(f"  {message}", file=sys.stderr)
    raise typer.Exit(1)
