"""Restore the checkpoint of an exported OpenVINO model: its constants keep the tensors' names.

    python scripts/restore_checkpoint.py compact-nyu.xml compact-nyu

An export stores BatchNorm beside its convolution, so every tensor of the checkpoint is a constant
of the graph, called `net/model.KEY`, or `net/model.KEY/fp16` where it is stored as float16; only
BatchNorm's counts of batches are not, which nothing but a training without momentum reads. The
configuration stands in the file's metadata. `src/leadline/weights/compact-nyu/` was made this way:
the float32 checkpoint of that run was not kept.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch

from leadline.export.parity import check_parity
from leadline.models import DepthModel, ModelConfig, create_model

PREFIX = "net/model."
TOLERANCE = 1e-4
"""Metres by which the restored checkpoint may differ from the exported file."""


def main() -> None:
    """Write `model.safetensors` and `config.json`, once torch gives the metres of the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("exported", type=Path, help="OpenVINO model (.xml) exported by Leadline")
    parser.add_argument("folder", type=Path, help="folder to write")
    options = parser.parse_args()
    model = restore(openvino.Core().read_model(options.exported))
    error = max(row.max_error for row in check_parity(model, options.exported))
    if not error <= TOLERANCE:
        raise SystemExit(f"{options.exported}: torch differs by {error:.1e} m; nothing is written")
    options.folder.mkdir(parents=True, exist_ok=True)
    model.save(options.folder, weights="fp16")
    print(f"{options.folder}: {model.parameter_count():,} parameters, within {error:.1e} m")


def restore(exported: Any) -> DepthModel:
    """Return the network, in eval mode, that an OpenVINO model was exported from."""
    text = exported.get_rt_info(["framework", "leadline"]).astype(str)
    model = create_model(ModelConfig(**json.loads(text)))
    constants = {
        node.get_friendly_name().removesuffix("/fp16"): node
        for node in exported.get_ordered_ops()
        if node.get_type_name() == "Constant"
    }
    state = model.state_dict()
    for key, tensor in state.items():
        if not key.endswith("num_batches_tracked"):
            values = np.array(constants[PREFIX + key].data, dtype=np.float32)
            state[key] = torch.from_numpy(values).reshape(tensor.shape)
    model.load_state_dict(state)
    return model.eval()


if __name__ == "__main__":
    main()
