"""What people look at: surfaces, normals, masks, one range for a folder, the sheet, grey16."""

import shutil

import numpy as np
import pytest
from PIL import Image

from leadline.depth import DepthMap, Intrinsics
from leadline.errors import LeadlineError
from leadline.inference import OutputOptions, combined_pictures, predict
from leadline.inference.combined_pictures import draw_together
from leadline.io import depth_format, read_depth, write_depth
from leadline.io.convert import convert
from leadline.io.grey16 import read_grey16
from leadline.io.jobs import FileJob
from leadline.viz.color import colorize, robust_range
from leadline.viz.normals import colorize_normals, smoothed
from tests.cli.helpers import leadline_here
from tests.conftest import make_scene


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "a.png"
    Image.fromarray(make_scene(np.random.default_rng(0), (48, 64))[0]).save(path)
    return path


def test_everything_that_is_asked_for_is_written(photo, tmp_path):
    output = OutputOptions(color=True, mesh=True, normals=True, mask=True, sheet=True)
    [done] = predict(photo, tmp_path, output=output).done
    names = {file.name for file in done.files}
    assert names == {"a.npy", "a_color.png", "a_normals.png", "a_valid.png", "a_mesh.glb"}
    assert all(file.is_file() for file in done.files) and (tmp_path / "sheet.png").is_file()
    assert (np.asarray(Image.open(tmp_path / "a_valid.png")) == 255).all()
    colours = np.asarray(Image.open(tmp_path / "a_normals.png"))
    known = colours.any(axis=2)
    lengths = np.linalg.norm(colours.astype(float) / 127.5 - 1, axis=2)
    assert known.mean() > 0.9 and np.abs(lengths[known] - 1).max() < 0.02
    # A second run finds nothing to predict among them.
    again = predict(photo, tmp_path, output=output, skip_existing=True)
    assert (len(again.done), again.existing) == (0, 1)


def jobs_of(folder, depths):
    jobs = []
    for name, metres in depths.items():
        target = folder / name
        write_depth(folder / f"{name}.npy", DepthMap.from_metres(metres))
        jobs.append(FileJob(folder / f"{name}.jpg", target))
    return jobs


@pytest.mark.parametrize("kind", ["auto", "1,9"])
def test_one_range_colours_equal_metres_alike(tmp_path, kind):
    ramp = np.linspace(1, 9, 40 * 60).reshape(40, 60)
    depths = {"near": np.minimum(ramp, 3.0), "far": np.maximum(ramp, 3.0)}
    output = OutputOptions(color=True, color_range=kind, cmap="gray")
    jobs = jobs_of(tmp_path, depths)
    assert draw_together(jobs, tmp_path, output) == []
    if kind != "auto":  # drawn at once, with every photograph
        return
    pictures = {
        name: np.asarray(Image.open(tmp_path / f"{name}_color.png"))[:, :60] for name in depths
    }
    pool = np.concatenate([depth.ravel() for depth in depths.values()])
    low, high = np.percentile(pool, (2, 98))
    for name, metres in depths.items():
        expected = colorize(DepthMap.from_metres(metres), vmin=low, vmax=high, cmap="gray")
        assert np.abs(pictures[name].astype(int) - expected).max() <= 1


def test_the_pixels_of_many_maps_are_bounded_and_each_counts_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(combined_pictures, "SAMPLED_IN_ALL", 30)
    seen = []

    def range_of(values, valid):
        seen.append(values.shape)
        return robust_range(values, valid)

    monkeypatch.setattr(combined_pictures, "robust_range", range_of)
    jobs = jobs_of(tmp_path, {"a": np.full((20, 30), 1.0), "b": np.full((2, 30), 5.0)})
    limits, failures = combined_pictures._common_range(jobs, OutputOptions(color=True))
    assert (seen, failures) == ([(2, 15)], [])
    assert limits == pytest.approx((1.0, 5.0))


@pytest.mark.parametrize("text", ["1", "a,b", "1,2,3", "5,1", "every"])
def test_a_wrong_range_is_refused(text):
    with pytest.raises(LeadlineError):
        OutputOptions(color=True, color_range=text)


def test_a_range_given_twice_is_refused():
    with pytest.raises(LeadlineError, match="contradict"):
        OutputOptions(color=True, color_range="1,2", vmin=1.0)


def test_grey16_is_inverse_depth_and_says_so(tmp_path):
    metres = np.array([[0.0, 1.0, 2.0], [4.0, 8.0, 8.0]], np.float32)
    write_depth(tmp_path / "a.png", DepthMap.from_metres(metres), "grey16")
    grey = np.asarray(Image.open(tmp_path / "a.png")).astype(float)
    share = (1 / np.array([1, 2, 4, 8, 8]) - 1 / 8) / (1 - 1 / 8)
    np.testing.assert_allclose(grey.ravel()[1:], np.rint(share * 65534) + 1)
    assert grey[0, 0] == 0
    text = Image.open(tmp_path / "a.png").text
    assert text["leadline:kind"] == "inverse depth, near = white, not metres"
    assert [float(part) for part in text["leadline:inverse_range"].split()] == [0.125, 1.0]
    assert "leadline:units_per_metre" not in text
    np.testing.assert_allclose(read_grey16(tmp_path / "a.png").depth, metres, rtol=1e-4)


def test_grey16_is_refused_as_depth(tmp_path):
    write_depth(tmp_path / "a.png", DepthMap.from_metres(np.ones((4, 4))), "grey16")
    for units in (None, 1000):
        with pytest.raises(LeadlineError, match=r"a\.png: is a picture of inverse depth"):
            read_depth(tmp_path / "a.png", units)
    results = convert(tmp_path / "a.png", tmp_path / "out", format="npy", input_units=1000)
    assert results.done == [] and "grey16" in results.failures[0].message
    assert list((tmp_path / "out").glob("*.npy")) == []


def test_noise_of_single_pixels_is_no_direction_of_a_drawn_wall(tmp_path):
    """A wall turned by 30 degrees, with errors of half a percent from pixel to pixel."""
    camera = Intrinsics.centred(250.0, 320, 240)
    ray = (np.arange(320) - camera.cx) / camera.fx
    metres = np.tile(2 / (1 + np.tan(np.radians(30)) * ray), (240, 1))
    noisy = metres * np.random.default_rng(0).normal(1, 0.005, metres.shape)
    inner = np.s_[10:-10, 10:-10]

    def degrees_off(depth):
        found = depth.normals()[inner] @ np.array(
            [-np.sin(np.radians(30)), 0, -np.cos(np.radians(30))]
        )
        return np.median(np.degrees(np.arccos(np.clip(found, -1, 1))))

    plain, depth = (DepthMap.from_metres(each, intrinsics=camera) for each in (metres, noisy))
    assert degrees_off(smoothed(plain)) < 0.2
    assert degrees_off(depth) > 25 and degrees_off(smoothed(depth)) < 10


def test_the_drawn_normals_are_those_of_smoothed_depth(photo, tmp_path):
    output = OutputOptions(normals=True)
    [done] = predict(photo, tmp_path, output=output, fov=60).done
    expected = colorize_normals(smoothed(done.depth_map).normals())
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a_normals.png")), expected)


def test_a_wall_straight_ahead_is_light_blue():
    normals = np.zeros((2, 2, 3), np.float32)
    normals[0, 0] = (0, 0, -1)
    normals[1, 1] = (0, -1, 0)  # y is down: this one looks up
    picture = colorize_normals(normals)
    assert picture[0, 0].tolist() == [128, 128, 255]
    assert picture[1, 1].tolist() == [128, 255, 128]
    assert picture[0, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("looks", [{"color": True}, {"sheet": True}])
def test_a_damaged_depth_file_of_an_earlier_run_is_left_out_and_said(tmp_path, looks):
    jobs = jobs_of(tmp_path, {name: np.full((40, 60), 2.0) for name in ("a", "b", "c")})
    whole = (tmp_path / "b.npy").read_bytes()
    (tmp_path / "b.npy").write_bytes(whole[: len(whole) // 2])
    [undrawn] = draw_together(jobs, tmp_path, OutputOptions(**looks))
    assert undrawn.source.name == "b.jpg" and "b.npy" in undrawn.message
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == ({"sheet.png"} if "sheet" in looks else {"a_color.png", "c_color.png"})


def test_a_sheet_with_a_given_range_leaves_it_out_too(tmp_path):
    jobs = jobs_of(tmp_path, {"a": np.full((40, 60), 2.0)})
    (tmp_path / "a.npy").write_bytes(b"")
    output = OutputOptions(sheet=True, color_range="1,9")
    assert len(draw_together(jobs, tmp_path, output)) == 1
    assert not (tmp_path / "sheet.png").exists()


def test_what_is_not_drawn_is_no_further_input(photo, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(photo, tmp_path / "in" / f"{name}.png")
    (tmp_path / "out").mkdir()
    for end in ("npy", "npy.json"):  # of an earlier run
        (tmp_path / f"out/c.{end}").write_bytes(b"")
    (tmp_path / "in/a.png").write_bytes(b"no picture")
    done = leadline_here(
        "predict", tmp_path / "in", "-o", tmp_path / "out", "--sheet", "--skip-existing"
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert "leadline: 1 of 2 skipped:" in lines and "leadline: 1 of 2 not drawn:" in lines
    assert done.stdout.startswith("1 of 2 predicted")


def test_grey16_without_unit_is_drawn_and_refused_as_such_where_a_run_is_taken_up(photo, tmp_path):
    """There is no model then that would say what its depth was."""
    inverse = np.linspace(1, 9, 48 * 64, dtype=np.float32).reshape(48, 64)
    relative = DepthMap.from_inverse(inverse)
    for format in ("grey16", "npy"):
        write_depth(tmp_path / format / f"a{depth_format(format).suffix}", relative, format)
        output = OutputOptions(format, color=True, sheet=True, cmap="gray")
        results = predict(photo, tmp_path / format, output=output, skip_existing=True)
        drawn = np.asarray(Image.open(tmp_path / format / "a_color.png")).astype(int)
        assert np.abs(drawn - colorize(relative, cmap="gray", bar=True)).max() <= 1
        assert [each.message for each in results.undrawn] == [
            f"{output.depth_file(tmp_path / format / 'a')}: has no metres for sheet.png"
        ]
        half = OutputOptions(format, color=True, vmax=3.0)
        results = predict(photo, tmp_path / format, output=half, skip_existing=True)
        assert ["are metres" in each.message for each in results.undrawn] == [True]
