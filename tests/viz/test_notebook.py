"""What notebooks, Pillow, matplotlib and torch get of a depth map."""

import base64
import io
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from leadline.depth import DepthMap, Intrinsics
from leadline.io import read_depth
from leadline.viz import colorize
from tests.complaints import complaint

mpl.use("agg")

DEPTH_MAP = DepthMap.from_metres(
    np.where(np.eye(60, 80, dtype=bool), 0, np.linspace(1, 4, 4800).reshape(60, 80)),
    intrinsics=Intrinsics.centred(50.0, 80, 60),
    provenance={"model": "<b>", "source": "room.jpg"},
)


def test_a_notebook_shows_colours_scale_unit_and_words() -> None:
    html = DEPTH_MAP._repr_html_()
    shown = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])))
    np.testing.assert_array_equal(np.asarray(shown), colorize(DEPTH_MAP, bar=True))
    assert "DepthMap(80x60, 1 to 4 m, 98.8% valid)" in html
    assert "unit: metres, planar z; fx 50 px" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert Image.open(io.BytesIO(DEPTH_MAP._repr_png_())).size == shown.size


def test_a_large_map_is_shown_smaller_without_new_values() -> None:
    large = DepthMap.from_metres(np.tile([[1.0, 9.0]], (1500, 1000)))
    shown = Image.open(io.BytesIO(large._repr_png_()))
    assert shown.height == 500
    assert len(np.unique(np.asarray(shown)[:, :600].reshape(-1, 3), axis=0)) <= 2


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png", ".exr", ".pfm"])
def test_what_is_saved_is_read_again(tmp_path, suffix) -> None:
    path = DEPTH_MAP.save(tmp_path / f"depth{suffix}")
    again = read_depth(path)
    assert np.abs(again.depth - DEPTH_MAP.depth).max() <= (5.01e-4 if suffix == ".png" else 0)
    np.testing.assert_array_equal(again.valid, DEPTH_MAP.valid)
    assert again.intrinsics == DEPTH_MAP.intrinsics
    assert again.provenance == DEPTH_MAP.provenance


def test_units_of_saved_files(tmp_path) -> None:
    path = DEPTH_MAP.save(tmp_path / "depth.png", units="kitti")
    assert np.asarray(Image.open(path)).max() == 4 * 256
    assert "the other formats hold metres" in complaint(
        lambda: DEPTH_MAP.save(tmp_path / "depth.npy", units=256)
    )
    wrong = complaint(lambda: DEPTH_MAP.save(tmp_path / "depth.gif"))
    assert "not a depth format" in wrong and wrong.count("png") == 1


def test_plot_has_the_metres_the_colours_and_the_unit() -> None:
    axes = DEPTH_MAP.plot(title="room", vmax=3.0)
    drawn = axes.images[0]
    np.testing.assert_array_equal(drawn.get_array().filled(0), DEPTH_MAP.depth)
    assert drawn.get_clim()[1] == 3.0
    assert axes.figure.axes[1].get_ylabel() == "depth (m)"
    # Near is warm, as in every other picture of depth.
    near, far = drawn.cmap(0.02), drawn.cmap(0.98)
    assert near[0] > near[2]
    assert far[2] > far[0] or far[0] < 0.5
    assert DEPTH_MAP.plot(ax=axes) is axes


def test_plot_takes_the_ranges_and_colours_that_picture_takes() -> None:
    # The far end of a map of 1 to 4 m does not lie beyond 5 m: a metre more is shown.
    assert DEPTH_MAP.plot(vmin=5).images[0].get_clim() == (5, 6)
    for draw in (DEPTH_MAP.plot, DEPTH_MAP.picture):
        assert "not below vmax" in complaint(lambda: draw(vmin=4, vmax=2))  # noqa: B023
        assert "unknown colour map" in complaint(lambda: draw(cmap="foo"))  # noqa: B023


def test_torch_gets_a_copy_of_the_metres() -> None:
    tensor = DEPTH_MAP.to_torch()
    assert tensor.shape == (1, 60, 80)
    np.testing.assert_array_equal(tensor[0].numpy(), DEPTH_MAP.depth)
    tensor.zero_()
    assert DEPTH_MAP.depth.max() == 4


def test_without_torch_and_matplotlib_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['matplotlib'] = None\n"
        "from leadline import DepthMap, LeadlineError\n"
        "for ask in ('to_torch', 'plot'):\n"
        "    try: getattr(DepthMap.from_metres([[1.0]]), ask)()\n"
        "    except LeadlineError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    torch, plot = done.stdout.splitlines()
    assert "pip install 'leadline[train]'" in torch
    assert "pip install matplotlib" in plot
