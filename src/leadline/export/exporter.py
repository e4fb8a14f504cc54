"""Convert a checkpoint to one file that gives the same numbers in other runtimes."""

import copy
import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from leadline.export import WeightType
from leadline.export.files import write_sealed
from leadline.export.graph import OPSET, add_size_policy
from leadline.export.simplify import simplify
from leadline.inference.runtime import CONFIG_KEY
from leadline.inference.runtime_config import CHANNELS_KEY, ChannelOrder
from leadline.io.checksums import ABOUT_KEY
from leadline.models.base import DepthModel, as_stored
from leadline.models.storage import SMALLEST_HALVED, check_weight_type

CORE_OUTPUTS = ("depth", "logits", "spread", "validity", "novelty")
"""The exported outputs of a network, in this order."""


class _Core(nn.Module):
    """The network between the resizes: images in [0,1] to metres, no padding, no checks."""

    def __init__(self, model: DepthModel):
        super().__init__()
        self.model = model
        self.names: list[str] = []
        for module in model.modules():
            # The exporter decomposes an in-place ReLU6 with symbolic sizes, which doubles its time
            # and results in the same node.
            if getattr(module, "inplace", False):
                module.inplace = False  # type: ignore[assignment]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return (N,1,h',w') metres and the other `names`, for images (N,3,h,w) in [0,1]."""
        outputs = self.model.network(self.model.normalize(images))
        decoded = self.model.decode({name: value.float() for name, value in outputs.items()})
        self.names = [name for name in CORE_OUTPUTS if name in decoded]
        return tuple(decoded[name] for name in self.names)


def to_onnx(
    model: DepthModel,
    description: str = "",
    input_channels: ChannelOrder = "rgb",
    about: Mapping[str, Any] | None = None,
) -> onnx.ModelProto:
    """Return the complete graph from uint8 photograph to metres, for any batch, height and width.

    `about` is stored as JSON in its metadata, under `leadline_export`, beside the model's config.
    """
    stride = model.config.stride
    example = torch.rand(2, 3, max(4 * stride, 96), max(6 * stride, 128))
    free = torch.export.Dim.DYNAMIC
    core = _Core(copy.deepcopy(model).cpu().eval())
    with torch.no_grad():
        core(example)
    names = core.names
    with warnings.catch_warnings(), QuietExporter(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            core,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            input_names=["images"],
            output_names=names,
            dynamic_shapes=({0: free, 2: free, 3: free},),
            verbose=False,
            # Unoptimised, BatchNorm stays separate from its convolution: the stored weights are
            # then the checkpoint's own, and the runtimes fold the two in float32 on loading.
            optimize=False,
        )
    assert program is not None
    area = model.config.training_area
    whole = add_size_policy(program.model_proto, area, stride, input_channels)
    simplify(whole)
    whole.producer_name = "leadline"
    whole.doc_string = description
    strip_traces(whole)
    order = {} if input_channels == "rgb" else {CHANNELS_KEY: input_channels}
    metadata = {CONFIG_KEY: json.dumps({**asdict(model.config), **order})}
    if about:
        metadata[ABOUT_KEY] = json.dumps(dict(about))
    helper.set_model_props(whole, metadata)
    return whole


class QuietExporter:
    """Silences the exporter's progress log, since commands print their own progress."""

    def __enter__(self) -> None:
        self.loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
        self.levels = [logger.level for logger in self.loggers]
        for logger in self.loggers:
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for logger, level in zip(self.loggers, self.levels, strict=True):
            logger.setLevel(level)


def strip_traces(graph: onnx.ModelProto) -> None:
    """Remove the exporter's notes: Python stack traces with local paths."""
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*graph.graph.value_info, *graph.graph.input, *graph.graph.output]:
        del value.metadata_props[:]
    del graph.graph.metadata_props[:]
    del graph.metadata_props[:]
    del graph.graph.value_info[:]


def halve_weights(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose large weights are stored as float16 and cast back on loading.

    Arithmetic stays float32; runtimes fold the casts.
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(graph)
    casts = []
    for tensor in halved.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST_HALVED:
            continue
        name, stored = tensor.name, f"{tensor.name}/fp16"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], name=name, to=TensorProto.FLOAT))
    nodes = list(halved.graph.node)
    del halved.graph.node[:]
    halved.graph.node.extend([*casts, *nodes])
    return halved


def rounded_like(model: DepthModel, weights: WeightType) -> DepthModel:
    """Return a copy of `model` with weights rounded to the storage type, for comparison.

    Errors: LeadlineError for a weight that float16 cannot represent.
    """
    twin = copy.deepcopy(model)
    state = {name: as_stored(name, value, weights) for name, value in twin.state_dict().items()}
    twin.load_state_dict(state)
    return twin


def write_exported(graph: onnx.ModelProto, path: Path, weights: WeightType) -> None:
    """Write `.onnx`, or `.xml` with its `.bin`, with their checksums; weights f32 or fp16."""
    check_weight_type(weights)
    # Not OpenVINO's own compression, which would also halve BatchNorm's vectors.
    stored = halve_weights(graph) if weights == "fp16" else graph
    write_sealed(stored.SerializeToString(), path)
