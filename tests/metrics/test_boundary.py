"""Boundary F1 against loops over pixels; edges where they were planted."""

import numpy as np
import pytest

from leadline.metrics.boundary import THRESHOLDS, boundary_score, depth_edge_mask


def by_loops(p: np.ndarray, g: np.ndarray, scored: np.ndarray) -> tuple[float, float, float]:
    """Depth Pro's definition, neighbour by neighbour."""
    h, w = g.shape
    precision, recall, f1 = [], [], []
    for t in THRESHOLDS:
        ps, rs = [], []
        for dv, du in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            both = found = true = 0
            for v in range(h):
                for u in range(w):
                    v2, u2 = v + dv, u + du
                    if not (0 <= v2 < h and 0 <= u2 < w and scored[v, u] and scored[v2, u2]):
                        continue
                    a = float(p[v2, u2]) / float(p[v, u]) > t
                    b = float(g[v2, u2]) / float(g[v, u]) > t
                    both, found, true = both + (a and b), found + a, true + b
            ps.append(both / max(found, 1))
            rs.append(both / max(true, 1))
        precision.append(np.mean(ps))
        recall.append(np.mean(rs))
        total = precision[-1] + recall[-1]
        f1.append(2 * precision[-1] * recall[-1] / total if total else 0)
    weights = THRESHOLDS / THRESHOLDS.sum()
    return weights @ precision, weights @ recall, weights @ f1


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_the_definition(seed):
    rng = np.random.default_rng(seed)
    g = np.exp(rng.normal(0, 0.1, (12, 15))).astype(np.float32)
    p = (g * np.exp(rng.normal(0, 0.05, g.shape))).astype(np.float32)
    scored = rng.random(g.shape) < 0.8
    score = boundary_score(p, g, scored)
    assert score is not None
    assert (score.precision, score.recall, score.f1) == pytest.approx(by_loops(p, g, scored))


def test_it_sees_edges_not_scale():
    g = np.ones((20, 20), np.float32)
    g[:, 10:] = 2
    g[10:] *= 1.5
    everywhere = np.ones(g.shape, bool)
    perfect = boundary_score(7 * g, g, everywhere)
    assert perfect is not None
    # Two of the four directions have no edge at all and count as nothing found, as published.
    assert perfect.f1 == pytest.approx(0.5)
    blurred = boundary_score(np.ones_like(g), g, everywhere)
    assert blurred is not None
    assert blurred.f1 == 0


def test_a_truth_without_edges_says_nothing():
    flat = np.full((5, 5), 3.0, np.float32)
    assert boundary_score(flat, flat, np.ones(flat.shape, bool)) is None


def test_edges_are_the_pixels_around_a_jump():
    g = np.full((9, 12), 1.0, np.float32)
    g[:, 6:] = 1.2
    mask = depth_edge_mask(g, np.ones(g.shape, bool))
    # The jump lies between columns 5 and 6; two columns more to each side belong to it.
    assert np.flatnonzero(mask.all(axis=0)).tolist() == [3, 4, 5, 6, 7, 8]
    assert mask.sum() == 6 * 9


def test_a_hole_is_no_edge():
    g = np.full((9, 12), 1.0, np.float32)
    g[4, 4] = 0
    assert not depth_edge_mask(g, g > 0).any()
