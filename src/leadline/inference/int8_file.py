"""The 8-bit form of an exported model `NAME`, a file beside it.

`NAME-int8.xml` is for OpenVINO, `NAME-int8.onnx` for ONNX Runtime.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.precision import (
    Precision,
    PrecisionChoice,
    PrecisionOption,
    choose_precision,
)
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io.processors import adds_bytes_exactly


def int8_path(path: Path, suffix: str = ".xml") -> Path:
    """Return the path of the 8-bit form of an exported model."""
    return path.with_name(f"{path.stem}-int8{suffix}")


def choose_with_twin(
    path: Path,
    twin: Path,
    wanted: PrecisionOption,
    config: RuntimeConfig,
    available: Sequence[Precision],
    *,
    twin_config: Callable[[], RuntimeConfig],
    digest: Callable[[], str],
) -> PrecisionChoice:
    """Return the precision for the float32 file `path` and its 8-bit form `twin`, if that exists.

    `config` and `digest` (its `weights_digest`) belong to `path`; `available` are the precisions
    without `twin`, fastest first. The loss of int8 is the larger of those in the two configs.
    Errors: LeadlineError for int8 without a twin, or with a twin of other weights.
    """
    losses = config.precision_loss
    if twin.is_file() and wanted in ("auto", "int8"):
        found = twin_config()
        if found.quantised_from == digest():
            available = ["int8", *available]
            known = [each["int8"] for each in (losses, found.precision_loss) if "int8" in each]
            losses = {**losses, "int8": max(known)} if known else losses
        else:
            problem = f"{twin}: is not of the weights of {path.name}; export it again"
            if wanted == "int8":
                raise LeadlineError(problem)
            warnings.warn(f"{problem}, or remove it", LeadlineWarning, stacklevel=6)
    elif wanted == "int8":
        raise LeadlineError(
            f"{path}: has no {twin.name} beside it; for int8 export both into one folder: "
            f"'leadline export MODEL -o m.onnx', and with --precision int8 -o m-int8{twin.suffix}"
        )
    pictures = {"int8": "the pictures of its export, or those of benchmark --store"}
    return choose_precision(wanted, losses, available, pictures)


def choice_of_8_bits(path: Path, wanted: PrecisionOption) -> PrecisionChoice:
    """Return the precision of an 8-bit file, which is int8; warn if f32 is asked for."""
    if wanted == "f32":
        warnings.warn(
            f"{path}: is an 8-bit file, which runs in 8 bits; for float32 give the file it was "
            "made of",
            LeadlineWarning,
            stacklevel=6,
        )
    warn_of_overflow(path)
    return PrecisionChoice("int8", "that of the file")


def warn_of_overflow(path: Path) -> None:
    """Warn where this processor may compute an 8-bit `.onnx` file wrongly."""
    if path.suffix == ".onnx" and not adds_bytes_exactly():
        warnings.warn(
            f"{path}: {MAY_OVERFLOW}: metres may be wrong; use the float32 file, or an "
            ".xml in int8",
            LeadlineWarning,
            stacklevel=6,
        )


MAY_OVERFLOW = (
    "this processor is not known to have VNNI, without which products of 8 bits are added in 16 "
    "and may overflow"
)


def config_with_graph_of(exact: RuntimeConfig, twin: RuntimeConfig) -> RuntimeConfig:
    """Return the config of a float32 file with the graph's fields from its 8-bit form."""
    return replace(
        exact,
        input_channels=twin.input_channels,
        picture_size=twin.picture_size,
        quantised_from=twin.quantised_from,
    )


def is_int8(graph: Any) -> bool:
    """Return whether layers of an OpenVINO graph are quantised."""
    return any(node.get_type_name() == "FakeQuantize" for node in graph.get_ordered_ops())


def weights_digest(graph: Any) -> str:
    """Return a SHA-256 of the weights of an OpenVINO graph, independent of names and order.

    Files exported from one checkpoint with one storage type have the same digest, as ONNX and in
    OpenVINO's own format.
    """
    sums = []
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().is_real():
            sums.append(hashlib.sha256(np.asarray(node.data).tobytes()).digest())
    return hashlib.sha256(b"".join(sorted(sums))).hexdigest()
