"""The measured peak rate of a processor, and the number of multiplications of a network."""

from __future__ import annotations

import time

import numpy as np

from leadline.inference.find_model import find_model
from leadline.inference.graph_parts import count_multiplications, cut_network
from leadline.inference.openvino_runtime import openvino_core
from leadline.inference.precision import Precision
from leadline.inference.predictor import Predictor
from leadline.io.processors import usable_processors
from leadline.models.size_policy import processing_size

CHANNELS, HEIGHT, WIDTH, LAYERS = 256, 30, 40, 2
"""3x3 convolutions so wide that only arithmetic limits them. In float32, a product of two large
matrices reaches only two thirds of their rate, and would put some networks above 100 %."""


class ConvolutionCeiling:
    """Convolutions in OpenVINO, in one precision, on as many threads as the network.

    Their rate is the ceiling with which a network in that precision is compared.
    """

    def __init__(self, precision: Precision, threads: int | None):
        import openvino
        from openvino import opset13

        rng = np.random.default_rng(0)
        shape = 1, CHANNELS, HEIGHT, WIDTH
        self._values = rng.random(shape, dtype=np.float32)
        image = opset13.parameter(shape, np.float32)
        low, high, signed = (opset13.constant(np.float32(bound)) for bound in (0, 1, -1))
        features = image
        for _ in range(LAYERS):
            weights = opset13.constant(rng.random((CHANNELS, CHANNELS, 3, 3), dtype=np.float32))
            if precision == "int8":
                features = opset13.fake_quantize(features, low, high, low, high, 256)
                weights = opset13.fake_quantize(weights, signed, high, signed, high, 255)
            features = opset13.convolution(features, weights, [1, 1], [1, 1], [1, 1], [1, 1])
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "INFERENCE_NUM_THREADS": threads or usable_processors(),
        }
        model = openvino.Model([features], [image], "ceiling")
        self._products = count_multiplications(model, shape)
        self._request = openvino_core().compile_model(model, "CPU", options).create_infer_request()
        self.rate()

    def rate(self) -> float:
        """Run once; return multiplications (each with its addition) per second."""
        started = time.perf_counter()
        self._request.infer([self._values], share_inputs=True, share_outputs=True)
        return float(self._products / (time.perf_counter() - started))


def multiplications_of(
    predictor: Predictor, model: str, size: tuple[int, int], batch: int
) -> float | None:
    """Return the multiplications of a model's convolutions and matrix products.

    They are for `batch` photographs of `size` (height, width), without the resizing. None for a
    graph whose network cannot be separated from the resizing.
    """
    path = find_model(model)
    if path.is_file():
        network = cut_network(openvino_core().read_model(path))
        if network is None:
            return None
        shape = batch, 3, *processing_size(*size, network.area, network.stride)
        return count_multiplications(network.model, shape)
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        predictor.predict_batch(np.full((batch, *size, 3), 90, np.uint8))
    return float(counter.get_total_flops() / 2)
