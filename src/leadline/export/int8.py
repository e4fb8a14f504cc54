"""Eight-bit networks: quantised by NNCF on pictures, layers that lose accuracy kept in float32.

Only the network is quantised; the resizing before and behind it stays as it is. Its convolutions
are first joined with their BatchNorm: quantised apart, each would round what the other scales.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.export.pictures import Picture, Pictures
from leadline.inference.camera import TrainingCamera
from leadline.inference.graph_parts import Network, cut_network, join_network, products
from leadline.inference.int8_file import QUANTISED_FROM, weights_digest
from leadline.inference.openvino_runtime import config_of, openvino_core
from leadline.inference.precision import LOSS_KEY
from leadline.inference.resizing import to_network, to_photo
from leadline.inference.runtime import CONFIG_KEY

CALIBRATION = 64
CHECKED = 16
RANKED = 4
"""Pictures that each layer is tried on where the loss is too large."""
F32 = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Int8Report:
    """What quantising did: the share of the network's multiplications that run in 8 bits.

    `kept` layers of `layers` stay in float32. `loss` is the relative change of abs_rel over the
    pictures with truth (`has_truth`), else the mean relative difference of depth, over `checked`
    pictures. `speedup` is the time of the float32 network over that of the quantised one, medians
    of alternated calls.
    """

    share: float
    layers: int
    kept: int
    loss: float
    has_truth: bool
    checked: int
    speedup: float


def quantise(path: Path, pictures: Pictures, max_loss: float) -> tuple[Any, Int8Report]:
    """Return the exported file `path` as an OpenVINO model with an 8-bit network, and a report.

    A quarter of `pictures`, at most `CHECKED`, measures the loss; the rest calibrates. Where the
    loss is above `max_loss`, layers go back to float32, those that cost most first.
    Errors: LeadlineError where NNCF is missing, for fewer than four pictures, or a loss that
    stays above `max_loss`.
    """
    from openvino._offline_transformations import apply_moc_transformations

    nncf = _nncf()
    if len(pictures) < 4:
        raise LeadlineError(
            f"{pictures.origin}: {len(pictures)} pictures are too few for int8; give at least 4, "
            f"better {CALIBRATION + CHECKED}"
        )
    core = openvino_core()
    graph = core.read_model(path)
    config = config_of(graph, path)
    camera = TrainingCamera.from_config(config)
    whole = cut_network(graph)
    if whole is None:
        raise LeadlineError(f"{path.name}: the network in it is not told from the resizing")
    network = whole.model
    apply_moc_transformations(network, cf=True)
    checks, calibration = _divided(pictures, whole)
    compiled = core.compile_model(network, "CPU", F32)
    measure = _Measure(checks, [_run(compiled, each.values) for each in checks], camera)
    with _quiet():
        quantised = nncf.quantize_with_accuracy_control(
            network,
            nncf.Dataset([values[0] for values in calibration]),
            nncf.Dataset(checks),
            measure,
            max_drop=max_loss,
            drop_type=nncf.DropType.ABSOLUTE,
            subset_size=len(calibration),
            preset=_preset(nncf, network),
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                ranking_subset_size=min(RANKED, len(checks))
            ),
        )
    fast = core.compile_model(quantised, "CPU", F32)
    loss = 1 - measure(fast, checks)[0]
    if not loss <= max_loss:
        raise LeadlineError(
            f"{path.name}: int8 changes {measure.noun} by {loss:.2%}, more than {max_loss:.2%}; "
            "give more pictures like those it will see, or allow more with --max-loss"
        )
    share, layers, kept = _share_of_products(core, quantised, checks[0].values.shape)
    speedup = _speedup(compiled, fast, [each.values for each in checks])
    report = Int8Report(share, layers, kept, loss, measure.has_truth, len(checks), speedup)
    whole_graph = join_network(graph, quantised)
    _write_config(whole_graph, graph, config, report)
    return whole_graph, report


def _preset(nncf: Any, network: Any) -> Any:
    """Return how activations are rounded: with a zero point of their own where that can run.

    OpenVINO has no transposed convolution in 8 bits of values with a zero point, as those behind a
    LeakyReLU would have: it would run in float32.
    """
    kinds = {node.get_type_name() for node in network.get_ops()}
    if kinds & {"ConvolutionBackpropData", "GroupConvolutionBackpropData"}:
        return nncf.QuantizationPreset.PERFORMANCE
    return nncf.QuantizationPreset.MIXED


def _write_config(
    whole_graph: Any, graph: Any, config: Mapping[str, Any], report: Int8Report
) -> None:
    """Note in the quantised graph of which weights it is, and what it costs of abs_rel."""
    losses = dict(config.get(LOSS_KEY) or {})
    losses.pop("int8", None)
    if report.has_truth:
        losses["int8"] = round(report.loss, 5)
    about = {**config, LOSS_KEY: losses, QUANTISED_FROM: weights_digest(graph)}
    whole_graph.set_rt_info(json.dumps(about), ["framework", CONFIG_KEY])


def _nncf() -> Any:
    try:
        import nncf
    except ImportError as error:
        raise LeadlineError("int8 needs NNCF: pip install 'leadline[int8]'") from error
    return nncf


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF's account of its steps off the screen."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@dataclass(frozen=True, eq=False)
class _Check:
    """A picture as the network sees it, (1,3,h,w), and the picture itself."""

    values: Values
    picture: Picture


def _divided(pictures: Pictures, whole: Network) -> tuple[list[_Check], list[tuple[Values]]]:
    """Return the pictures that measure the loss, every fourth one, and those that calibrate."""
    checks: list[_Check] = []
    calibration: list[tuple[Values]] = []
    for index, picture in enumerate(pictures):
        values = to_network(picture.pixels[None], whole.area, whole.stride)
        if index % 4 == 3 and len(checks) < CHECKED:
            checks.append(_Check(values, picture))
        else:
            calibration.append((values,))
    return checks, calibration


def _run(compiled: Any, values: Values) -> Values:
    return np.array(compiled([values])[0], dtype=np.float32)


class _Measure:
    """How much of the accuracy a network keeps, as NNCF asks for it: of all pictures and each."""

    def __init__(self, checks: Sequence[_Check], before: Sequence[Values], camera: TrainingCamera):
        self.camera = camera
        self.before = {id(check): depth for check, depth in zip(checks, before, strict=True)}
        errors = [self._abs_rel(check, self.before[id(check)]) for check in checks]
        known = [error for error in errors if error is not None]
        self.has_truth = len(known) == len(checks)
        self.abs_rel = float(np.mean(known)) if self.has_truth else 0.0

    @property
    def noun(self) -> str:
        """What is changed."""
        return "abs_rel" if self.has_truth else "depth"

    def __call__(self, compiled: Any, checks: Iterable[_Check]) -> tuple[float, list[float]]:
        """Return what is kept of all, and of each picture: 1 - loss."""
        kept = [1 - self._loss(check, _run(compiled, check.values)) for check in checks]
        return float(np.mean(kept)), kept

    def _loss(self, check: _Check, depth: Values) -> float:
        before = self.before[id(check)]
        error = self._abs_rel(check, depth) if self.has_truth else None
        if error is None:
            return float((np.abs(depth - before) / before).mean())
        return (error - (self._abs_rel(check, before) or 0.0)) / self.abs_rel

    def _abs_rel(self, check: _Check, depth: Values) -> float | None:
        picture = check.picture
        full = to_photo(depth, (picture.pixels.shape[0], picture.pixels.shape[1]))[0]
        comparison = picture.compare(full, self.camera)
        metrics = None if comparison is None else comparison.metrics
        return None if metrics is None else metrics["abs_rel"]


def _share_of_products(core: Any, model: Any, shape: tuple[int, ...]) -> tuple[float, int, int]:
    """Return the share of multiplications that run in 8 bits, and how many layers, and kept ones.

    As the engine has laid them out, for an input of `shape`; layers are convolutions and products
    of matrices.
    """
    fixed = model.clone()
    fixed.reshape(list(shape))
    quantised = total = 0.0
    layers = kept = 0
    for node in core.compile_model(fixed, "CPU", F32).get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        kind = info["layerType"].astype(str)
        if kind not in ("Convolution", "FullyConnected", "MatMul", "Deconvolution"):
            continue
        size = _products(node, kind)
        is_int8 = info["runtimePrecision"].astype(str) in ("i8", "u8")
        total += size
        quantised += size if is_int8 else 0.0
        layers += 1
        kept += not is_int8
    return quantised / max(total, 1.0), layers, kept


def _products(node: Any, kind: str) -> float:
    """Return the multiplications of a layer of a compiled model."""
    port = node.input(0) if kind == "Deconvolution" else node.output(0)
    return products(list(port.get_shape()), list(node.input(1).get_shape()))


def _speedup(slow: Any, fast: Any, images: Sequence[Values]) -> float:
    """Return how many times as fast the second network is, called in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for values in [*images[:1], *images]:
        for compiled, taken in zip((slow, fast), seconds, strict=True):
            started = time.perf_counter()
            compiled([values])
            taken.append(time.perf_counter() - started)
    return median(seconds[0][1:]) / median(seconds[1][1:])
