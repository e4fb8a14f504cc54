"""Equal numbers give equal worlds, whoever renders them; splits share nothing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.worlds import QUALITIES, View, render_room, render_street, street_views
from leadline.worlds.grammar.rooms import Room, build_room
from leadline.worlds.grammar.street.street import build_street
from leadline.worlds.randomness import Seeds, Split, stream

pytest.importorskip("embreex")

SMALL = (48, 64)
FAST = replace(QUALITIES["training"], tile_size=32)  # drawing tiles takes most of the time


def _same(a: View, b: View) -> None:
    np.testing.assert_array_equal(a.depth.depth, b.depth.depth)
    np.testing.assert_array_equal(a.classes, b.classes)
    np.testing.assert_array_equal(a.instances, b.instances)
    np.testing.assert_array_equal(a.image, b.image)


def digest(view: View) -> str:
    """SHA-256 of what a view shows."""
    planes = (view.image, view.depth.depth, view.instances)
    return hashlib.sha256(b"".join(plane.tobytes() for plane in planes)).hexdigest()


def test_the_same_room_again_is_the_same_bits() -> None:
    _same(render_room(1, 5, size=SMALL, level=FAST), render_room(1, 5, size=SMALL, level=FAST))


def test_the_same_street_again_is_the_same_bits() -> None:
    first = render_street(1, 2, 3, size=SMALL, level=FAST)
    # Also after other views of the same street, which come before it here.
    *_, last = street_views(1, 2, size=SMALL, level=FAST)
    _same(first, last)


def test_another_process_gives_the_same_bits() -> None:
    code = (
        "from tests.worlds.test_determinism import FAST, SMALL, digest; "
        "from leadline.worlds import render_room; "
        "print(digest(render_room(1, 5, size=SMALL, level=FAST)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout.strip() == digest(render_room(1, 5, size=SMALL, level=FAST))


@pytest.mark.parametrize("other", [{"seed": 2}, {"index": 6}, {"split": "val"}])
def test_another_seed_index_or_split_is_another_room(other: dict[str, object]) -> None:
    key: dict[str, object] = {"seed": 1, "index": 5, "split": "train"}
    first = render_room(**key, size=SMALL, level=FAST)  # type: ignore[arg-type]
    second = render_room(**{**key, **other}, size=SMALL, level=FAST)  # type: ignore[arg-type]
    assert np.mean(first.depth.depth == second.depth.depth) < 0.1


def test_streams_do_not_move_each_other() -> None:
    seeds = Seeds(1, "train", 5)
    used = seeds.stream("layout")
    before = seeds.stream("light").random(4)
    used.random(1000)
    np.testing.assert_array_equal(before, seeds.stream("light").random(4))
    assert not np.array_equal(seeds.stream("layout").random(4), before)
    np.testing.assert_array_equal(stream("a", 1).random(3), stream("a", 1).random(3))


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(LeadlineError, match="train, val, test"):
        Seeds(1, "trian", 5)  # type: ignore[arg-type]


@cache
def _room(split: Split, index: int) -> Room:
    return build_room(Seeds(4, split, index))


def _rooms(split: Split, count: int = 12) -> list[Room]:
    return [_room(split, index) for index in range(count)]


def test_splits_share_no_texture() -> None:
    tiles = {
        split: {tile for room in _rooms(split) for tile in room.scene.tiles}
        for split in get_args(Split)
    }
    assert not tiles["train"] & tiles["val"]
    assert not tiles["train"] & tiles["test"]
    assert not tiles["val"] & tiles["test"]
    assert all(f"/{split}/" in tile for split, names in tiles.items() for tile in names)


def _shapes(room: Room) -> set[tuple[str, int, float, float]]:
    """What tells shapes apart however they stand: name, triangles, height, length of all edges."""
    out, scene = set(), room.scene
    for instance in np.unique(scene.instances):
        name = scene.instance_name(int(instance))
        if name in ("vase", "jar", "floor lamp", "candle"):
            mine = np.isin(scene.part, np.flatnonzero(scene.instances == instance))
            corners = scene.vertices[scene.faces[mine]].astype(np.float64)
            edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).sum()
            out.add((name, len(corners), round(float(np.ptp(corners[..., 2])), 4), round(edges, 3)))
    return out


def test_splits_share_no_design() -> None:
    train = set().union(*(_shapes(room) for room in _rooms("train", 16)))
    val = set().union(*(_shapes(room) for room in _rooms("val", 16)))
    assert len(train) > 10
    assert len(val) > 10
    assert not train & val


def test_a_design_comes_again_within_its_split() -> None:
    shapes = [_shapes(room) for room in _rooms("train", 24)]
    every = [shape for room in shapes for shape in room]
    assert len(set(every)) < len(every)


def test_weather_changes_light_and_leaves_things_where_they_are() -> None:
    clone, fog = (
        render_street(1, 2, 0, variation=name, size=SMALL, level=FAST) for name in ("clone", "fog")
    )
    np.testing.assert_array_equal(clone.depth.depth, fog.depth.depth)
    np.testing.assert_array_equal(clone.instances, fog.instances)
    assert np.mean(clone.image == fog.image) < 0.3


def test_streets_of_one_seed_are_built_alike() -> None:
    a, b = (build_street(Seeds(1, "train", 3)) for _ in range(2))
    np.testing.assert_array_equal(a.scene.vertices, b.scene.vertices)
    np.testing.assert_array_equal(a.scene.tint, b.scene.tint)
    assert a.lamps == b.lamps
    assert replace(Seeds(1, "train", 3)) == Seeds(1, "train", 3)
