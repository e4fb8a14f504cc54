"""Predict a video: its depth as a video, and as metric files (`leadline video`)."""

from __future__ import annotations

import math
import re
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics, check_fov
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import CameraMode
from leadline.inference.novelty import warn_of_novelty
from leadline.inference.precision import PrecisionOption
from leadline.inference.predictor import Predictor
from leadline.inference.runtime import RuntimeName
from leadline.io.atomic import check_writable
from leadline.io.formats import depth_format, depth_suffixes, write_depth
from leadline.io.jobs import in_order
from leadline.io.video import (
    Frame,
    LiveSource,
    Source,
    VideoWriter,
    check_codec,
    find_source,
    open_writer,
    read_frames,
    video_info,
)
from leadline.progress import Track, untracked
from leadline.viz.color import ColorMap, check_range, color_table, colorize, robust_range
from leadline.viz.scale_bar import draw_title, letter_size, scale_panel
from leadline.weights import DEFAULT_MODEL

VideoLayout = Literal["side-by-side", "depth"]
RANGE_FRAMES = 8
"""Number of frames, spread over the video, from which the colour range is taken by default."""

CUT_SHORT = 0.5
"""Seconds missing from the stated length at which a file counts as cut short."""

SAME_SURFACE = 0.1
"""Depth that changes by a larger share between frames is another surface, and not smoothed."""


@dataclass(frozen=True)
class VideoResult:
    """The written file, the colour range in metres, the number of frames and the seconds taken.

    `smoothing` describes the temporal smoothing in words.
    """

    path: Path
    frames: int
    seconds: float
    color_range: tuple[float, float]
    smoothing: str

    @property
    def rate(self) -> float:
        """Frames per second, including reading and writing."""
        return self.frames / max(self.seconds, 1e-9)


class TemporalFilter:
    """Exponential smoothing of depth over time, with weight `strength` for the old value.

    A pixel that changes by more than `SAME_SURFACE` shows another surface and takes the new value.
    A strength of 0 changes nothing.
    """

    def __init__(self, strength: float):
        if not 0 <= strength < 1:
            raise LeadlineError(f"smoothing {strength:g}: give 0 (off) to below 1")
        self.strength = strength
        self._state: NDArray[np.float32] | None = None

    def __str__(self) -> str:
        return f"exponential, {self.strength:g}" if self.strength else "none"

    def forget(self) -> None:
        """Restart with the next frame, as at a gap in the recording."""
        self._state = None

    def __call__(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the smoothed depth (H,W) of the next frame, metres."""
        if not self.strength:
            return depth
        old = self._state
        if old is not None and old.shape == depth.shape:
            is_same = np.abs(depth - old) <= SAME_SURFACE * old
            kept = np.float32(self.strength)
            depth = np.where(is_same, kept * old + (1 - kept) * depth, depth)
        self._state = depth
        return depth


def video(
    source: str | Path,
    out: str | Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    layout: VideoLayout = "side-by-side",
    color_range: tuple[float, float] | None = None,
    cmap: ColorMap = "turbo",
    smooth: float = 0.0,
    every: int = 1,
    start: float = 0.0,
    end: float | None = None,
    audio: bool = True,
    frames: str | Path | None = None,
    frame_format: str = "npy",
    fov: float | None = None,
    runtime: RuntimeName = "auto",
    precision: PrecisionOption = "auto",
    camera: CameraMode = "auto",
    track: Track = untracked,
) -> VideoResult:
    """Predict every frame of a video; write them in colours, and with `frames` as depth files.

    `out` is an .mp4 (H.264) or .webm (VP9) with the frames beside their depth, or with the depth
    alone, in one `color_range` in metres, by default that of eight frames spread over the video.
    Every `every`-th frame from `start` to `end` seconds is taken. Frames keep their times, and the
    sound is kept unless `audio` is False. `smooth`, from 0 to below 1, smooths depth over time
    (`TemporalFilter`), which the metadata of the file states. `frames` is a folder for one depth
    file per frame, in `frame_format`, named by frame number. The other arguments are as in
    `predict`. Decoding, the network and encoding overlap. `source` may be a camera (/dev/video0,
    its number, on Windows video=NAME) or the URL of a stream: it is recorded up to `end` seconds or
    Ctrl-C, without sound, with the colour range of its first frames. `track`
    shows progress.

    Errors: LeadlineError for a file that is no video, a wrong option, or an output that cannot be
    written. Needs `leadline[video]`.
    """
    path, target = find_source(source), Path(out)
    is_live = isinstance(path, LiveSource)
    check_codec(target)
    _check_options(layout, color_range, every, start, end, fov)
    depth_format(frame_format)
    info = video_info(path)
    if isinstance(path, Path) and target.resolve() == path.resolve():
        raise LeadlineError(f"{target}: would overwrite the input; choose another -o")
    for place in (target.parent, *([] if frames is None else [Path(frames)])):
        check_writable(place)
    steady = TemporalFilter(smooth)
    predictor = Predictor.load(
        model, runtime=runtime, precision=precision, camera=camera, uncertainty=False
    )
    predictor.require_metres("a video")
    started = time.monotonic()
    last = info.seconds if end is None else min(end, info.seconds or end)
    low, high = color_range or _range_of(path, predictor, start, last, fov)
    artist = _Artist(layout, low, high, cmap, str(steady))
    novelties: list[tuple[float | None, str]] = []
    frames_read = read_frames(path, every=every, start=start, end=end)
    shots = _predicted(predictor, frames_read, fov, novelties)
    steps = _steps(track, last, start, info.rate / every)
    first = next(shots, None)
    if first is None:
        raise LeadlineError(
            f"{path}: no frame from {start:g} s on; choose another --start or --end"
        )
    size = artist.draw(first[0].pixels, first[1]).shape[:2]
    about = {"comment": f"depth by {predictor.name}, {artist.words()}", "title": path.stem}
    writing = open_writer(target, (size[0], size[1]), info.rate / every, about)
    with closing(shots), writing as writer:
        if audio and info.has_audio and isinstance(path, Path):
            writer.keep_audio(path, check_codec(target), start, end)
        folder = None if frames is None else Path(frames)
        record = _Recorder(path.name, start, steady, artist, writer, folder, frame_format)
        # Encoding has its own thread, so that it gets its share of the CPU beside the network.
        written = in_order(record, _with_first(first, shots), 1)
        with closing(written), suppress(KeyboardInterrupt) if is_live else nullcontext():
            for future in written:
                future.result()
                next(steps, None)
    record.warn_of_others()
    if info.stated is not None:
        stated = info.stated if end is None else min(end, info.stated)
        ended = record.until + record.skipped + (every - 1) / info.rate
        _warn_if_cut(path, ended, stated, info.stated)
    warn_of_novelty(model, novelties, "frames")
    seconds = time.monotonic() - started
    return VideoResult(target, record.count, seconds, (low, high), str(steady))


def _check_options(
    layout: str,
    color_range: tuple[float, float] | None,
    every: int,
    start: float,
    end: float | None,
    fov: float | None,
) -> None:
    """Raise LeadlineError for an invalid option."""
    if layout not in get_args(VideoLayout):
        raise LeadlineError(f"layout {layout!r}: choose one of {', '.join(get_args(VideoLayout))}")
    if color_range is not None:
        check_range(*color_range)
    if every < 1:
        raise LeadlineError(f"every {every}: give 1 for all frames, or more")
    # Not `start < 0`, which NaN would pass.
    if not 0 <= start < math.inf or (end is not None and not start < end < math.inf):
        given = f"start {start:g}" + ("" if end is None else f", end {end:g}")
        raise LeadlineError(f"{given}: give seconds, the end after the start")
    if fov is not None:
        check_fov(fov)


def _warn_if_cut(path: Source, last: float, due: float, stated: float) -> None:
    """Warn if the frames end well before `due`, as in a truncated file."""
    if last < due - CUT_SHORT:
        warnings.warn(
            f"{path}: its frames end at {last:.1f} s, though it says that it has {stated:.1f} s: "
            "it may be cut short; copy or record it again",
            LeadlineWarning,
            stacklevel=3,
        )


def _steps(track: Track, last: float | None, start: float, rate: float) -> Iterator[int]:
    """Yield once for every expected frame, once if the file does not say how many there are."""
    count = 1 if last is None else max(1, math.ceil((last - start) * rate))
    yield from track(range(count), "video", count, unit="frames")


def _predicted(
    predictor: Predictor,
    frames: Iterator[Frame],
    fov: float | None,
    novelties: list[tuple[float | None, str]] | None = None,
) -> Generator[tuple[Frame, DepthMap], None, None]:
    """Yield every frame with its depth, while the next ones are decoded and predicted.

    The novelty and name of each frame are appended to `novelties`.
    """
    first = next(frames, None)
    if first is None:
        return
    height, width = first.pixels.shape[:2]
    camera = None if fov is None else Intrinsics.from_fov(fov, width, height)
    waiting: deque[Frame] = deque()

    def images() -> Iterator[NDArray[np.uint8]]:
        for frame in _with_first(first, frames):
            waiting.append(frame)
            yield frame.pixels

    for prediction in predictor.predict_many(images(), camera):
        frame = waiting.popleft()
        if novelties is not None:
            novelties.append((prediction.novelty, f"frame {frame.number}"))
        yield frame, prediction.depth


Item = TypeVar("Item")


def _with_first(first: Item, others: Iterator[Item]) -> Iterator[Item]:
    yield first
    yield from others


def _range_of(
    path: Source, predictor: Predictor, start: float, end: float | None, fov: float | None
) -> tuple[float, float]:
    """Return the robust depth range, in metres, of frames spread over the video."""
    if end is None or end <= start:
        times = [start]
    else:
        times = [
            start + (end - start) * (part + 0.5) / RANGE_FRAMES for part in range(RANGE_FRAMES)
        ]
    # A live source has no later frames yet, so its first ones are used.
    count = RANGE_FRAMES if isinstance(path, LiveSource) else 1
    pool = []
    for seconds in times[:1] if isinstance(path, LiveSource) else times:
        shots = islice(read_frames(path, start=seconds), count)
        for _, depth in _predicted(predictor, shots, fov):
            pool.append(depth.depth[depth.valid])
    if not pool:  # a video so short that no frame comes after these times
        shots = islice(read_frames(path, start=start), RANGE_FRAMES)
        pool = [depth.depth[depth.valid] for _, depth in _predicted(predictor, shots, fov)]
    values = np.concatenate(pool) if pool else np.zeros(0, np.float32)
    return robust_range(values, np.ones(values.shape, dtype=bool))


class _Artist:
    """Draws frames in one range of metres, with the same scale beside each frame."""

    def __init__(self, layout: VideoLayout, low: float, high: float, cmap: ColorMap, smooth: str):
        self._layout, self._low, self._high, self._cmap = layout, low, high, cmap
        self._smooth = smooth
        self._scale: NDArray[np.uint8] | None = None

    def words(self) -> str:
        """Return a description of the picture for the file's metadata."""
        return (
            f"colours {self._low:.3g} to {self._high:.3g} m ({self._cmap}), "
            f"smoothing over time: {self._smooth}"
        )

    def draw(self, pixels: NDArray[np.uint8], depth: DepthMap) -> NDArray[np.uint8]:
        """Return the picture (H,W',3) uint8 of a frame."""
        picture = colorize(depth, vmin=self._low, vmax=self._high, cmap=self._cmap)
        if self._smooth != "none":
            picture = draw_title(picture, f"smoothed: {self._smooth}")
        if self._scale is None or self._scale.shape[0] != picture.shape[0]:
            table = color_table(self._cmap)[::-1]
            size = letter_size(picture)
            self._scale = scale_panel(picture.shape[0], size, table, self._low, self._high)
        parts = [pixels, picture, self._scale]
        return np.concatenate(parts if self._layout == "side-by-side" else parts[1:], axis=1)


@dataclass
class _Recorder:
    """Writes each frame: in colours into the video and, if there is a `folder`, as a depth file.

    Frames must come in order and in one thread. `count` is the number of frames written, `until`
    the end time of the last one, and `skipped` the sum of forward jumps of their clock.
    """

    source: str
    start: float
    steady: TemporalFilter
    artist: _Artist
    writer: VideoWriter
    folder: Path | None
    format: str
    count: int = 0
    until: float = 0.0
    skipped: float = 0.0
    names: set[str] = field(default_factory=set)

    def warn_of_others(self) -> None:
        """Warn if the folder holds depth files of frames that were not written now."""
        if self.folder is None:
            return
        there = {
            path.name
            for path in self.folder.iterdir()
            if path.suffix in depth_suffixes() and re.fullmatch(r"\d{6,}", path.stem)
        }
        if others := sorted(there - self.names):
            warnings.warn(
                f"{self.folder}: {len(others)} depth files in it are not of these frames "
                f"({others[0]}); remove them, or give another --frames",
                LeadlineWarning,
                stacklevel=3,
            )

    def __call__(self, shot: tuple[Frame, DepthMap]) -> None:
        """Write a frame with its depth."""
        frame, predicted = shot
        if frame.skipped > self.skipped:
            self.steady.forget()
        depth = DepthMap.from_metres(
            self.steady(predicted.depth), predicted.valid, predicted.intrinsics,
            {**predicted.provenance, "source": self.source, "smoothing": str(self.steady),
             "seconds": f"{frame.seconds:.3f}"},
        )  # fmt: skip
        if self.folder is not None:
            name = f"{frame.number:06d}{depth_format(self.format).suffix}"
            write_depth(self.folder / name, depth, self.format)
            self.names.add(name)
        self.writer.write(self.artist.draw(frame.pixels, depth), frame.seconds - self.start)
        self.count += 1
        self.until, self.skipped = frame.until, frame.skipped
