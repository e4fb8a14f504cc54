"""Videos whose clocks are missing, jump or clash; mirrored ones; colours that say what they are."""

from fractions import Fraction

import numpy as np
import pytest

from leadline.errors import LeadlineWarning
from leadline.io.frame_times import FrameTimes
from leadline.io.video import check_codec, open_writer, read_frames, video_info

av = pytest.importorskip("av")

RATE, SIZE = 10, (48, 64)
QUARTERS = np.kron([[200, 150], [90, 20]], np.ones((24, 32))).astype(np.uint8)


def write(path, codec="libx264", *, pts=range(60), b_frames=0, sound=False, options=None):
    """One frame for each of `pts`, in tenths of a second, each brighter than the one before."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=RATE, options={"g": "12", **(options or {})})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.max_b_frames = b_frames
        tone = out.add_stream("mp2", rate=48_000) if sound else None
        for number, time in enumerate(pts):
            pixels = np.full((*SIZE, 3), 3 * number + 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tone is not None:
            wave = np.sin(np.arange(1152) * np.pi / 48)
            values = np.tile((16_000 * wave).astype(np.int16).repeat(2), (1, 1))
            for begin in range(0, 6 * 48_000 - 1151, 1152):
                part = av.AudioFrame.from_ndarray(values, format="s16", layout="stereo")
                late = pts[0] * 48_000 // RATE
                part.sample_rate, part.pts, part.time_base = (
                    48_000,
                    late + begin,
                    Fraction(1, 48_000),
                )
                out.mux(tone.encode(part))
            out.mux(tone.encode(None))
    return path


def summary(frames):
    return [
        (frame.number, round(frame.seconds, 3), round((frame.pixels.mean() - 20) / 3))
        for frame in frames
    ]


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [
        ("bare.h264", "libx264", 0),
        ("bare_b.h264", "libx264", 2),
        ("bare.m4v", "mpeg4", 0),
        ("plain.avi", "mpeg4", 0),
        ("b.avi", "mpeg4", 2),
        ("b264.avi", "libx264", 2),
        ("b3.avi", "libx264", 3),
        ("b.mp4", "libx264", 2),
        ("b.mkv", "libx264", 2),
        ("b.ts", "libx264", 2),
    ],
)
def test_frames_have_their_times_in_files_with_and_without_a_clock(tmp_path, name, codec, b_frames):
    path = write(tmp_path / name, codec, b_frames=b_frames)
    everything = summary(read_frames(path))
    assert [number for number, _, _ in everything] == list(range(60))
    assert [seconds for _, seconds, _ in everything] == pytest.approx(np.arange(60) / RATE)
    shown = [step for _, _, step in everything]
    assert np.abs(np.subtract(shown, range(60))).max() <= 1
    assert video_info(path).rate == RATE
    assert video_info(path).seconds == pytest.approx(6)
    assert summary(read_frames(path, end=4.5)) == everything[:45]
    for start in (0.05, 1.0, 2.25, 5.0):
        assert summary(read_frames(path, start=start)) == everything[round(start * RATE + 0.1) :]


@pytest.fixture
def joined(tmp_path):
    """Two recordings of six seconds, behind one another as bytes: the clock begins anew."""
    part = write(tmp_path / "part.ts", sound=True)
    path = tmp_path / "joined.ts"
    path.write_bytes(part.read_bytes() * 2)
    return path


def test_a_clock_that_begins_anew_goes_on(joined):
    everything = summary(read_frames(joined))
    assert [seconds for _, seconds, _ in everything] == pytest.approx(
        everything[0][1] + np.arange(120) / RATE
    )
    assert summary(read_frames(joined, end=5.0)) == [
        each for each in everything if each[1] < 5 - 1e-6
    ]
    for start in (3.0, 4.55, 5.95, 8.0):
        assert summary(read_frames(joined, start=start)) == [
            each for each in everything if each[1] >= start - 1e-6
        ]


@pytest.mark.parametrize(("suffix", "start"), [(".mp4", 0.0), (".mp4", 7.0), (".webm", 7.0)])
def test_the_sound_of_joined_recordings_goes_on_with_the_picture(joined, tmp_path, suffix, start):
    out = tmp_path / f"out{suffix}"
    with open_writer(out, SIZE, RATE, {}) as writer:
        writer.keep_audio(joined, check_codec(out), start, None)
        for frame in read_frames(joined, start=start):
            writer.write(frame.pixels, frame.seconds - start)
    with av.open(str(out)) as container:
        times = [frame.time for frame in container.decode(audio=0)]
    assert times[0] == pytest.approx(0, abs=0.06)
    assert times[-1] == pytest.approx(12 - start, abs=0.15)
    assert np.diff(times).max() < 0.06


def test_a_written_file_lasts_as_long_as_one_without_a_clock(tmp_path):
    source, out = write(tmp_path / "bare.h264"), tmp_path / "out.mp4"
    with open_writer(out, SIZE, RATE, {}) as writer:
        for frame in read_frames(source):
            writer.write(frame.pixels, frame.seconds)
    assert video_info(out).seconds == pytest.approx(6, abs=0.11)


def test_clashing_times_are_a_step_apart_and_gaps_stay():
    times = FrameTimes(10.0)
    clocks = [10.0, 10.1, 10.1, 10.3, None, 10.5, 13.0, 2.0, 2.1, 2.5]
    assert [times(clock, 0.1) for clock in clocks] == pytest.approx(
        [0, 0.1, 0.2, 0.3, 0.4, 0.5, 3.0, 3.1, 3.2, 3.6]
    )
    camera = FrameTimes(None)
    assert [camera(clock, 0.5) for clock in (None, 7.0)] == pytest.approx([0, 7])


def test_a_clock_that_jumps_by_hours_goes_on_and_minutes_stay():
    times = FrameTimes(0.0)
    assert [times(clock, 0.1) for clock in (0.0, 0.1, 600.0, 50_000.0, 50_000.1, 0.0)] == (
        pytest.approx([0, 0.1, 600, 600.1, 600.2, 600.3])
    )
    assert times.skipped == pytest.approx(50_000 - 600.1)
    hourly = FrameTimes(0.0)  # of a file whose pictures are an hour and a half apart
    assert [hourly(clock, 5400.0) for clock in (0.0, 5400.0, 10_800.0)] == [0, 5400, 10_800]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_frames_behind_a_jump_of_hours_are_a_step_later_and_said(tmp_path, suffix):
    late = range(3 * 36_000, 3 * 36_000 + 30)
    path = write(tmp_path / f"jump{suffix}", pts=[*range(30), *late], options={"bf": "0"})
    with pytest.warns(LeadlineWarning, match=r"clock jumps by 3\.0 hours at 3\.0 s"):
        everything = list(read_frames(path))
    assert [frame.seconds for frame in everything] == pytest.approx(np.arange(60) / RATE)
    skipped = [frame.skipped for frame in everything]
    assert skipped == pytest.approx([0] * 30 + [10_797] * 30)
    with pytest.warns(LeadlineWarning, match="clock jumps"):
        later = summary(read_frames(path, start=4.5))
    assert later == summary(everything)[45:]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_no_hours_of_silence_are_written_for_a_jump(tmp_path, suffix):
    parts = [
        write(tmp_path / f"{begin}.ts", pts=range(begin, begin + 60), sound=True)
        for begin in (0, 200 * 36_000 // 10)
    ]
    source, out = tmp_path / "joined.ts", tmp_path / f"out{suffix}"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    with (
        pytest.warns(LeadlineWarning, match="clock jumps by 20"),
        open_writer(out, SIZE, RATE, {}) as writer,
    ):
        writer.keep_audio(source, check_codec(out), 0.0, None)
        for frame in read_frames(source):
            writer.write(frame.pixels, frame.seconds)
    with av.open(str(out)) as container:
        assert [frame.time for frame in container.decode(audio=0)][-1] == pytest.approx(12, abs=0.2)


@pytest.mark.parametrize("vflip", [False, True])
@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_shown_turned_and_mirrored(tmp_path, degrees, hflip, vflip):
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "5"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)
        grey = np.repeat(QUARTERS[..., None], 3, axis=2)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode(None))
    expected = np.rot90(QUARTERS, degrees // 90)  # counter-clockwise, as FFmpeg counts
    expected = expected[:, ::-1] if hflip else expected
    expected = expected[::-1] if vflip else expected
    (frame,) = read_frames(path)
    assert np.abs(frame.pixels[..., 0].astype(int) - expected).mean() < 4


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_written_colours_are_those_of_hd_video_and_say_so(tmp_path, suffix):
    path, red = tmp_path / f"red{suffix}", (200, 30, 40)
    with open_writer(path, SIZE, RATE, {}) as writer:
        for number in range(3):
            writer.write(np.full((*SIZE, 3), red, np.uint8), number / RATE)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        assert context.color_range == 1
        stored = next(container.decode(stream)).to_ndarray()
    # ITU-R BT.709: E'Y = 0.2126 E'R + 0.7152 E'G + 0.0722 E'B, from 16 to 235.
    luma = 16 + 219 / 255 * np.dot((0.2126, 0.7152, 0.0722), red)
    assert stored[:48, :64].mean() == pytest.approx(luma, abs=2)
    (frame, *_) = read_frames(path)
    assert np.abs(frame.pixels.astype(int) - red).max() <= 6


# Rows of E'Y, E'Cb and E'Cr in red, green and blue.
YCBCR = {
    "BT.601": [(0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)],
    "BT.709": [(0.2126, 0.7152, 0.0722), (-0.114572, -0.385428, 0.5), (0.5, -0.454153, -0.045847)],
}


@pytest.mark.parametrize(
    ("size", "tag", "colours"),
    [
        ((576, 720), None, "BT.601"),
        ((720, 1280), None, "BT.709"),
        ((1280, 720), None, "BT.709"),
        ((720, 1280), 5, "BT.601"),
        ((96, 128), 1, "BT.709"),
    ],
)
def test_colours_that_are_not_stated_are_those_of_the_size(tmp_path, size, tag, colours):
    path, red = tmp_path / "red.mp4", (200, 30, 40)
    luma, *chroma = np.dot(YCBCR[colours], red)
    planes = [16 + 219 / 255 * luma, *(128 + 224 / 255 * value for value in chroma)]
    stored = np.full((size[0] * 3 // 2, size[1]), planes[0])
    stored[size[0] : size[0] * 5 // 4] = planes[1]
    stored[size[0] * 5 // 4 :] = planes[2]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "5", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        if tag is not None:
            stream.codec_context.colorspace = tag
        frame = av.VideoFrame.from_ndarray(np.rint(stored).astype(np.uint8), format="yuv420p")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    (frame,) = read_frames(path)
    assert np.abs(frame.pixels.astype(int) - red).max() <= 4
