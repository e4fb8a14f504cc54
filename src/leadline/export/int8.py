"""Eight-bit networks for OpenVINO: quantised by NNCF, with sensitive layers kept in float32.

Only the network is quantised, not the resizing around it. Its convolutions are first fused with
their BatchNorm; quantised separately, each would round what the other scales.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, plural
from leadline.export.int8_loss import RANKED, Int8Report, LossMeasure, divided, speedup
from leadline.export.pictures import Picture, Pictures
from leadline.inference.camera import TrainingCamera
from leadline.inference.graph_parts import cut_network, join_network, products
from leadline.inference.int8_file import weights_digest
from leadline.inference.openvino_runtime import config_of, openvino_core
from leadline.inference.resizing import to_network, to_photo
from leadline.inference.runtime import CONFIG_KEY
from leadline.inference.runtime_config import RuntimeConfig
from leadline.progress import Say, Track, unsaid, untracked

F32 = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}

Values = NDArray[np.float32]


def quantise(
    path: Path,
    pictures: Pictures,
    max_loss: float,
    scored: Pictures | None = None,
    *,
    track: Track = untracked,
    say: Say = unsaid,
) -> tuple[Any, Int8Report]:
    """Return the exported file `path` as an OpenVINO model with an 8-bit network, and a report.

    `pictures` are for calibration, and `scored` for measuring the loss; without these, a quarter of
    the former, at most `CHECKED`, are used. If the loss is above `max_loss`, layers are reverted to
    float32, the most costly first. `track` shows progress over pictures; `say` is given a line
    before the rest.
    Errors: LeadlineError if NNCF is missing, for fewer than four pictures, or if the loss stays
    above `max_loss`.
    """
    from openvino._offline_transformations import apply_moc_transformations

    nncf = _nncf()
    given, calibration = divided(pictures, scored)
    core = openvino_core()
    graph = core.read_model(path)
    config = config_of(graph, path)
    whole = cut_network(graph)
    if whole is None:
        raise LeadlineError(f"{path.name}: its network cannot be separated from the resizing")
    network = whole.model
    apply_moc_transformations(network, cf=True)
    resize = partial(to_network, processing_area=whole.area, stride=whole.stride)
    read = track(given, "export: reading", len(given), unit="pictures")
    checks = [_Check(resize(picture.pixels[None]), picture) for picture in read]
    compiled = core.compile_model(network, "CPU", F32)
    camera = TrainingCamera.from_config(RuntimeConfig.from_file(path, config))
    loss_of = LossMeasure(given, [check.depth(compiled) for check in checks], camera)

    def kept(compiled: Any, checks: Iterable[_Check]) -> tuple[float, list[float]]:
        """Return the kept accuracy, in total and per picture, as NNCF requires it."""
        each = [1 - loss_of.loss(check.picture, check.depth(compiled)) for check in checks]
        return float(np.mean(each)), each

    calibrating = [resize(picture.pixels[None]) for picture in calibration]
    say(f"quantising on {plural(len(calibrating), 'picture')}")
    with _quiet():
        quantised = nncf.quantize_with_accuracy_control(
            network,
            nncf.Dataset(calibrating),
            nncf.Dataset(checks),
            kept,
            max_drop=max_loss,
            drop_type=nncf.DropType.ABSOLUTE,
            subset_size=len(calibrating),
            preset=_preset(nncf, network),
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                ranking_subset_size=min(RANKED, len(checks))
            ),
        )
    fast = core.compile_model(quantised, "CPU", F32)
    loss = 1 - kept(fast, checks)[0]
    loss_of.refuse(loss, max_loss, path.name)
    share, layers, kept_layers = _share_of_products(core, quantised, checks[0].values.shape)
    times = speedup(_call(compiled), _call(fast), [check.values for check in checks])
    report = Int8Report(share, layers, kept_layers, loss, loss_of.has_truth, len(checks), times)
    whole_graph = join_network(graph, quantised)
    about = json.dumps(report.noted_in(config, weights_digest(graph)))
    whole_graph.set_rt_info(about, ["framework", CONFIG_KEY])
    return whole_graph, report


def _call(compiled: Any) -> Callable[[Values], Any]:
    return lambda values: compiled([values])


def _preset(nncf: Any, network: Any) -> Any:
    """Return the quantisation preset of activations: asymmetric if that can run.

    OpenVINO has no 8-bit transposed convolution of asymmetric values, as after a LeakyReLU; it
    would run in float32.
    """
    kinds = {node.get_type_name() for node in network.get_ops()}
    if kinds & {"ConvolutionBackpropData", "GroupConvolutionBackpropData"}:
        return nncf.QuantizationPreset.PERFORMANCE
    return nncf.QuantizationPreset.MIXED


def _nncf() -> Any:
    try:
        import nncf
    except ImportError as error:
        raise LeadlineError("int8 needs NNCF: pip install 'leadline[int8]'") from error
    return nncf


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence NNCF's log."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@dataclass(frozen=True, eq=False)
class _Check:
    """A picture as input of the network, (1,3,h,w), and the picture itself."""

    values: Values
    picture: Picture

    def depth(self, compiled: Any) -> Values:
        """Return the depth predicted by a compiled network, (H,W) metres."""
        given = np.array(compiled([self.values])[0], dtype=np.float32)
        height, width = self.picture.pixels.shape[:2]
        return np.asarray(to_photo(given, (height, width))[0])


def _share_of_products(core: Any, model: Any, shape: tuple[int, ...]) -> tuple[float, int, int]:
    """Return the share of multiplications in 8 bits, the number of layers, and of float32 layers.

    These are the layers in the engine, for an input of `shape`: convolutions and matrix products.
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
