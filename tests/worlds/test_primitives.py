"""Shapes are closed, face outwards and have the volumes of the textbook."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.worlds import primitives as p
from leadline.worlds.primitives import Mesh

VASE = [(0, 0), (0.05, 0), (0.08, 0.1), (0.03, 0.2), (0.02, 0.2), (0, 0.05)]
CLOSED = {
    "box": p.box((0.4, 0.7, 0.2)),
    "grained box": p.box((0.4, 0.7, 0.2), grain=True),
    "block": p.block((0, 1, 2), (1, 3, 5)),
    "rounded box": p.rounded_box((0.4, 0.7, 0.2), 0.05),
    "finely rounded box": p.rounded_box((0.4, 0.7, 0.2), 0.004),
    "puffed box": p.rounded_box((0.6, 0.6, 0.15), 0.04, 0.03),
    "slab": p.slab((0, 0, 0), (1, 0.3, 0.02)),
    "pillow": p.pillow(0.42, 0.17),
    "cylinder": p.cylinder(0.3, 0.5),
    "cone": p.cylinder(0.3, 0.5, top=0.0),
    "ball": p.ball(0.2, 0.9),
    "vase": p.lathe(VASE),
    "bar": p.tube([(0, 0, 0), (0, 0.1, 0.3), (0.2, 0.1, 0.5)], [0.02, 0.03, 0.01]),
    "house": p.extruded([(0, 0), (4, 0), (4, 2), (2, 3), (0, 2)], 5),
    "lump": p.blob(np.random.default_rng(0), 0.6, 0.4),
    "turned box": p.box((1, 2, 3)).turned(33, "x").turned(71, "y").moved(1, 2, 3),
    "stretched ball": p.ball(1.0).scaled(0.3, 0.2, 0.9),
}


def volume(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


@pytest.mark.parametrize("name", CLOSED)
def test_outward_normals_agree_with_the_winding(name: str) -> None:
    mesh = CLOSED[name]
    implied = p.face_normals(mesh.vertices, mesh.faces)
    stored = mesh.normals[mesh.faces].sum(axis=1)
    assert np.all(np.einsum("ij,ij->i", implied, stored) > 0)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1)[mesh.faces], 1, atol=1e-9)


@pytest.mark.parametrize("name", CLOSED)
def test_closed_shapes_are_watertight_and_face_outwards(name: str) -> None:
    mesh = CLOSED[name]
    _, place = np.unique(np.round(mesh.vertices, 7), axis=0, return_inverse=True)
    faces = place.reshape(-1)[mesh.faces]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert sorted(map(tuple, edges)) == sorted(map(tuple, edges[:, ::-1]))
    x, y, z = -mesh.vertices.mean(axis=0)
    assert volume(mesh.moved(x, y, z)) > 0


def test_volumes_are_those_of_the_textbook() -> None:
    assert volume(p.box((0.4, 0.7, 0.2))) == pytest.approx(0.056)
    assert volume(p.cylinder(0.3, 0.5, sides=400)) == pytest.approx(np.pi * 0.09 * 0.5, rel=1e-3)
    assert volume(p.ball(0.2, sides=200)) == pytest.approx(4 / 3 * np.pi * 0.2**3, rel=2e-3)
    house = volume(p.extruded([(0, 0), (4, 0), (4, 2), (2, 3), (0, 2)], 5))
    assert house == pytest.approx((4 * 2 + 4 * 1 / 2) * 5)


def test_a_sheet_faces_columns_cross_rows() -> None:
    x, y = np.meshgrid((0.0, 1.0), (0.0, 1.0))
    flat = p.sheet(np.stack([x, y, 0 * x], axis=-1), np.stack([x, y], axis=-1))
    np.testing.assert_allclose(flat.normals, np.tile([0.0, 0.0, 1.0], (4, 1)))


def test_copies_stand_where_they_were_asked_for() -> None:
    post = p.box((0.1, 0.1, 1.0))
    row = p.repeated(post, [(0, 0, 0), (2, 0, 0), (4, 0, 0)])
    assert len(row.faces) == 3 * len(post.faces)
    assert volume(row) == pytest.approx(3 * volume(post))
    assert row.vertices[:, 0].max() == pytest.approx(4.05)


def test_the_texture_of_a_box_is_in_metres() -> None:
    mesh = p.box((0.4, 0.7, 0.2))
    top = mesh.normals[:, 2] > 0.5
    np.testing.assert_allclose(np.ptp(mesh.uv[top], axis=0), (0.4, 0.7))
