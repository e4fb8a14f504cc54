"""Video files by PyAV (FFmpeg): upright RGB frames in, H.264 or VP9 with the sound out."""

from __future__ import annotations

import math
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, LeadlineWarning, one_line
from leadline.io.atomic import atomic_path
from leadline.io.files import check_ordinary
from leadline.io.frame_times import (
    SAME_TIME,
    FrameTimes,
    begin_of,
    clock_of,
    frames_before,
    has_clock,
    has_times,
    length_of,
    measured_length,
    rate_of,
    seek,
)
from leadline.io.processors import usable_processors

WIDEST_PIXEL = 4
"""Times its height; recorders use 2 at most."""

BT709 = 1
"""The colours of HD video (ITU-T H.273)."""

BT601 = 5
"""The colours of older video."""

UNSTATED = 2
"""The colours of video that does not say."""

HD_WIDTH, SD_HEIGHT = 1280, 576
"""Pixels from which on, and beyond which, video is HD."""

STUDIO_RANGE = 1
"""Brightness from 16 to 235, FFmpeg's MPEG range."""

TICKS = 1000
"""Of a second: frames keep their times to a millisecond."""

AUDIO_RATE = 48_000
"""Samples a second of sound that is encoded anew."""

LEAD_IN = 1.0
"""Seconds before its beginning from which sound is decoded."""

AUDIO_GAP = 0.03
"""Seconds by which sound may lag behind its times; a longer gap is filled with silence."""


@dataclass(frozen=True)
class VideoCodec:
    """How one kind of file is written: its encoder, its settings, and what sound it takes."""

    encoder: str
    options: dict[str, str]
    audio_encoder: str
    audio_copied: tuple[str, ...]


VIDEO_CODECS = {
    ".mp4": VideoCodec(
        "libx264", {"preset": "veryfast", "crf": "20"}, "aac", ("aac", "mp3", "ac3", "alac")
    ),
    ".webm": VideoCodec(
        "libvpx-vp9",
        {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "30", "b": "0"},
        "libopus",
        ("opus", "vorbis"),
    ),
}
"""By suffix."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame: its number in the file, its time in seconds, and (H,W,3) uint8 RGB.

    `until` is the time up to which the file shows it, `skipped` the seconds that the clock jumped
    forward by before.
    """

    number: int
    seconds: float
    pixels: NDArray[np.uint8]
    until: float
    skipped: float = 0.0


@dataclass(frozen=True)
class VideoInfo:
    """Frames per second, length in seconds (None of a camera), and sound.

    `stated` is the length that the file states of its picture, None where it states none.
    """

    rate: float
    seconds: float | None
    has_audio: bool
    stated: float | None = None


@dataclass(frozen=True)
class LiveSource:
    """A camera, or a stream that is sent: `place` in FFmpeg's words, `format` None for streams."""

    place: str
    format: str | None = None

    def __str__(self) -> str:
        return self.place

    @property
    def name(self) -> str:
        """What it is called, as a file is by its name; a password in a URL is no part of it."""
        return re.sub(r"//[^/@]*@", "//", self.place)

    stem = name


Source = Path | LiveSource

STREAMS = ("rtsp://", "rtsps://", "rtmp://", "udp://", "http://", "https://")


def find_source(text: str | Path) -> Source:
    """Return the file, camera or stream that a text names.

    Cameras are /dev/videoN, on macOS their number, on Windows video=NAME; a number on Linux is that
    of /dev/videoN. Streams are URLs.
    """
    name = str(text)
    if name.startswith(STREAMS):
        return LiveSource(name)
    if sys.platform == "darwin" and name.isdecimal():
        return LiveSource(name, "avfoundation")
    if sys.platform == "win32" and name.startswith("video="):
        return LiveSource(name, "dshow")
    if name.isdecimal() and not Path(name).exists():
        name = f"/dev/video{name}"
    return LiveSource(name, "v4l2") if name.startswith("/dev/video") else Path(text)


def check_codec(path: Path) -> VideoCodec:
    """Return how a file of this name is written. Errors: LeadlineError for another suffix."""
    if path.suffix.lower() not in VIDEO_CODECS:
        raise LeadlineError(
            f"{path}: video is written as .mp4 (H.264) or .webm (VP9); rename it, and give "
            "--frames FOLDER for a depth file of every frame"
        )
    return VIDEO_CODECS[path.suffix.lower()]


def video_info(path: Source) -> VideoInfo:
    """Return what a file says of itself; a camera's sound is not taken.

    Errors: LeadlineError where it is no video.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        rate = float(rate_of(container, stream))
        if isinstance(path, LiveSource):
            return VideoInfo(rate, None, has_audio=False)
        length, is_of_picture = length_of(container, stream)
        stated = length if is_of_picture else None
        if length is None:
            length = measured_length(container, stream)
        return VideoInfo(rate, length, _has_audio(container), stated)


def read_frames(
    path: Source, *, every: int = 1, start: float = 0.0, end: float | None = None
) -> Iterator[Frame]:
    """Yield every `every`-th frame from `start` to before `end` seconds, upright.

    Frames whose pixels are not square (DV, DVD, HDV) are stretched in width to such that are.
    The times of a file begin with its first picture or sound, whatever its clock says there; those
    of a camera or a stream begin with its first frame. Each is later than the one before: see
    `FrameTimes`.
    Errors: LeadlineError for a file that is missing, no video, or damaged.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        aspect = _pixel_aspect(path, stream)
        step = float(1 / rate_of(container, stream))
        is_timed = has_times(container)
        has_begin = isinstance(path, Path) and has_clock(container, stream)
        times = FrameTimes(begin_of(container) if has_begin else None)
        before = None
        if start > 0 and isinstance(path, Path):
            before = _skip_to(path, container, stream, begin_of(container) + start)
        number = before or 0
        wanted = 0
        for frame in container.decode(stream):
            jumped = times.skipped
            seconds = times(clock_of(frame, is_timed), step)
            if times.skipped > jumped:
                _warn_of_jump(path, times.skipped - jumped, seconds)
            if end is not None and seconds >= end - SAME_TIME:
                return
            if seconds < start - SAME_TIME:
                number += before is None
                continue
            if wanted % every == 0:
                shown = max(step, float((frame.duration or 0) * frame.time_base))
                pixels = _upright(frame, aspect)
                yield Frame(number, seconds, pixels, seconds + shown, times.skipped)
            number += 1
            wanted += 1


def _warn_of_jump(path: Source, jump: float, seconds: float) -> None:
    warnings.warn(
        f"{path}: its clock jumps by {jump / 3600:.1f} hours at {seconds:.1f} s; what follows is "
        "taken to go on there",
        LeadlineWarning,
        stacklevel=3,
    )


def _skip_to(path: Path, container: Any, stream: Any, time: float) -> int | None:
    """Go to where the frame of a time can be decoded from; return how many frames are before it.

    None where it has to be decoded from the beginning, which is where the file then stands.
    """
    with _opened(path) as other:
        found = frames_before(other, other.streams.video[0], time)
        if found is None or not seek(
            other, other.streams.video[0], begin_of(other), time, found[1]
        ):
            return None
    seek(container, stream, begin_of(container), time, found[1])
    return found[0]


def _pixel_aspect(path: Source, stream: Any) -> Fraction:
    """Return how much wider than high the pixels of a stream are, 1 where it does not say."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if 1 / WIDEST_PIXEL <= aspect <= WIDEST_PIXEL:
        return aspect
    warnings.warn(
        f"{path}: says that its pixels are {float(aspect):.3g} times as wide as high, and is read "
        "as if they were square; correct its sample aspect ratio",
        LeadlineWarning,
        stacklevel=3,
    )
    return Fraction(1)


def _upright(frame: Any, aspect: Fraction) -> NDArray[np.uint8]:
    width = round(frame.width * aspect)
    # RGB has none; but PyAV 15 heeds those of the frame only where they differ from these.
    pixels = frame.to_ndarray(
        format="rgb24", width=width, src_colorspace=_colours_of(frame), dst_colorspace=BT601
    )
    return np.ascontiguousarray(_shown(pixels, _display_matrix(frame)))


def _colours_of(frame: Any) -> int:
    """Return the colours of a frame; where it does not say, those that players take for its size.

    That is BT.709 above the sizes of television before HD (720x576), as mpv and VLC do.
    """
    said = int(frame.colorspace)
    if said != UNSTATED or frame.format.is_rgb:
        return said
    return BT709 if frame.width >= HD_WIDTH or frame.height > SD_HEIGHT else BT601


def _display_matrix(frame: Any) -> NDArray[np.int32] | None:
    """Return how a frame is to be shown, FFmpeg's nine numbers; None where it is as it lies."""
    from av.sidedata.sidedata import Type

    found = frame.side_data.get(Type.DISPLAYMATRIX)
    return None if found is None else np.frombuffer(found, np.int32)


def _shown(pixels: NDArray[np.uint8], matrix: NDArray[np.int32] | None) -> NDArray[np.uint8]:
    """Turn and mirror a picture as a display matrix says, to the nearest quarter of a turn."""
    if matrix is None:
        return pixels
    (x_by_x, y_by_x, _), (x_by_y, y_by_y, _) = matrix.astype(np.int64)[:6].reshape(2, 3)
    if abs(x_by_y) + abs(y_by_x) > abs(x_by_x) + abs(y_by_y):
        pixels = pixels.transpose(1, 0, 2)
        x_by_x, y_by_y = x_by_y, y_by_x
    pixels = pixels[:, ::-1] if x_by_x < 0 else pixels
    return pixels[::-1] if y_by_y < 0 else pixels


class VideoWriter:
    """Frames of one size into a file, at their times, with the sound of another one beside them."""

    def __init__(self, container: Any, codec: VideoCodec, size: tuple[int, int], rate: float):
        self._container = container
        self._stream: Any = container.add_stream(
            codec.encoder, rate=Fraction(rate).limit_denominator(1001), options=dict(codec.options)
        )
        height, width = size
        # Colours are stored for two by two pixels.
        self._stream.height, self._stream.width = height + height % 2, width + width % 2
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = STUDIO_RANGE
        # The network needs the others; more threads also take more time in all.
        self._stream.codec_context.thread_count = max(1, usable_processors() // 2)
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        self._audio: _AudioTrack | None = None
        self._last = -1

    def keep_audio(self, path: Path, codec: VideoCodec, start: float, end: float | None) -> None:
        """Take the sound of `path` from `start` to `end` seconds along."""
        self._audio = _AudioTrack(path, self._container, codec, start, end)

    def write(self, pixels: NDArray[np.uint8], seconds: float) -> None:
        """Write a frame, (H,W,3) uint8 RGB, that is shown from `seconds` on."""
        import av

        if self._audio is not None:
            self._audio.write_until(seconds)
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame: Any = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=BT709)
        self._last = max(self._last + 1, round(seconds * TICKS))
        frame.pts, frame.time_base = self._last, Fraction(1, TICKS)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoders still hold."""
        self._container.mux(self._stream.encode(None))
        if self._audio is not None:
            self._audio.write_until(math.inf)

    def close(self) -> None:
        """Close the file that the sound comes from."""
        if self._audio is not None:
            self._audio.close()


@contextmanager
def open_writer(
    path: Path, size: tuple[int, int], rate: float, about: dict[str, str]
) -> Iterator[VideoWriter]:
    """Yield a writer for frames of `size` (H,W); the file appears, whole, when the block is left.

    `about` becomes its metadata (title, comment).
    Errors: LeadlineError for another suffix, or a place that cannot be written.
    """
    import av

    codec = check_codec(path)
    with atomic_path(path) as temporary, av.open(str(temporary), "w") as container:
        container.metadata.update(about)
        with closing(VideoWriter(container, codec, size, rate)) as writer:
            yield writer
            writer.finish()


class _AudioTrack:
    """The sound of a file, copied into another one, or encoded anew where that cannot hold it."""

    def __init__(self, path: Path, out: Any, codec: VideoCodec, start: float, end: float | None):
        import av

        self._source = av.open(str(path))
        self._input: Any = self._source.streams.audio[0]
        self._out, self._start, self._end = out, start, math.inf if end is None else end
        self._is_copied = self._input.codec_context.name in codec.audio_copied
        if self._is_copied:
            self._stream: Any = out.add_stream_from_template(self._input)
        else:
            self._stream = out.add_stream(codec.audio_encoder, rate=AUDIO_RATE)
        self._parts = self._copied() if self._is_copied else self._encoded()
        self._next: tuple[float, Any] | None = next(self._parts, None)

    def write_until(self, seconds: float) -> None:
        """Write what is heard before `seconds` of the new file."""
        while self._next is not None and self._next[0] <= seconds:
            self._out.mux(self._next[1])
            self._next = next(self._parts, None)

    def close(self) -> None:
        """Close the file that the sound comes from."""
        self._source.close()

    def _packets(self) -> Iterator[tuple[float, Any]]:
        """Yield (seconds, packet) from shortly before `start` to `end`, both counted from `start`.

        Where the clock of the file jumps back, they go on.
        """
        base = self._input.time_base
        times = FrameTimes(begin_of(self._source))
        for packet in self._source.demux(self._input):
            if not packet.size:
                continue
            clock = None if packet.pts is None else float(packet.pts * base)
            seconds = times(clock, float(max(packet.duration or 0, 1) * base))
            if seconds >= self._end - SAME_TIME:
                return
            if seconds >= self._start - LEAD_IN:
                packet.pts = packet.dts = round((seconds - self._start) / base)
                yield seconds - self._start, packet

    def _copied(self) -> Iterator[tuple[float, Any]]:
        for seconds, packet in self._packets():
            if seconds >= -SAME_TIME:
                packet.stream = self._stream
                yield seconds, packet

    def _encoded(self) -> Iterator[tuple[float, Any]]:
        import av

        context = self._stream.codec_context
        if not context.is_open:
            context.open()
        resampler = av.AudioResampler(
            format=context.format, layout=context.layout, rate=AUDIO_RATE,
            frame_size=context.frame_size or None,
        )  # fmt: skip
        written: int | None = None
        for frame in chain(self._without_gaps(), [None]):
            if frame is not None:
                if written is None:
                    written = round(float(frame.time or 0) * AUDIO_RATE)
                frame.pts = None
            for part in resampler.resample(frame):
                part.pts, part.time_base = written, Fraction(1, AUDIO_RATE)
                written = (written or 0) + part.samples
                for packet in self._stream.encode(part):
                    yield written / AUDIO_RATE, packet
        for packet in self._stream.encode(None):
            yield (written or 0) / AUDIO_RATE, packet

    def _decoded(self) -> Iterator[Any]:
        for _, packet in self._packets():
            yield from packet.decode()
        yield from self._input.codec_context.decode(None)

    def _without_gaps(self) -> Iterator[Any]:
        """Yield the decoded frames from `start` to `end`, with silence where none are stored."""
        due: float | None = None
        for frame in self._decoded():
            seconds = float(frame.time or 0)
            if seconds >= self._end - self._start - SAME_TIME:
                return
            if seconds < -SAME_TIME:
                continue
            if due is None:
                due = seconds
            while seconds - due > AUDIO_GAP:
                samples = round(min(seconds - due, 1.0) * frame.sample_rate)
                yield _silence(frame, samples)
                due += samples / frame.sample_rate
            due += frame.samples / frame.sample_rate
            yield frame


def _silence(like: Any, samples: int) -> Any:
    """Return so many samples of silence in the form of another frame."""
    import av

    frame: Any = av.AudioFrame(format=like.format, layout=like.layout, samples=samples)
    frame.sample_rate = like.sample_rate
    zero = b"\x80" if like.format.name.startswith("u8") else b"\0"
    for plane in frame.planes:
        plane.update(zero * plane.buffer_size)
    return frame


@contextmanager
def _opened(path: Source) -> Iterator[Any]:
    """Yield an open container with a video stream; faults of the source are one line."""
    try:
        import av
    except ImportError as error:
        raise LeadlineError("video needs PyAV: pip install 'leadline[video]'") from error
    if isinstance(path, Path) and not path.is_file():
        check_ordinary(path)
        raise LeadlineError(f"{path}: no such video file")
    is_live = isinstance(path, LiveSource)
    remedy = "check that it is there and free" if is_live else "copy or export it again"
    try:
        with _container(path) as container:
            if not container.streams.video:
                raise LeadlineError(f"{path}: has no video in it")
            yield container
    except av.FFmpegError as error:
        raise LeadlineError(
            f"{path}: cannot be read as video ({one_line(error)}); {remedy}"
        ) from error


def _container(path: Source) -> Any:
    import av

    format = path.format if isinstance(path, LiveSource) else None
    try:
        return av.open(str(path), format=format)
    except ValueError as error:
        if isinstance(error, av.FFmpegError):
            raise
        raise LeadlineError(f"{path}: this PyAV was built without {format}") from error


def _has_audio(container: Any) -> bool:
    return bool(container.streams.audio)
