"""`DepthModel`: the base class of all networks."""

import math
from abc import ABC, abstractmethod
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.models.config import NORMALIZATIONS, ModelConfig
from leadline.models.spaces import DepthSpace, create_space
from leadline.models.storage import (
    CONFIG_FILE,
    LIBRARY,
    LIBRARY_KEY,
    SMALLEST_HALVED,
    WEIGHTS_FILE,
    WeightType,
    check_weight_type,
)

SPREADS = (1e-3, 10.0)
"""Smallest and largest Laplace scale of ln(metres) that a network can predict."""


class DepthModel(nn.Module, ABC):
    """A network from RGB in [0,1] to depth in metres.

    A subclass defines `network`, which takes normalised images whose sides are multiples of
    `config.stride` and returns raw outputs: `target` (B,1,h,w) in network units, and for a
    multi-task model `logits` (B,C,h,w), with C in `classes`. Optional outputs: `log_spread`
    (B,1,h,w) is ln b, where b is the scale of a Laplace distribution of ln(metres); `novelty`
    (B,1,1,1) is how unlike the picture is to the training pictures, at most 1 for nearly all of
    them; `validity_logits` (B,1,h,w) are above 0 where there is a depth. This class does padding,
    normalisation and decoding.
    """

    mean: Tensor
    std: Tensor
    classes: int | None = None

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.space: DepthSpace = create_space(
            config.depth_space, config.min_depth, config.max_depth
        )
        mean, std = NORMALIZATIONS[config.normalization]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @abstractmethod
    def network(self, images: Tensor) -> dict[str, Tensor]:
        """Return the raw outputs for normalised images (B,3,H,W), H and W multiples of stride."""

    def normalize(self, images: Tensor) -> Tensor:
        """Return RGB images (B,3,H,W) in [0,1] as `network` takes them: scaled, in its order."""
        x = (images - self.mean) / self.std
        # Mean and deviation are given in RGB order, so they come before the flip.
        return x.flip(1) if self.config.channel_order == "bgr" else x

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return {"depth": (B,1,h,w) metres, "target": (B,1,h,w) network units, ...}.

        `images` is (B,3,H,W) in [0,1] at any H and W. They are padded to the stride by repeating
        the border, and the padding is cropped from the outputs.
        """
        height, width = images.shape[-2:]
        stride = self.config.stride
        bottom, right = -height % stride, -width % stride
        x = self.normalize(images)
        if bottom or right:
            x = functional.pad(x, (0, right, 0, bottom), mode="replicate")
        outputs = self.network(x)
        if bottom or right:
            outputs = {
                name: _crop(value, height, width, height + bottom, width + right)
                for name, value in outputs.items()
            }
        # In bfloat16, exp and 1/x would cost three digits of the metres.
        return self.decode({name: value.float() for name, value in outputs.items()})

    def decode(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the raw float32 outputs of `network`, with `depth` in metres.

        Optional outputs are decoded too: `spread`, b > 0, which pipelines and files call
        uncertainty, and `validity`, the probability that there is a depth.
        """
        decoded = {"depth": self.space.decode(outputs["target"]), **outputs}
        if "log_spread" in outputs:
            low, high = (math.log(end) for end in SPREADS)
            decoded["spread"] = outputs["log_spread"].clamp(low, high).exp()
        if "validity_logits" in outputs:
            decoded["validity"] = outputs["validity_logits"].sigmoid()
        return decoded

    def load_encoder(self, path: Path) -> None:
        """Load encoder weights from a file in the layout of the encoder's own library."""
        encoder = getattr(self, "encoder", None)
        if not hasattr(encoder, "load_file"):
            raise LeadlineError(
                f"{self.config.architecture} has no pretrained encoder to load {path} into; "
                "set model.encoder_weights=none"
            )
        encoder.load_file(path)  # type: ignore[union-attr]

    def output_layer(self) -> nn.Conv2d | nn.ConvTranspose2d | None:
        """Return the layer whose only output map is the target, None if another step follows."""
        return None

    def heads(self) -> dict[str, nn.Module]:
        """Return the heads other than depth, by the option that adds them."""
        return {}

    def novelty_features(self, images: Tensor) -> Tensor:
        """Return the features (B,C,h,w), of normalised images, from which novelty is computed.

        Errors: LeadlineError if the network does not predict novelty.
        """
        raise LeadlineError(
            f"{self.config.architecture} states no novelty: {type(self).__name__} has no "
            "novelty_features"
        )

    @torch.no_grad()
    def scale_metres(self, ratio: float) -> bool:
        """Multiply all metres by `ratio`, as for another lens; return False if not possible.

        The last layer, which is linear, takes the factor in any depth space.
        """
        layer = self.output_layer()
        factor, offset = self.space.scaling(ratio)
        if layer is None or layer.out_channels != 1 or (offset and layer.bias is None):
            return False
        layer.weight *= factor
        if layer.bias is not None:
            layer.bias.mul_(factor).add_(offset)
        return True

    def parameter_count(self) -> int:
        """Return the number of parameters, without buffers."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, folder: Path, weights: WeightType = "f32") -> None:
        """Write `model.safetensors`, with its checksum, and `config.json` into `folder`.

        `weights` is the storage type of large tensors; they are float32 again when loaded.
        Errors: LeadlineError for an unknown type, or a weight that float16 cannot hold.
        """
        from safetensors.torch import save

        from leadline.io.atomic import atomic_path, write_json
        from leadline.io.checksums import seal_safetensors

        check_weight_type(weights)
        state = {
            name: as_stored(name, value.detach().cpu(), weights).contiguous()
            for name, value in self.state_dict().items()
        }
        with atomic_path(folder / WEIGHTS_FILE) as temporary:
            # Written by Python, whose errors (disk full) name the file.
            content = save(state, metadata={"format": "leadline"})
            temporary.write_bytes(seal_safetensors(content))
        write_json(folder / CONFIG_FILE, asdict(self.config))

    def save_pretrained(self, folder: Path | str, weights: WeightType = "f32") -> None:
        """Write the model into `folder`, laid out as on the hub: see `save`.

        Errors: LeadlineError if the folder already has an exported graph, of other weights.
        """
        from leadline.io.atomic import write_json
        from leadline.weights import GRAPH_FILE

        if (graph := Path(folder) / GRAPH_FILE).exists():
            raise LeadlineError(
                f"{graph}: exists already, and would be taken for these weights; remove it, or "
                "save elsewhere"
            )
        self.save(Path(folder), weights)
        content = {LIBRARY_KEY: LIBRARY, **asdict(self.config)}
        write_json(Path(folder) / CONFIG_FILE, content)

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> Self:
        """Return the model of a folder, a run, or USER/NAME[@REVISION] on the hub, in eval mode.

        Errors: LeadlineError if there is no model, or it is of another class.
        """
        # By name, since that module imports this one.
        load = import_module("leadline.models.pretrained").load_pretrained
        model = load(name_or_path)
        if not isinstance(model, cls):
            raise LeadlineError(
                f"{name_or_path}: is a {type(model).__name__}, no {cls.__name__}; "
                f"use {type(model).__name__}.from_pretrained or DepthModel.from_pretrained"
            )
        return model

    def push_to_hub(self, repo: str, *, private: bool = False, message: str = "A model") -> str:
        """Upload `save_pretrained` to USER/NAME on the hub; return its address.

        `leadline push` and `leadline.push` also upload the exported file and a card with scores.
        Errors: LeadlineError if the hub refuses or cannot be reached.
        """
        from tempfile import TemporaryDirectory

        from leadline.io.hub import send_folder

        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return send_folder(Path(folder), repo, private=private, message=message)


def as_stored(name: str, tensor: Tensor, weights: WeightType) -> Tensor:
    """Return a tensor of a state dict in its storage type.

    Errors: LeadlineError for a finite number that would be stored as infinity.
    """
    is_halved = weights == "fp16" and tensor.dtype == torch.float32
    if not is_halved or tensor.numel() < SMALLEST_HALVED:
        return tensor
    halved = tensor.half()
    overflowing = tensor[halved.isinf() & tensor.isfinite()]
    if overflowing.numel():
        raise LeadlineError(
            f"tensor {name!r} holds {overflowing[0].item():g}, and float16 ends at "
            f"{torch.finfo(torch.float16).max:g}; store the weights as f32"
        )
    return halved


def _crop(value: Tensor, height: int, width: int, padded_h: int, padded_w: int) -> Tensor:
    """Crop the padding from an output, which may be smaller than the input."""
    h, w = value.shape[-2:]
    return value[..., : max(1, -(-height * h // padded_h)), : max(1, -(-width * w // padded_w))]
