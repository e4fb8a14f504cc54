"""Predict depth files from photographs: `leadline predict`."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import CameraMode, GivenCamera
from leadline.inference.combined_pictures import SHEET, draw_together
from leadline.inference.existing import jobs_to_do
from leadline.inference.load_options import LoadOptions
from leadline.inference.novelty import warn_of_novelty
from leadline.inference.outputs import (
    DEFAULT_FORMAT,
    OutputOptions,
    PredictedPhoto,
    format_of_output,
)
from leadline.inference.photo_work import STDIN, PhotoWork
from leadline.inference.precision import PrecisionOption
from leadline.inference.predict_ray import find_remote_jobs, is_uri, run_with_ray
from leadline.inference.runtime import Device, Hint, RuntimeName
from leadline.io.atomic import check_writable
from leadline.io.calibration import read_calibration
from leadline.io.formats import depth_format
from leadline.io.grey16 import check_no_metres
from leadline.io.jobs import (
    Failure,
    FileJob,
    FileKind,
    JobResults,
    Paths,
    check_outputs,
    find_jobs,
    run_jobs,
    worker_count,
)
from leadline.io.photos import (
    IMAGE_SUFFIXES,
    UNREAD_SUFFIXES,
    aspect_ratio,
    is_result_png,
)
from leadline.progress import Track, untracked
from leadline.weights import DEFAULT_MODEL

Engine = Literal["local", "ray"]
"""What does the work: threads of this process, or the machines of a Ray cluster."""

LOOKED_AT = 1000
"""Number of pictures that are sorted by shape together; each file is opened once beforehand."""

PICTURES = FileKind("pictures", IMAGE_SUFFIXES, UNREAD_SUFFIXES, is_result_png)
"""The files that are taken from a folder."""


def predict(
    inputs: Paths,
    out: str | Path | None = None,
    *,
    model: str | Path = DEFAULT_MODEL,
    output: OutputOptions | None = None,
    intrinsics: str | Path | None = None,
    fov: float | None = None,
    calibration: str | Path | None = None,
    runtime: RuntimeName = "auto",
    precision: PrecisionOption = "auto",
    processing_area: int | None = None,
    camera: CameraMode = "auto",
    threads: int | None = None,
    hint: Hint = "auto",
    device: Device = "cpu",
    compiled: bool = False,
    skip_existing: bool = False,
    workers: int | None = None,
    engine: Engine = "local",
    track: Track = untracked,
) -> JobResults[PredictedPhoto]:
    """Predict metric depth of photographs; return the written or kept results, and the failures.

    `inputs` are files, globs, folders, whose trees are mirrored below the folder `out`, or "-" for
    a picture on standard input. `out` may name a depth file if the input is one picture. Without
    `out`, nothing is written: the depth maps are kept in memory, 5 bytes per pixel. Iterating over
    the results gives photographs, each with its `depth_map`.

    The camera of a photograph is, in this order, the file `intrinsics`, a horizontal field of view
    of `fov` degrees, the focal length of its EXIF block, or the camera of the training data. Depth
    and point clouds depend on it; with `camera` ignore, depth does not. `calibration` is a file of
    `leadline.calibrate`. `model`, `runtime`, `precision`, `processing_area`, `camera`, `threads`,
    `hint`, `device` and `compiled` are as in `Predictor.load`. `skip_existing` skips photographs
    whose files all exist, of the same model, calibration and units. Reading, the network and
    writing overlap in `workers` threads, by default one more than processors. `engine` ray
    distributes the photographs to the machines of a Ray cluster instead, and also accepts URIs of
    object stores. Photographs that cannot be read are skipped; so are photographs without a camera
    if point clouds are wanted. A LeadlineWarning reports values that were clamped or ignored.
    `track` shows progress.

    Errors: LeadlineError, before anything is predicted, for a missing input, a wrong option, or an
    output that cannot be written, or would overwrite an input or replace metres by grey16;
    DiskError, as soon as it happens, for a disk that is full or read-only.

    >>> results = predict("photo.jpg", "out", output=OutputOptions(format="npz", color=True))
    >>> [path.name for path in results.done[0].files], results.failures
    (['photo.npz', 'photo_color.png'], [])
    >>> [photo.depth_map.shape for photo in predict("photo.jpg")]
    [(480, 640)]
    """
    place = _Place.from_options(out, output, skip_existing)
    threads_of_work = worker_count(workers)
    if not isinstance(inputs, str | Path) and not inputs:
        raise LeadlineError("no input: give a photograph, a folder or a quoted glob")
    given = GivenCamera.open(intrinsics, fov)
    correction = None if calibration is None else read_calibration(Path(calibration))
    _check_engine(engine, inputs, out)
    every = place.find_photos(inputs)
    jobs = jobs_to_do(every, place.output, model, correction) if skip_existing else every
    if not jobs:
        return JobResults(existing=len(every), undrawn=place.draw_together(every))
    load = LoadOptions(
        runtime=runtime,
        precision=precision,
        threads=threads,
        processing_area=processing_area,
        camera=camera,
        hint=hint,
        device=device,
        compiled=compiled,
        uncertainty=place.folder is None or place.output.uncertainty,
    )
    work = PhotoWork(model, load, given, correction, place.output, keeps=place.folder is None)
    if engine == "ray":
        results = run_with_ray(jobs, work, track=track)
    else:
        predict_one = work.start(many=len(jobs) > 1)
        alike = _alike_together(jobs)
        results = run_jobs(
            alike, predict_one, workers=threads_of_work, title="predict", unit="images", track=track
        )
        place_of = {job.source: place for place, job in enumerate(jobs)}
        for found in (results.done, results.failures):
            found.sort(key=lambda each: place_of[each.source])
        results.notes = predict_one.notes
    results.existing = len(every) - len(jobs)
    results.undrawn = place.draw_together(every)
    _warn_of_other_cameras(given, results.done)
    warn_of_novelty(model, [(photo.novelty, str(photo.source)) for photo in results.done])
    return results


def _alike_together(jobs: Sequence[FileJob]) -> list[FileJob]:
    """Sort jobs so that pictures of one shape are adjacent, `LOOKED_AT` jobs at a time.

    The network then sees equal sizes in sequence, so a runtime that prepares kernels for each size
    does so once. Pictures of one shape keep their order.
    """
    ordered: list[FileJob] = []
    for begin in range(0, len(jobs), LOOKED_AT):
        ordered += sorted(jobs[begin : begin + LOOKED_AT], key=lambda job: aspect_ratio(job.source))
    return ordered


def _check_engine(engine: str, inputs: Paths, out: str | Path | None) -> None:
    """Raise LeadlineError for an unknown engine, or one that cannot take these inputs."""
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if engine not in get_args(Engine):
        raise LeadlineError(f"engine {engine!r}: choose one of {', '.join(get_args(Engine))}")
    if engine == "local" and (uris := [str(path) for path in paths if is_uri(str(path))]):
        raise LeadlineError(
            f"{uris[0]}: is a URL, and files are read; download it and give its path, or use "
            "--engine ray where it is an object store"
        )
    if engine == "ray" and (out is None or STDIN in map(Path, paths)):
        raise LeadlineError("engine ray takes files, folders and URIs, and writes to a folder")


@dataclass(frozen=True)
class _Place:
    """Where the results are written: below `folder`, or nowhere if that is None.

    `file` is the output file, if the user named one.
    """

    folder: Path | None
    output: OutputOptions
    file: Path | None = None

    @classmethod
    def from_options(
        cls, out: str | Path | None, output: OutputOptions | None, skip_existing: bool
    ) -> _Place:
        """Return the place for `out`. Errors: LeadlineError for options that need `out`."""
        if out is None:
            if output is not None or skip_existing:
                raise LeadlineError("output and skip_existing are for files; give out, a folder")
            return cls(None, OutputOptions())
        out = Path(out)
        format = format_of_output(out)
        output = output or OutputOptions(format or DEFAULT_FORMAT)
        if format is None:
            return cls(out, output)
        suffix = depth_format(output.format).suffix  # two formats are .png
        if out.suffix.lower() != suffix:
            raise LeadlineError(f"{out}: is no {output.format} file; leave --format out, or rename")
        if out.suffix != suffix:
            raise LeadlineError(
                f"{out}: is written in small letters; give {out.with_suffix(suffix)}"
            )
        return cls(out.parent, output, out)

    def find_photos(self, inputs: Paths) -> list[FileJob]:
        """Return a job for every photograph, after checking that its files can be written."""
        paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
        uris = [str(path) for path in paths if is_uri(str(path))]
        files = [path for path in paths if Path(path) != STDIN and str(path) not in uris]
        # Without an output folder, no input is skipped as one of its results.
        folder = self.folder or Path(os.devnull)
        outputs = (lambda _target: []) if self.folder is None else self.output.files
        remote = find_remote_jobs(uris, folder, PICTURES)
        jobs = [*find_jobs(files, folder, PICTURES, outputs), *remote]
        jobs += [FileJob(STDIN, folder / "stdin")] * (STDIN in map(Path, paths))
        check_outputs(jobs, outputs)
        if self.folder is None:
            return jobs
        if self.file is not None:
            if len(jobs) > 1:
                raise LeadlineError(
                    f"{self.file}: is one file for {len(jobs)} pictures; give a folder"
                )
            jobs = [FileJob(jobs[0].source, self.file.with_suffix(""))]
            check_outputs(jobs, outputs)
        self._check_sheet(jobs)
        self._check_metres(jobs)
        check_writable(self.folder)
        return jobs

    def _check_sheet(self, jobs: Sequence[FileJob]) -> None:
        files = (path for job in jobs for path in (job.source, *self.output.files(job.target)))
        sheet = (self.folder or Path()) / SHEET
        if self.output.sheet and sheet.resolve() in {path.resolve() for path in files}:
            raise LeadlineError(f"{sheet}: the sheet would overwrite it; choose another -o")

    def _check_metres(self, jobs: Sequence[FileJob]) -> None:
        if self.output.format == "grey16":
            for job in jobs:
                check_no_metres(self.output.depth_file(job.target))

    def draw_together(self, jobs: Sequence[FileJob]) -> list[Failure]:
        """Draw the pictures that need the depth of all photographs; return the failures."""
        return [] if self.folder is None else draw_together(jobs, self.folder, self.output)


def _warn_of_other_cameras(given: GivenCamera, done: Sequence[PredictedPhoto]) -> None:
    """Warn if the given camera cannot be that of all pictures, judging by their sizes."""
    sizes = [(camera.width, camera.height) for photo in done if (camera := photo.camera.intrinsics)]
    text = ""
    if given.fov is not None:
        text = _two_orientations(given.fov, sizes)
    elif given.file is not None and given.file.size is None and len(set(sizes)) > 1:
        usual, other = [f"{w} x {h}" for (w, h), _ in Counter(sizes).most_common(2)]
        text = (
            f"{given.file.path}: states no size, so its pixels were taken as those of every "
            f"picture, and they have {len(set(sizes))} sizes ({usual}, {other}): metres are wrong "
            "for sizes other than the camera's; give JSON with width and height, or predict them "
            "apart"
        )
    if text:
        warnings.warn(text, LeadlineWarning, stacklevel=3)


def _two_orientations(fov: float, sizes: Sequence[tuple[int, int]]) -> str:
    """Return a warning if one field of view was given for both portrait and landscape pictures."""
    upright = sum(width < height for width, height in sizes)
    if not 0 < upright < sum(width != height for width, height in sizes):
        return ""
    return (
        f"fov {fov:g} is across each picture, and {upright} of {len(sizes)} are upright, so "
        "that they were taken for a longer lens; where one camera took all, give --intrinsics, "
        "or predict them apart"
    )
