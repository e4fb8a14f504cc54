"""Camera intrinsics from text, `.npy` and JSON files."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, one_line
from leadline.io.files import read_bytes

_FOUR = ("fx", "fy", "cx", "cy")
_ACCEPTED = 'nine numbers (3x3, row by row), four ("fx fy cx cy"), or JSON with fx, fy, cx, cy or K'


def read_camera(path: Path | str, width: int, height: int) -> Intrinsics:
    """Read a camera from a text, .npy or .json file, for pictures of `width` x `height` pixels.

    Text and .npy hold nine numbers (K row by row) or four (fx fy cx cy); text may separate
    them by blanks, commas or line breaks and comment with #. JSON is the same list, or an
    object with the keys fx, fy, cx, cy, or with the key K; if it also has width and height,
    the camera is scaled from that size to the one asked for.
    Errors: LeadlineError, naming the file, for anything else.
    """
    path = Path(path)
    data = read_bytes(path, "camera file")
    try:
        if path.suffix.lower() == ".json":
            return _from_json(data, width, height)
        numbers = _numbers_from_npy(data) if path.suffix.lower() == ".npy" else _numbers(data)
        return _from_numbers(numbers, width, height)
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None
    except (ValueError, TypeError, EOFError, KeyError) as error:
        raise LeadlineError(
            f"{path}: cannot read camera intrinsics ({one_line(error)}); expected {_ACCEPTED}"
        ) from error


def _numbers(data: bytes) -> NDArray[np.float64]:
    lines = (line.partition("#")[0] for line in data.decode("utf-8-sig").splitlines())
    words = " ".join(lines).replace(",", " ").replace(";", " ").split()
    return np.array([float(word) for word in words], dtype=np.float64)


def _numbers_from_npy(data: bytes) -> NDArray[np.float64]:
    return np.asarray(np.load(BytesIO(data), allow_pickle=False), dtype=np.float64)


def _from_json(data: bytes, width: int, height: int) -> Intrinsics:
    content = json.loads(data)
    if isinstance(content, list):
        return _from_numbers(np.asarray(content, dtype=np.float64), width, height)
    if not isinstance(content, dict):
        raise LeadlineError(f"holds {content!r} instead of a camera; expected {_ACCEPTED}")
    own_width, own_height = int(content.get("width", width)), int(content.get("height", height))
    numbers = content["K"] if "K" in content else [content[name] for name in _FOUR]
    camera = _from_numbers(np.asarray(numbers, dtype=np.float64), own_width, own_height)
    return camera.scaled_to(width, height)


def _from_numbers(numbers: NDArray[np.float64], width: int, height: int) -> Intrinsics:
    if numbers.size == 9:
        camera = Intrinsics.from_matrix(numbers.reshape(3, 3), width, height)
    elif numbers.size == 4:
        fx, fy, cx, cy = (float(value) for value in numbers.ravel())
        camera = Intrinsics(fx, fy, cx, cy, width, height)
    else:
        raise LeadlineError(f"holds {numbers.size} numbers; expected {_ACCEPTED}")
    if camera.fx < 0.02 * width:  # a field of view above 175 degrees
        raise LeadlineError(
            f"fx = {camera.fx:g} for a picture {width} pixels wide looks normalised; "
            "give the intrinsics in pixels (multiply by the width and the height)"
        )
    return camera
