"""Recognise the photographs that a model was trained on by their content instead of their path.

A shipped model is scored on other machines, where its training data has other paths and perhaps
other file formats. A fingerprint of each training photograph is stored beside it, which survives
resizing and JPEG.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.datasets.trained_on import MODEL
from leadline.errors import LeadlineError
from leadline.io.atomic import write_json
from leadline.io.files import read_json
from leadline.io.hub import fetch_model, is_on_hub
from leadline.weights import shipped_checkpoint, shipped_models

FILE = "training_fingerprints.json"
CELLS = 16
BYTES = CELLS * CELLS // 8
SAME = 24
"""Largest number of differing bits, of 256, between fingerprints of one photograph. Different
labelled images of NYU differ in 52 or more. One image differs in at most 4 after JPEG of quality 50
or at a quarter of its size, and in 26 or more after cropping 8 pixels: crops are not recognised."""


def fingerprint(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (32,) uint8, the bits of whether (H,W,3) brightens to the right between 16x17 cells.

    >>> fingerprint(np.tile(np.arange(34, dtype=np.uint8)[:, None], (32, 1, 3)))[:2].tolist()
    [255, 255]
    """
    grey = image.mean(axis=2, dtype=np.float32)
    cells = cv2.resize(grey, (CELLS + 1, CELLS), interpolation=cv2.INTER_AREA)
    return np.packbits(cells[:, 1:] > cells[:, :-1])


@dataclass(frozen=True)
class KnownPhotographs:
    """Fingerprints (N,32) uint8 of the photographs that `model` was trained on."""

    model: str
    prints: NDArray[np.uint8]

    @classmethod
    def from_photographs(cls, model: str, photographs: Iterable[NDArray[np.uint8]]) -> Self:
        """Compute the fingerprints of photographs (H,W,3) uint8 RGB."""
        return cls(model, np.stack([fingerprint(photograph) for photograph in photographs]))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the file of `write`. Errors: LeadlineError for a damaged file."""
        remedy = "remove it; photographs that were trained on are then not recognised"
        content = read_json(file, "fingerprints of training photographs", remedy)
        try:
            prints = np.frombuffer(base64.b64decode(content["fingerprints"]), np.uint8)
            return cls(str(content["model"]), prints.reshape(-1, BYTES))
        except (KeyError, TypeError, ValueError):
            raise LeadlineError(f"{file}: is damaged; {remedy}") from None

    def write(self, folder: Path) -> None:
        """Write the fingerprints into a model folder."""
        text = base64.b64encode(self.prints.tobytes()).decode()
        write_json(folder / FILE, {"model": self.model, "fingerprints": text})

    def contains(self, photograph: NDArray[np.uint8]) -> bool:
        """Return whether (H,W,3) uint8 RGB is one of the photographs, at any size."""
        different = np.unpackbits(self.prints ^ fingerprint(photograph), axis=1).sum(axis=1)
        return bool((different <= SAME).any())


def known_photographs(model: str | Path) -> KnownPhotographs | None:
    """Return the fingerprints of a shipped model, a hub model, a run or a model folder, if any.

    Errors: LeadlineError for a damaged file.
    """
    file = find_fingerprints(model)
    return None if file is None else KnownPhotographs.read(file)


def pass_on_fingerprints(start: str | Path, run: Path) -> None:
    """Copy the fingerprints of a run's initial model, if any, into the run."""
    file = find_fingerprints(start)
    if file is not None:
        shutil.copyfile(file, run / FILE)


def find_fingerprints(model: str | Path) -> Path | None:
    """Return the fingerprint file of a model, None if there is none."""
    name = str(model)
    if name in shipped_models():
        folder = shipped_checkpoint(name)
    else:
        folder = fetch_model(name) if is_on_hub(name) else Path(name)
    folder = folder.parent if folder.is_file() else folder
    beside = (folder, folder.parent if folder.name == MODEL else folder / MODEL)
    return next((each / FILE for each in beside if (each / FILE).is_file()), None)
