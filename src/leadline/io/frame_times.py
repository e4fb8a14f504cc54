"""When the frames of a video are shown: by the clock of its file as far as that runs on."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

SAME_TIME = 1e-6
"""Seconds that times differ by from rounding."""

JUMP_BACK = 1.0
"""Seconds that a clock goes back by where another recording begins, as in files that were joined;
by less it is inexact."""

JUMP_FORWARD = 3600.0
"""Seconds that a clock goes on by from one frame to the next where it was set, or another recording
begins; nobody looks at a frame for so long."""

_CLOCK = 1_000_000
"""Of a second: FFmpeg's times of a whole file."""

_WITHOUT_TIMES = 0x80
"""FFmpeg's flag of formats that are a bare stream (.h264, .m4v)."""


class FrameTimes:
    """Turns what a clock says of frame after frame into seconds from the beginning of the video.

    A frame without a time, or with one that is not later than that of the frame before, is shown
    one step after it; a clock that jumped goes on from there. `begin` is what the clock says
    at the beginning, None for that of the first frame. `skipped` are the seconds that it jumped
    forward by so far.
    """

    skipped = 0.0

    def __init__(self, begin: float | None):
        self._begin = begin
        self._last: float | None = None
        self._interval: float | None = None

    def __call__(self, clock: float | None, step: float) -> float:
        """Return the seconds of the next frame, by default `step` after the last one."""
        if self._begin is None:
            self._begin = clock or 0.0
        if self._last is None:
            seconds = 0.0 if clock is None else clock - self._begin
        elif clock is None:
            seconds = self._last + step
        else:
            seconds = self._after(self._last, clock - self._begin, step)
        if self._last is not None:
            self._interval = seconds - self._last
        self._last = seconds
        return seconds

    def _after(self, last: float, seconds: float, step: float) -> float:
        is_forward = jumps_forward(last, seconds, step)
        if seconds > last and not is_forward:
            return seconds
        if is_forward:  # an average rate, which `step` may be of, has the jump in it
            step = min(step, self._interval or step)
            self.skipped += seconds - last - step
        if is_forward or last - seconds > JUMP_BACK:
            self._begin = (self._begin or 0.0) - (last + step - seconds)
        return last + step


def jumps_forward(last: float, seconds: float, step: float) -> bool:
    """Return whether a clock jumped between two frames: pictures an hour apart are no jump."""
    return seconds - last > max(JUMP_FORWARD, 2 * step)


def begin_of(container: Any) -> float:
    """Return what the clock of a file says at its beginning: not 0 in .ts, .mts and .vob files."""
    return float((container.start_time or 0) / _CLOCK)


def has_times(container: Any) -> bool:
    """Return whether a file says when its frames are shown; AVI and bare streams do not."""
    return container.format.name != "avi" and not container.format.flags & _WITHOUT_TIMES


def has_clock(container: Any, stream: Any) -> bool:
    """Return whether a file says at least when frames are stored, and shows them in that order."""
    is_avi = container.format.name == "avi"
    return has_times(container) or (is_avi and not stream.codec_context.has_b_frames)


def rate_of(container: Any, stream: Any) -> Fraction:
    """Return frames per second; of a bare stream those that its own header says."""
    rates = [stream.average_rate, stream.guessed_rate]
    return next(filter(None, rates if has_times(container) else rates[::-1]), Fraction(25))


def clock_of(frame: Any, is_timed: bool) -> float | None:
    """Return what the clock says of a decoded frame, None where it says nothing.

    Without times of their own, frames are shown in the rhythm in which they are stored.
    """
    ticks = frame.pts if is_timed else frame.dts
    return None if ticks is None else float(ticks * frame.time_base)


def length_of(container: Any, stream: Any) -> tuple[float | None, bool]:
    """Return the seconds that a file states, and whether of its picture, not of the longest track.

    None where it states nothing.
    """
    tag = stream.metadata.get("DURATION")
    if stream.duration:
        last = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    elif tag is not None and tag.count(":") == 2:
        hours, minutes, seconds = tag.split(":")
        last = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    elif container.duration:
        last = container.duration / _CLOCK
    else:
        return None, False
    is_of_picture = bool(stream.duration or tag or not container.streams.audio)
    return last - begin_of(container), is_of_picture


def measured_length(container: Any, stream: Any) -> float:
    """Return the seconds of a file by going through it, without decoding."""
    step = float(1 / rate_of(container, stream))
    times = FrameTimes(begin_of(container) if has_times(container) else None)
    last = 0.0
    for packet in container.demux(stream):
        if packet.size:
            ticks = packet.dts if packet.pts is None else packet.pts
            clock = None if ticks is None else float(ticks * stream.time_base)
            last = max(last, times(clock, step) + step)
    return last


def frames_before(container: Any, stream: Any, time: float) -> tuple[int, int] | None:
    """Return how many frames have times before `time`, and up to which byte they are stored.

    Nothing is decoded. None where the frames have to be decoded to say it: they are stored without
    times and in another order than they are shown, or the clock jumps before `time`.
    """
    if not has_clock(container, stream):
        return None
    is_timed = has_times(container)
    step = float(1 / rate_of(container, stream))
    count = place = 0
    last: float | None = None
    for packet in container.demux(stream):
        if packet.is_discard or not packet.size:
            continue
        ticks = packet.pts if is_timed else packet.dts
        if ticks is None:
            return None
        stored = float((ticks if packet.dts is None else packet.dts) * stream.time_base)
        if last is not None and (last - stored > JUMP_BACK or jumps_forward(last, stored, step)):
            return None
        last, place = stored, max(place, packet.pos or 0)
        if packet.dts is not None and stored >= time:
            break  # frames are stored before they are shown
        count += float(ticks * stream.time_base) < time - SAME_TIME
    return count, place


def seek(container: Any, stream: Any, begin: float, time: float, last_place: int) -> bool:
    """Go to a frame at or before `time` that can be decoded without others, at worst the first one.

    Where a file has no index of them (.ts), seeking alone finds any frame, and in files that were
    joined one of another recording, behind the byte `last_place`. False where nothing else is
    found.
    """
    import av

    first = begin - 10  # frames are stored before they are shown, slow ones by seconds
    back = 0.0
    while True:
        place = int(max(time - back, first) / stream.time_base)
        try:
            container.seek(place, stream=stream)
        except av.FFmpegError:
            return False
        packet: Any = next(container.demux(stream), None)
        shown = None if packet is None else packet.dts if packet.pts is None else packet.pts
        is_before = shown is not None and shown * stream.time_base <= time + SAME_TIME
        is_here = packet is not None and (packet.pos or 0) <= last_place
        if is_here and (time - back <= first or (is_before and packet.is_keyframe)):
            container.seek(place, stream=stream)
            return True
        if time - back <= first:
            return False
        back = max(1.0, 2 * back)
