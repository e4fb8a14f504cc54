"""Predict photographs on many machines: the work of `leadline predict`, distributed by Ray Data."""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from leadline.errors import LeadlineError, LeadlineWarning, one_line
from leadline.inference.find_model import absolute_model
from leadline.inference.outputs import PredictedPhoto
from leadline.inference.photo_work import PhotoWork
from leadline.io.atomic import DiskError
from leadline.io.jobs import (
    Failure,
    FileJob,
    FileKind,
    JobResults,
    default_workers,
    in_order,
    targets_of,
)
from leadline.io.walk import is_passed_over
from leadline.progress import Track

BATCH = 16
"""Pictures per batch of an actor; it returns only file names, no pixels."""

MOST_PROCESSORS = 8
"""Per actor; beyond this number, more actors are faster than more threads."""


@dataclass(frozen=True)
class RemoteJob(FileJob):
    """A file in an object store, at `path` of the file system of `uri`.

    `source` is its name in messages. The path is kept apart from the URI, in which it would need
    escapes.
    """

    uri: str = ""
    path: str = ""


def is_uri(text: str) -> bool:
    """Return whether a text is a URI of a file system of Ray's, such as s3://bucket/folder."""
    return "://" in text


def find_remote_jobs(uris: Sequence[str], folder: Path, kind: FileKind) -> list[FileJob]:
    """Return a job for every file of a kind at the URIs; trees are mirrored below `folder`.

    Hidden files and system files are skipped, as in local folders.
    Errors: LeadlineError for a URI that cannot be listed or holds no such file.
    """
    found: list[tuple[str, str, PurePosixPath]] = []
    for uri in dict.fromkeys(uris):
        files = _files_at(uri, kind)
        if not files:
            known = ", ".join(sorted(kind.suffixes))
            raise LeadlineError(f"{uri}: no {kind.noun} there ({known})")
        found += [(uri, path, relative) for path, relative in files]
    targets = targets_of([relative for _, _, relative in found], folder)
    return [
        RemoteJob(Path(_name_of(uri, relative)), target, uri, path)
        for (uri, path, relative), target in zip(found, targets, strict=True)
    ]


def _files_at(uri: str, kind: FileKind) -> list[tuple[str, PurePosixPath]]:
    """Return the files at one URI, sorted: paths in its file system, and paths relative to it."""
    from pyarrow import fs

    try:
        system, root = fs.FileSystem.from_uri(uri)
        info = system.get_file_info(root)
        if info.type == fs.FileType.File:
            return [(root, PurePosixPath(PurePosixPath(root).name))]
        infos = system.get_file_info(fs.FileSelector(root, recursive=True))
    except (OSError, ValueError) as error:
        raise LeadlineError(
            f"{uri}: cannot be listed ({one_line(error)}); in a URI a space is %20"
        ) from error
    files = sorted(info.path for info in infos if info.type == fs.FileType.File)
    relatives = [(path, PurePosixPath(path).relative_to(root)) for path in files]
    return [
        (path, relative)
        for path, relative in relatives
        if relative.suffix.lower() in kind.suffixes and not is_passed_over(relative)
    ]


def _name_of(uri: str, relative: PurePosixPath) -> str:
    """Return the name in messages of a file at or below a URI."""
    place = uri.partition("?")[0].rstrip("/")
    is_file_itself = unquote(place).endswith(f"/{relative}")
    return place if is_file_itself else f"{place}/{relative}"


def run_with_ray(
    jobs: Sequence[FileJob], work: PhotoWork, *, track: Track
) -> JobResults[PredictedPhoto]:
    """Do all jobs on the machines of a Ray cluster, or on this machine if there is none.

    `RAY_ADDRESS` names the cluster. Every machine needs Leadline, and must reach the files and the
    output folder under the same paths.
    Errors: DiskError for a disk that is full or read-only; LeadlineError if Ray is not installed,
    or a machine cannot load the model.
    """
    ray = _started_ray()
    per_actor, actors = _share(ray.nodes())
    load = replace(work.load, threads=work.load.threads or per_actor)
    work = replace(work, model=absolute_model(work.model), load=load)
    rows = [{"job": pickle.dumps((number, _absolute(job)))} for number, job in enumerate(jobs)]
    outcomes = ray.data.from_items(rows).map_batches(
        RayPhotos,
        fn_constructor_kwargs={"work": work},
        batch_size=BATCH,
        concurrency=actors,
        num_cpus=per_actor,
    )
    try:
        return _collected(jobs, outcomes.iter_rows(), track)
    except ray.exceptions.RayError as error:
        raise LeadlineError(f"Ray: {one_line(error)[-300:]}") from error


def _collected(
    jobs: Sequence[FileJob], rows: Iterable[Mapping[str, Any]], track: Track
) -> JobResults[PredictedPhoto]:
    """Return the results of all jobs, in their order."""
    results: JobResults[PredictedPhoto] = JobResults()
    done: dict[int, PredictedPhoto] = {}
    failures: dict[int, Failure] = {}
    numbers = track(range(len(jobs)), "predict", len(jobs), unit="images")
    for _, row in zip(numbers, rows, strict=True):
        outcome: _Outcome = pickle.loads(row["outcome"])
        source = jobs[outcome.number].source
        if isinstance(outcome.result, DiskError):
            raise DiskError(f"{outcome.result}; {len(done)} of {len(jobs)} files were written")
        if isinstance(outcome.result, LeadlineError):
            failures[outcome.number] = Failure(source, str(outcome.result))
        else:
            done[outcome.number] = replace(outcome.result, source=source)
        for text in outcome.warnings:
            warnings.warn(text, LeadlineWarning, stacklevel=2)
        results.notes = outcome.notes
    results.done = [done[number] for number in sorted(done)]
    results.failures = [failures[number] for number in sorted(failures)]
    return results


@dataclass(frozen=True)
class _Outcome:
    """The result of one photograph from an actor."""

    number: int
    result: PredictedPhoto | LeadlineError
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class RayPhotos:
    """A Ray actor that holds a model, for `map_batches`; jobs and outcomes are pickled."""

    def __init__(self, work: PhotoWork):
        self._predict = work.start(many=True)

    def __call__(self, batch: Mapping[str, Sequence[bytes]]) -> dict[str, list[bytes]]:
        """Do a batch of jobs; reading, the network and writing overlap."""
        jobs = [pickle.loads(job) for job in batch["job"]]
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", LeadlineWarning)
            with closing(in_order(self._outcome, jobs, default_workers())) as finished:
                outcomes = [future.result() for future in finished]
        texts = tuple(
            str(warning.message) for warning in said if warning.category is LeadlineWarning
        )
        outcomes[0] = replace(outcomes[0], warnings=texts)
        return {"outcome": [pickle.dumps(outcome) for outcome in outcomes]}

    def _outcome(self, numbered: tuple[int, FileJob]) -> _Outcome:
        number, job = numbered
        try:
            data = fetch(job) if isinstance(job, RemoteJob) else None
            return _Outcome(number, self._predict(job, data), self._predict.notes)
        except LeadlineError as error:
            return _Outcome(number, error, self._predict.notes)


def fetch(job: RemoteJob) -> bytes:
    """Return the content of a file in an object store."""
    from pyarrow import fs

    try:
        system, _ = fs.FileSystem.from_uri(job.uri)
        with system.open_input_stream(job.path) as stream:
            return bytes(stream.read())
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{job.source}: cannot be read ({one_line(error)})") from error


def _absolute(job: FileJob) -> FileJob:
    """Return the job with paths that are valid in another working folder."""
    if isinstance(job, RemoteJob):
        return replace(job, target=job.target.absolute())
    return replace(job, source=job.source.absolute(), target=job.target.absolute())


def _started_ray() -> Any:
    """Return Ray, connected to a cluster or started here, with its output silenced."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise LeadlineError("engine ray needs: pip install 'leadline[ray]'") from error
    if not ray.is_initialized():
        try:
            ray.init(logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
        except Exception as error:  # Ray raises plain exceptions if its processes do not start
            raise LeadlineError(
                f"Ray did not start ({one_line(error)[:200]}); 'ray start --head' says more"
            ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def _share(nodes: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return the number of processors per actor, and the number of actors.

    One processor of each machine is left to Ray's own tasks: two actors that took both of two
    processors waited for each other's input forever.
    Errors: LeadlineError if there is no processor.
    """
    counts = [int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]]
    left = [max(1, count - 1) for count in counts if count]
    if not left:
        raise LeadlineError(
            "Ray: no machine of the cluster has a processor; start one, or unset RAY_ADDRESS"
        )
    per_actor = min(MOST_PROCESSORS, *left)
    return per_actor, sum(count // per_actor for count in left)
