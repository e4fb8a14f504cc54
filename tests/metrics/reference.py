"""An implementation of every protocol of its own: straight numpy from the published definitions.

It shares nothing with the package: each protocol is written out as the code it stands for does it.
"""

import numpy as np


def nine(p: np.ndarray, g: np.ndarray) -> dict[str, float]:
    """The nine metrics and the documents' two of two float64 vectors."""
    d = np.log(p) - np.log(g)
    ratio = np.maximum(p / g, g / p)
    return {
        "delta1": (ratio < 1.25).mean(),
        "delta2": (ratio < 1.25**2).mean(),
        "delta3": (ratio < 1.25**3).mean(),
        "abs_rel": (abs(p - g) / g).mean(),
        "sq_rel": ((p - g) ** 2 / g).mean(),
        "rmse": np.sqrt(((p - g) ** 2).mean()),
        "rmse_log": np.sqrt((d**2).mean()),
        "log10": abs(np.log10(p) - np.log10(g)).mean(),
        "silog": 100 * np.sqrt(max(0.0, (d**2).mean() - d.mean() ** 2)),
        "depth_accuracy": np.clip(1 - abs(p - g).sum() / g.sum(), 0, 1),
        "rmse_log1p": np.sqrt(((np.log(p + 1) - np.log(g + 1)) ** 2).mean()),
    }


def devkit(p: np.ndarray, g: np.ndarray) -> dict[str, float]:
    """What KITTI's evaluate_depth.cpp computes, silog times 100."""
    return {
        **nine(p, g),
        "sq_rel": ((p - g) ** 2 / (g * g)).mean(),
        "mae": abs(p - g).mean(),
        "imae": abs(1 / p - 1 / g).mean(),
        "irmse": np.sqrt(((1 / p - 1 / g) ** 2).mean()),
        "log_mae": abs(np.log(p) - np.log(g)).mean(),
    }


def sciuto(p: np.ndarray, g: np.ndarray) -> dict[str, float]:
    return {**nine(p, g), "rmse": np.sqrt(((p - g) ** 2).mean() + 0.00001)}


def clean(p: np.ndarray, low: float, high: float) -> np.ndarray:
    """inf to the largest, NaN and what is too small to the smallest."""
    p = p.astype(np.float64).copy()
    p[np.isnan(p)] = low
    p[p < low] = low
    p[p > high] = high
    return p


def kitti_window(shape: tuple[int, int], eigen: bool) -> np.ndarray:
    h, w = shape
    if eigen:
        box = (0.3324324 * h, 0.91351351 * h, 0.0359477 * w, 0.96405229 * w)
    else:
        box = (0.40810811 * h, 0.99189189 * h, 0.03594771 * w, 0.96405229 * w)
    top, bottom, left, right = np.array(box).astype(np.int32)
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def fill_by_hand(depth: np.ndarray) -> np.ndarray:
    """Holes take the smaller neighbour of their row; pixel by pixel."""
    out = depth.copy()
    h, w = depth.shape
    ok = np.isfinite(depth) & (depth > 0)
    for v in range(h):
        for u in range(w):
            if not ok[v, u]:
                left = [depth[v, k] for k in range(u) if ok[v, k]][-1:]
                right = [depth[v, k] for k in range(u + 1, w) if ok[v, k]][:1]
                if left or right:
                    out[v, u] = min(left + right)
    filled = [v for v in range(h) if ok[v].any()]
    for v in range(h):
        if filled and not ok[v].any():
            out[v] = out[min(filled, key=lambda k: (abs(k - v), -k))]
    return out


def nyu_vectors(
    name: str, p: np.ndarray, g: np.ndarray, mask: np.ndarray, mirrored: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The protocols on NYU Depth v2."""
    if name in ("nyu-eigen", "nyu-toolbox", "nyu-full"):
        box = {
            "nyu-eigen": np.s_[45:471, 41:601],
            "nyu-toolbox": np.s_[44:471, 40:601],
            "nyu-full": np.s_[:, :],
        }[name]
        inside = np.zeros(g.shape, bool)
        inside[box] = True
        mask &= inside & (g > np.float32(1e-3)) & (g < 10)
        return clean(p, 1e-3, 10)[mask], g[mask]
    if name.startswith("nyu-densedepth"):
        one, other = clean(p, 0.1, 10), clean(mirrored, 0.1, 10)
        # As published: crop both, then mirror the second back.
        one, other = one[20:460, 24:616], other[20:460, 24:616]
        keep = mask[20:460, 24:616] & (g[20:460, 24:616] > 0)
        # In float32, as Keras predicts: in float64 a ratio may end beyond a threshold.
        one, other = one.astype(np.float32), other[:, ::-1].astype(np.float32)
        average = (0.5 * one + 0.5 * other).astype(np.float64)
        pair = average[keep], g[20:460, 24:616][keep]
        return pair[::-1] if name.endswith("released") else pair
    assert name == "nyu-laina"
    mask &= g > 0
    return clean(p, 1e-6, 1e4)[mask], g[mask]


def vectors(
    name: str, p: np.ndarray, g: np.ndarray, valid: np.ndarray, mirrored: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and truth at the scored pixels under a protocol, all maps of one size."""
    g = g.astype(np.float64)
    mask = valid.copy()
    if name.startswith("nyu"):
        return nyu_vectors(name, p, g, mask, mirrored)
    if name.startswith("kitti-eigen") or name == "kitti-garg-50":
        low, high = (1.0, 50.0) if name == "kitti-garg-50" else (1e-3, 80.0)
        mask &= kitti_window(g.shape, name == "kitti-eigen-eigen")
        mask &= (g > np.float32(low)) & (g < high)
        return clean(p, low, high)[mask], g[mask]
    if name == "kitti-benchmark":
        mask &= g > 0
        return clean(fill_by_hand(p), 1 / 256, 256)[mask], g[mask]
    if name in ("vkitti-sciuto", "kitti-sciuto"):
        mask &= g > 0
        return clean(p, 1e-6, 1e4)[mask], np.minimum(g, 40)[mask]
    assert name == "full"
    mask &= (g > np.float32(1e-3)) & (g < 80)
    return clean(p, 1e-3, 80)[mask], g[mask]


def metrics_of(name: str):
    """The metric definitions of a protocol."""
    if name == "kitti-benchmark":
        return devkit
    return sciuto if name.endswith("sciuto") else nine


POOLED = {"nyu-densedepth-released", "nyu-laina"}


def score(name: str, images: list[tuple[np.ndarray, ...]]) -> dict[str, float] | None:
    """Score images (prediction, truth, valid, mirrored prediction); None where nothing counts."""
    pairs = [vectors(name, *image) for image in images]
    pairs = [pair for pair in pairs if len(pair[0])]
    if not pairs:
        return None
    compute = metrics_of(name)
    if name in POOLED:
        p, g = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        return compute(p, g)
    rows = [compute(*pair) for pair in pairs]
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
