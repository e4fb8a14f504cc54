"""The 8-bit form of an exported model: a file of its own beside `NAME`.

`NAME-int8.xml` is OpenVINO's, `NAME-int8.onnx` ONNX Runtime's.
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
    """Return where the 8-bit form of an exported model is looked for."""
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
    """Return the precision for the float32 file `path`, beside which `twin` may lie.

    `config` is the file's, and `digest` its `weights_digest`; `available` is what there is without
    `twin`, fastest first. The loss of int8 is the larger of that in `config` and the twin's own.
    Errors: LeadlineError for int8 without a twin, or with one of other weights.
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
    """Return the precision of an 8-bit file, its own; warn where float32 is asked of it."""
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
    """Return the config of a float32 file with what its 8-bit form says of the graph."""
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
    """Return a SHA-256 over the weights of an OpenVINO graph, whatever their names and order.

    Files of one checkpoint with weights stored in one type have the same, in ONNX as in OpenVINO's
    own format.
    """
    sums = []
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().is_real():
            sums.append(hashlib.sha256(np.asarray(node.data).tobytes()).digest())
    return hashlib.sha256(b"".join(sorted(sums))).hexdigest()
