"""Videos made here, predicted and read again: frames, times, sound, colours, metric files."""

import json
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.depth import DepthMap
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference import predict_video
from leadline.inference.predict_video import TemporalFilter, video
from leadline.io import read_depth
from leadline.io.video import (
    LiveSource,
    check_codec,
    find_source,
    open_writer,
    read_frames,
    video_info,
)
from leadline.viz.color import colorize

av = pytest.importorskip("av")

RATE, COUNT, SIZE = 10, 10, (48, 64)


def picture(number):
    """A grey picture as bright as its number says."""
    return np.full((*SIZE, 3), 20 * number + 20, np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One second: ten frames, each of its own grey, and a tone."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "5"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        sound = out.add_stream("aac", rate=48_000)
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        assert sound.codec_context.is_open  # by the first frame
        tone = np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000).astype(np.float32)
        size = sound.codec_context.frame_size
        for begin in range(0, 48_000 - size, size):
            values = np.tile(tone[begin : begin + size], (2, 1))
            part = av.AudioFrame.from_ndarray(values, format="fltp", layout="stereo")
            part.sample_rate, part.pts, part.time_base = 48_000, begin, Fraction(1, 48_000)
            out.mux(sound.encode(part))
        out.mux(sound.encode(None))
    return path


def write_sounding(path, begins, beeps, shape=SIZE, *, codec="libopus", sar=None, count=40):
    """Four seconds of 10 frames each from `begins` on; a tone from a to b seconds of each pair."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "5"})
        stream.height, stream.width, stream.pix_fmt = *shape, "yuv420p"
        if sar is not None:
            stream.sample_aspect_ratio = sar
        sound = out.add_stream(codec, rate=48_000)
        for number in range(count):
            pixels = np.full((*shape, 3), 5 * number + 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(begins * RATE) + number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        size, form = sound.codec_context.frame_size, sound.codec_context.format
        tone = (16_000 * np.sin(np.arange(size) * 2 * np.pi * 500 / 48_000)).astype(np.int16)
        values = tone.repeat(2)[None] if form.is_packed else np.tile(tone / 32768, (2, 1))
        for first, last in beeps:
            for begin in range(round(first * 48_000), round(last * 48_000), size):
                part = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(values.astype(np.int16 if form.is_packed else np.float32)),
                    format=form.name, layout="stereo",
                )  # fmt: skip
                part.sample_rate, part.time_base = 48_000, Fraction(1, 48_000)
                part.pts = round(begins * 48_000) + begin
                out.mux(sound.encode(part))
        out.mux(sound.encode(None))


def changes_of_sound(path):
    """The seconds at which a tone begins or ends, by the samples of the file."""
    samples = np.zeros(16 * 48_000)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            values = frame.to_ndarray()[0, :: 1 if frame.format.is_planar else 2]
            begin = round(frame.time * 48_000)
            samples[begin : begin + len(values)] = values / (
                32768 if values.dtype == np.int16 else 1
            )
    loud = np.sqrt((samples.reshape(-1, 480) ** 2).mean(axis=1)) > 0.1
    return np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int)]))) / 100


def keep_sound(source, out, start=0.0, end=None):
    """Write the frames of a file and its sound, without a network."""
    with open_writer(out, SIZE, RATE, {}) as writer:
        writer.keep_audio(source, check_codec(out), start, end)
        for frame in read_frames(source, start=start, end=end):
            writer.write(frame.pixels, frame.seconds - start)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, None, [1, 2, 3, 3.5]),
        (0.5, 3.3, [0.5, 1.5, 2.5, 2.8]),
        (1.4, None, [0, 0.6, 1.6, 2.1]),
    ],
)
def test_sound_that_is_encoded_anew_keeps_its_times(tmp_path, start, end, expected):
    source, out = tmp_path / "a.mkv", tmp_path / "a.mp4"
    write_sounding(source, 0, [(1, 2), (3, 3.5)])  # Opus, with nothing stored in between
    assert changes_of_sound(source) == pytest.approx([1, 2, 3, 3.5], abs=0.04)
    keep_sound(source, out, start, end)
    assert changes_of_sound(out) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_the_length_of_a_file_counts_from_its_beginning(tmp_path, suffix):
    path = tmp_path / f"late{suffix}"
    write_sounding(path, 3, [(0.2, 3.5)], codec="aac")
    assert video_info(path).seconds == pytest.approx(4, abs=0.05)


def test_times_begin_with_the_file_whatever_its_clock_says(tmp_path):
    path, out = tmp_path / "camcorder.mts", tmp_path / "a.mp4"
    write_sounding(path, 10, [(0, 1), (1.5, 3.5)], codec="mp2")  # a key frame every 1.2 seconds
    with av.open(str(path)) as container:
        assert container.start_time == pytest.approx(10_000_000, abs=30_000)
    everything = list(read_frames(path))
    steps = [round((float(frame.pixels.mean()) - 20) / 5) for frame in everything]
    assert steps == [frame.number for frame in everything] == list(range(40))
    assert everything[0].seconds == pytest.approx(0, abs=0.03)
    assert video_info(path).seconds == pytest.approx(4, abs=0.05)
    assert len(list(read_frames(path, end=2))) == 20
    for start in (0.5, 1.1, 2.4, 3.5):
        frames = list(read_frames(path, start=start))
        wanted = [frame for frame in everything if frame.seconds >= start]
        assert [frame.number for frame in frames] == [frame.number for frame in wanted]
        assert all((a.pixels == b.pixels).all() for a, b in zip(frames, wanted, strict=True))
    keep_sound(path, out, start=0.5, end=3)
    assert decoded(out)[0][0][0] == pytest.approx(0, abs=0.03)
    assert changes_of_sound(out) == pytest.approx([0, 0.5, 1.0, 2.5], abs=0.06)


@pytest.mark.parametrize(("aspect", "width"), [("4/3", 85), ("8/9", 57), (None, 64)])
def test_pixels_that_are_not_square_become_such(tmp_path, aspect, width):
    path = tmp_path / "dv.mkv"
    write_sounding(path, 0, [], sar=None if aspect is None else Fraction(aspect), count=3)
    frames = list(read_frames(path))
    assert [frame.pixels.shape for frame in frames] == [(48, width, 3)] * 3
    for number, frame in enumerate(frames):
        assert np.abs(frame.pixels.astype(int) - (5 * number + 20)).max() <= 3


def test_a_circle_seen_through_wide_pixels_is_round(tmp_path):
    path, (height, width) = tmp_path / "hdv.mp4", (120, 144)
    y, x = np.mgrid[:height, :width]
    disc = ((x - 72) * 4 / 3) ** 2 + (y - 60) ** 2 < 40**2
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "5"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.sample_aspect_ratio = Fraction(4, 3)
        pixels = np.repeat(np.where(disc, 230, 20).astype(np.uint8)[..., None], 3, axis=2)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    (frame,) = read_frames(path)
    bright = frame.pixels[..., 0] > 125
    assert frame.pixels.shape == (120, 192, 3)
    across, down = bright.any(axis=0).sum(), bright.any(axis=1).sum()
    assert across == pytest.approx(80, abs=2) and down == pytest.approx(80, abs=2)


def test_an_aspect_that_no_recorder_has_is_named(tmp_path):
    path = tmp_path / "odd.mkv"
    write_sounding(path, 0, [], sar=Fraction(10), count=3)
    with pytest.warns(LeadlineWarning, match=r"odd\.mkv: .* 10 times as wide as high"):
        frames = list(read_frames(path))
    assert frames[0].pixels.shape == (48, 64, 3)


def greys(frames):
    return [round((float(frame.pixels.mean()) - 20) / 20) for frame in frames]


def test_frames_are_read_with_their_times(clip):
    frames = list(read_frames(clip))
    assert greys(frames) == list(range(COUNT))
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(COUNT) / RATE)
    info = video_info(clip)
    assert (info.rate, info.has_audio) == (RATE, True)
    assert greys(read_frames(clip, every=3)) == [0, 3, 6, 9]
    cut = list(read_frames(clip, start=0.4, end=0.7))
    assert greys(cut) == [frame.number for frame in cut] == [4, 5, 6]
    assert [frame.number for frame in read_frames(clip, start=0.35, every=2)] == [4, 6, 8]


@pytest.fixture(scope="module")
def done(clip, tmp_path_factory):
    """The clip side by side as MP4, with a depth file for every frame."""
    folder = tmp_path_factory.mktemp("done")
    result = video(
        clip, folder / "out.mp4", color_range=(0.5, 8.0), frames=folder / "depth", precision="f32"
    )
    return result, folder


def decoded(path):
    with av.open(str(path)) as container:
        shots = [
            (frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]
        return shots, dict(container.metadata)


def test_the_video_holds_every_frame_beside_its_depth(done):
    result, folder = done
    shots, metadata = decoded(folder / "out.mp4")
    assert result.frames == len(shots) == COUNT and result.smoothing == "none"
    assert [seconds for seconds, _ in shots] == pytest.approx(np.arange(COUNT) / RATE)
    assert (
        "0.5 to 8 m" in metadata["comment"] and "smoothing over time: none" in metadata["comment"]
    )
    for number, (_, pixels) in enumerate(shots):
        assert np.abs(pixels[:, 4:60].astype(int) - (20 * number + 20)).mean() < 6
    depth = read_depth(folder / "depth" / "000004.npy")
    expected = colorize(depth, vmin=0.5, vmax=8.0)
    shown = shots[4][1][:48, 64:128].astype(int)
    assert np.abs(shown.mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 12


def test_metric_files_are_those_of_prediction(done, clip):
    from leadline.inference import load

    _, folder = done
    files = sorted((folder / "depth").glob("*.npy"))
    assert [file.stem for file in files] == [f"{number:06d}" for number in range(COUNT)]
    frame = list(read_frames(clip))[4]
    np.testing.assert_allclose(
        read_depth(files[4]).depth, load(precision="f32")(frame.pixels).depth, atol=1e-5
    )
    about = json.loads(
        json.loads((folder / "depth" / "000004.npy.json").read_text())["leadline:provenance"]
    )
    assert (about["smoothing"], about["seconds"]) == ("none", "0.400")


def test_frames_of_an_earlier_run_are_named(clip, tmp_path):
    depth = tmp_path / "depth"
    depth.mkdir()
    for name in ("000003.npy", "000099.npy", "100000.npy", "mine.npy"):
        (depth / name).write_bytes(b"")
    with pytest.warns(LeadlineWarning, match=r"depth: 2 depth files in it .* \(000099\.npy\)"):
        video(clip, tmp_path / "v.mp4", color_range=(1, 8), frames=depth, end=0.55)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeadlineWarning)
        warnings.filterwarnings("ignore", message=".* unlike those that")
        video(clip, tmp_path / "v.mp4", color_range=(1, 8), frames=tmp_path / "new", end=0.2)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".webm", "opus")])
def test_the_sound_stays_and_is_cut_with_the_frames(clip, tmp_path, suffix, codec):
    out = tmp_path / f"cut{suffix}"
    video(clip, out, layout="depth", start=0.2, end=0.6, color_range=(1, 9), smooth=0.5)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name in (codec, f"lib{codec}")
        heard = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    shots, metadata = decoded(out)
    assert len(shots) == 4 and shots[0][0] == pytest.approx(0, abs=0.01)
    assert 0.3 < heard < 0.5
    comment = metadata.get("comment", metadata.get("COMMENT", ""))
    assert "smoothing over time: exponential, 0.5" in comment


def test_sound_can_be_left_out(clip, tmp_path):
    video(clip, tmp_path / "a.mp4", every=5, audio=False, color_range=(1, 9))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert len(container.streams.audio) == 0
    assert len(decoded(tmp_path / "a.mp4")[0]) == 2


def test_smoothing_follows_and_does_not_blur_what_changes():
    steady = TemporalFilter(0.5)
    first = np.array([[2.0, 2.0]], np.float32)
    assert (steady(first) == first).all()
    np.testing.assert_allclose(steady(np.array([[2.1, 4.0]], np.float32)), [[2.05, 4.0]])
    off = TemporalFilter(0.0)
    off(first)
    assert (off(first * 1.01) == first * np.float32(1.01)).all() and str(off) == "none"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"out": "a.avi"}, "mp4"),
        ({"every": 0}, "every"),
        ({"start": 2.0, "end": 1.0}, "start"),
        ({"start": float("nan")}, "start nan"),
        ({"start": float("inf")}, "start inf"),
        ({"end": float("nan")}, "end nan"),
        ({"frames": __file__}, "is a file; give a folder"),
        ({"smooth": 1.0}, "smoothing 1"),
        ({"color_range": (5.0, 1.0)}, "vmin"),
        ({"start": 50.0}, "no frame"),
        ({"source": "gone.mp4"}, "no such video"),
    ],
)
def test_wrong_options_are_one_line(clip, tmp_path, options, words):
    options = {"source": clip, "out": "a.mp4", **options}
    out = tmp_path / options.pop("out")
    with pytest.raises(LeadlineError, match=words):
        video(options.pop("source"), out, **options)


def test_a_refused_call_leaves_no_folder(clip, tmp_path):
    for wrong in ({"model": "wrong"}, {"start": 5}):
        with pytest.raises(LeadlineError):
            video(clip, tmp_path / "made" / "v.mp4", frames=tmp_path / "frames", **wrong)
    assert not list(tmp_path.iterdir())


def test_a_video_of_one_frame_has_the_range_of_that_frame(tmp_path):
    Image.fromarray(picture(5)).save(tmp_path / "one.jpg")
    made = video(tmp_path / "one.jpg", tmp_path / "one.mp4", model="compact-nyu")
    low, high = made.color_range
    assert (made.frames, low > 0.2, high != 1) == (1, True, True)


def test_the_colours_of_a_video_are_the_same_with_an_end_behind_it(clip, tmp_path):
    options = {"model": "compact-nyu", "every": 5}
    whole = video(clip, tmp_path / "a.mp4", **options)
    behind = video(clip, tmp_path / "b.mp4", end=1000, **options)
    assert behind.color_range == whole.color_range


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_file_that_is_cut_short_is_named(tmp_path, suffix):
    path, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as out:
        codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
        stream = out.add_stream(codec, rate=RATE, options={"g": "1"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        noise = np.random.default_rng(1)
        for _ in range(30):
            pixels = noise.integers(0, 256, (*SIZE, 3), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    data = path.read_bytes()
    cut.write_bytes(data[: len(data) * 6 // 10])
    options = {"model": "compact-nyu", "color_range": (1, 8), "every": 4}
    with pytest.warns(
        LeadlineWarning, match=r"cut\.\w+: its frames end at [12]\.\d s, .* has 3\.0 s"
    ):
        video(cut, tmp_path / "a.mp4", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeadlineWarning)
        video(path, tmp_path / "a.mp4", **options)
        video(path, tmp_path / "a.mp4", end=2, **options)
        video(cut, tmp_path / "a.mp4", end=1.5, **options)


def test_a_file_that_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"not a video at all" * 20)
    with pytest.raises(LeadlineError, match=r"a\.mp4: cannot be read as video"):
        list(read_frames(tmp_path / "a.mp4"))


def test_a_depth_map_keeps_its_holes():
    depth = DepthMap.from_metres([[1.0, 0.0]])
    assert (TemporalFilter(0.5)(depth.depth) == depth.depth).all()


def test_what_is_a_camera_and_what_is_a_stream(monkeypatch):
    assert find_source("/dev/video1") == find_source("1") == LiveSource("/dev/video1", "v4l2")
    assert find_source("rtsp://h/s") == LiveSource("rtsp://h/s")
    assert find_source("clip.mp4") == Path("clip.mp4")
    # The name is written into files, which are handed on.
    assert LiveSource("rtsp://me:secret@h/s").name == LiveSource("rtsp://h/s").name == "rtsp://h/s"
    monkeypatch.setattr("sys.platform", "darwin")
    assert find_source("0") == LiveSource("0", "avfoundation")
    monkeypatch.setattr("sys.platform", "win32")
    assert find_source("video=Cam 1") == LiveSource("video=Cam 1", "dshow")


def test_a_camera_that_is_not_there_is_one_line():
    with pytest.raises(LeadlineError, match=r"/dev/video99: .*check that it is there"):
        video_info(find_source("99"))


@pytest.fixture
def camera(monkeypatch):
    """FFmpeg's test picture, 10 frames a second without end, in the place of a camera."""
    source = LiveSource("testsrc=size=64x48:rate=10", "lavfi")
    monkeypatch.setattr(predict_video, "find_source", lambda _name: source)


def test_a_camera_is_recorded_until_the_end(camera, tmp_path):
    result = video("0", tmp_path / "out.mp4", end=0.7, precision="f32")
    assert (result.frames, len(decoded(tmp_path / "out.mp4")[0])) == (7, 7)
    assert video_info(tmp_path / "out.mp4").has_audio is False


def test_an_interrupted_recording_is_a_whole_file(camera, tmp_path):
    def interrupt(frames, _title, _total, unit):
        yield from frames
        raise KeyboardInterrupt  # at the second frame: nobody knows how many there will be

    result = video(
        "0", tmp_path / "out.mp4", color_range=(0.5, 8), precision="f32", track=interrupt
    )
    assert result.frames == len(decoded(tmp_path / "out.mp4")[0]) >= 1


def test_an_interrupted_file_is_not_written(clip, tmp_path):
    def interrupt(frames, _title, _total, unit):
        yield next(iter(frames))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        video(clip, tmp_path / "out.mp4", color_range=(0.5, 8), track=interrupt)
    assert not (tmp_path / "out.mp4").exists()
