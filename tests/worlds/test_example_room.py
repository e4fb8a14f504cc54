"""The example room: its depth is exact, and the committed files agree with it."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leadline.worlds import example_room
from leadline.worlds.render import Geometry, Tracer, render, render_geometry

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def script() -> ModuleType:
    """The module in `scripts/`, which is not an installed package."""
    folder = str(ROOT / "scripts")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("render_example_room")


@pytest.fixture(scope="module")
def tracer() -> Tracer:
    pytest.importorskip("embreex")
    return Tracer(example_room.build())


@pytest.fixture(scope="module")
def geometry(tracer: Tracer) -> Geometry:
    return render_geometry(tracer, example_room.CAMERA)


def test_depth_of_the_rooms_floor_is_the_closed_form(tracer: Tracer, geometry: Geometry) -> None:
    names = np.array(["nothing", *tracer.scene.names])[geometry.instances]
    floor = names == "floor"
    assert floor.sum() > 1000
    ways = example_room.CAMERA.pixel_rays().reshape(480, 640, 3)
    expected = -example_room.CAMERA.position[2] / ways[..., 2]
    np.testing.assert_allclose(geometry.depth[floor], expected[floor], rtol=1e-6)


def test_the_picture_is_finite_repeatable_and_has_shadows(tracer: Tracer) -> None:
    camera = example_room.CAMERA.scaled(80, 60)
    for level in ("training", "picture"):
        quality = script().quality(level)
        quality = replace(quality, samples=min(quality.samples, 2))
        first, _ = render(tracer, camera, quality)
        assert first.shape == (60, 80, 3)
        assert np.all(np.isfinite(first))
        assert np.all(first >= 0)
        np.testing.assert_array_equal(first, render(tracer, camera, quality)[0])
        brightness = first.mean(axis=2)
        assert np.percentile(brightness, 95) > 5 * np.percentile(brightness, 5)


def test_both_qualities_show_the_same_light(tracer: Tracer) -> None:
    camera = example_room.CAMERA.scaled(80, 60)
    many = replace(script().quality("picture"), samples=8)
    fast, slow = (render(tracer, camera, level)[0] for level in ("training", many))
    np.testing.assert_allclose(fast.mean(), slow.mean(), rtol=0.08)


@pytest.fixture(scope="module")
def committed_depth() -> np.ndarray:
    with Image.open(EXAMPLES / "room_depth.png") as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return dict(json.loads((EXAMPLES / "room.json").read_text(encoding="utf-8")))


def test_the_committed_depth_is_what_the_room_measures(
    geometry: Geometry, committed_depth: np.ndarray
) -> None:
    apart = np.abs(committed_depth / 1000.0 - geometry.depth)
    # Processors may disagree about which side of an outline a ray passes; nothing else may differ.
    assert np.mean(apart > 0.0006) < 0.001


def test_the_depth_file_says_what_its_numbers_mean() -> None:
    with Image.open(EXAMPLES / "room_depth.png") as image:
        assert np.asarray(image).dtype == np.uint16
        assert float(image.text["leadline:units_per_metre"]) == 1000  # type: ignore[attr-defined]
        assert image.text["leadline:kind"].startswith("planar z")  # type: ignore[attr-defined]


def test_the_three_files_belong_together_and_stay_small(
    committed_depth: np.ndarray, description: dict[str, Any]
) -> None:
    size = (description["intrinsics"]["width"], description["intrinsics"]["height"])
    assert committed_depth.shape == size[::-1]
    assert committed_depth.min() > 0
    with Image.open(EXAMPLES / description["image"]) as image:
        assert (image.size, image.mode) == (size, "RGB")
    names = ("room.jpg", "room_depth.png", "room.json")
    assert sum((EXAMPLES / name).stat().st_size for name in names) < 600_000


def test_named_points_match_the_depth_file(
    committed_depth: np.ndarray, description: dict[str, Any]
) -> None:
    points = description["points"]
    assert len(points) >= 5
    for point in points:
        stored = committed_depth[point["y"], point["x"]] / 1000
        assert point["depth_m"] == pytest.approx(stored, abs=0.0006), point["name"]
    depths = [point["depth_m"] for point in points]
    assert min(depths) < 1.6
    assert max(depths) > 3.8


def test_a_point_on_an_outline_is_refused(
    tracer: Tracer, geometry: Geometry, monkeypatch: pytest.MonkeyPatch
) -> None:
    astray = example_room.NamedPoint("corner of the table", 416, 330, "table")
    monkeypatch.setattr(example_room, "NAMED_POINTS", (astray,))
    with pytest.raises(ValueError, match="corner of the table"):
        script().measured_points(tracer.scene, geometry)
