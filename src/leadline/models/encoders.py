"""Encoders: torchvision (or timm) networks with named feature taps.

An encoder returns one feature map per reduction, `{2: (B,C,H/2,W/2), 4: ..., 32: ...}`, with sides
rounded up. It keeps torchvision's own parameter names, so that torchvision's weight files load
strictly.
"""

import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from leadline.errors import LeadlineError, one_line
from leadline.io.checksums import verify_weights
from leadline.io.files import stand_in_of

Taps = dict[int, Tensor]


_OLD_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
"""torchvision's DenseNet files still say `norm.1` where the network says `norm1`."""

BATCH_COUNT = "num_batches_tracked"
"""Name suffix of BatchNorm's counters, which do not affect a network's output."""


class Encoder(nn.Module):
    """A stack of named layers, some of whose outputs are returned as features.

    `layers` run in order; `taps` maps a reduction (2, 4, ...) to the name of the layer whose
    output is the feature map at that reduction. Layers after the last tap are dropped.
    """

    def __init__(self, layers: Mapping[str, nn.Module], taps: Mapping[int, str], prefix: str = ""):
        super().__init__()
        names = list(layers)
        last = max(names.index(name) for name in taps.values())
        body = nn.Sequential(OrderedDict((name, layers[name]) for name in names[: last + 1]))
        # torchvision keeps "features.0..." for some families and "conv1..." for others.
        self.body = body
        self.prefix = prefix
        self.reduction_of = {name: reduction for reduction, name in taps.items()}
        self.reductions = sorted(taps)
        self.channels = self._measure_channels()

    def forward(self, images: Tensor) -> Taps:
        """Return {reduction: features} for normalised images (B,3,H,W)."""
        features: Taps = {}
        x = images
        for name, layer in self.body.named_children():
            x = layer(x)
            if name in self.reduction_of:
                features[self.reduction_of[name]] = x
        return features

    @torch.no_grad()
    def _measure_channels(self) -> dict[int, int]:
        training = self.training
        self.eval()
        features = self(torch.zeros(1, 3, 64, 64))
        self.train(training)
        return {reduction: features[reduction].shape[1] for reduction in self.reductions}

    def load_file(self, path: Path) -> None:
        """Load a state dict in torchvision's layout; a classifier head in it is ignored."""
        state = read_state_dict(path)
        needed = self.body.state_dict()
        loaded = {
            _OLD_DENSE_LAYER.sub(r"\1\2", key.removeprefix(self.prefix)): value
            for key, value in state.items()
            if key.startswith(self.prefix)
        }
        # Files from before PyTorch 0.4 lack the batch counters, which are not needed.
        counts = {key: value for key, value in needed.items() if key.endswith(BATCH_COUNT)}
        loaded = {**counts, **loaded}
        missing = [key for key in needed if key not in loaded]
        if missing:
            raise LeadlineError(
                f"{path}: not weights of this encoder: {len(missing)} of {len(needed)} tensors are "
                f"missing, the first is {self.prefix + missing[0]!r}; "
                "give a state dict in torchvision's layout"
            )
        check_tensors(path, loaded, needed, self.prefix)
        self.body.load_state_dict({key: loaded[key] for key in needed})


def check_tensors(
    path: Path, loaded: Mapping[str, Tensor], needed: Mapping[str, Tensor], prefix: str = ""
) -> None:
    """Raise LeadlineError if a tensor of the file has another shape, or non-finite numbers.

    `loaded` has all names of `needed`; in the file they have the prefix `prefix`.
    """
    for key, value in needed.items():
        if value.shape != loaded[key].shape:
            raise LeadlineError(
                f"{path}: tensor {prefix + key!r} has shape {tuple(loaded[key].shape)}, expected "
                f"{tuple(value.shape)}; give weights of this network"
            )
        if not torch.isfinite(loaded[key]).all():
            raise LeadlineError(
                f"{path}: tensor {prefix + key!r} holds numbers that are not finite; "
                "the file is damaged, or of a training that diverged"
            )


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a .pth/.pt (weights only, no code is run) or .safetensors state dict.

    float16 tensors of a .safetensors file are converted to float32; its checksum, if any, is
    verified.
    """
    if not path.is_file():
        raise LeadlineError(f"{path}: no such weights file; give an existing .pth or .safetensors")
    if path.stat().st_size == 0:
        raise LeadlineError(f"{path}: is empty; copy or download it again")
    if words := stand_in_of(path):
        raise LeadlineError(f"{path}: {words}")
    if path.suffix == ".safetensors":
        verify_weights(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return {
                name: value.float() if value.dtype == torch.float16 else value
                for name, value in load_file(path).items()
            }
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise LeadlineError(
            f"{path}: holds objects other than tensors, which are not loaded since they could run "
            "code; expected a plain state dict saved by torch or safetensors"
        ) from error
    except Exception as error:  # torch and safetensors raise many types for a bad file
        reason = one_line(error).partition(". ")[0]
        raise LeadlineError(
            f"{path}: cut short or damaged ({type(error).__name__}: {reason}); "
            "expected a plain state dict saved by torch or safetensors"
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise LeadlineError(
            f"{path}: holds {type(state).__name__}, expected a state dict of tensors"
        )
    # DistributedDataParallel prefixes every key.
    wrapped = bool(state) and all(str(key).startswith("module.") for key in state)
    return {key.removeprefix("module."): v for key, v in state.items()} if wrapped else state


def _children(module: nn.Module) -> dict[str, nn.Module]:
    return dict(module.named_children())


def _round_up(module: nn.Module) -> None:
    """Let poolings round up: 15 rows become 8, not 7, and one row stays one."""
    for layer in module.modules():
        if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
            layer.ceil_mode = True


def _mobilenet_v2() -> Encoder:
    features = torchvision.models.mobilenet_v2(weights=None).features
    return Encoder(
        _children(features), {2: "1", 4: "3", 8: "6", 16: "13", 32: "18"}, prefix="features."
    )


def _dilated_mobilenet_v2(output_stride: int) -> Callable[[], Encoder]:
    """MobileNetV2 with dilations for its last strides: same weights, denser maps."""
    strided = {16: ("14",), 8: ("7", "14")}[output_stride]

    def build() -> Encoder:
        layers = _children(torchvision.models.mobilenet_v2(weights=None).features)
        dilation = 1
        for name, layer in layers.items():
            for conv in layer.modules():
                if isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3):
                    conv.dilation = conv.padding = (dilation, dilation)
                    if name in strided:
                        conv.stride = (1, 1)
            # The layer whose stride is removed still has the old dilation.
            dilation *= 2 if name in strided else 1
        taps = {2: "1", 4: "3", 8: "6"}
        kept = {reduction: name for reduction, name in taps.items() if reduction < output_stride}
        return Encoder(layers, {**kept, output_stride: "18"}, prefix="features.")

    return build


def _resnet(name: str) -> Callable[[], Encoder]:
    def build() -> Encoder:
        layers = _children(torchvision.models.get_model(name, weights=None))
        return Encoder(layers, {2: "relu", 4: "layer1", 8: "layer2", 16: "layer3", 32: "layer4"})

    return build


def _dilated_resnet50(output_stride: int) -> Callable[[], Encoder]:
    """ResNet-50 with dilations for its last strides: same weights, larger maps."""

    def build() -> Encoder:
        dilate = {16: [False, False, True], 8: [False, True, True]}[output_stride]
        resnet = torchvision.models.resnet50(weights=None, replace_stride_with_dilation=dilate)
        taps = {2: "relu", 4: "layer1", 8: "layer2", 16: "layer3"}
        # The deepest map is that of layer4, at the output stride.
        kept = {reduction: name for reduction, name in taps.items() if reduction < output_stride}
        return Encoder(_children(resnet), {**kept, output_stride: "layer4"})

    return build


def _vgg19() -> Encoder:
    """VGG-19 up to conv5_4 and its activation, without the last pooling: five sizes, /1 to /16."""
    vgg = torchvision.models.vgg
    # Only the convolutions, since the head of torchvision's network has 120 million parameters.
    features = vgg.make_layers(vgg.cfgs["E"])
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    _round_up(features)
    return Encoder(
        _children(features), {1: "3", 2: "8", 4: "17", 8: "26", 16: "35"}, prefix="features."
    )


def _densenet(name: str) -> Callable[[], Encoder]:
    def build() -> Encoder:
        features = torchvision.models.get_model(name, weights=None).features
        layers = _children(features)
        for part in ("transition1", "transition2", "transition3"):
            _round_up(layers[part])
        # DenseNet.forward applies a ReLU after norm5, which is not part of `features`.
        layers["relu5"] = nn.ReLU()
        # DenseDepth's skips: the output of each transition, not of the dense block.
        taps = {2: "relu0", 4: "pool0", 8: "transition1", 16: "transition2", 32: "relu5"}
        return Encoder(layers, taps, prefix="features.")

    return build


class TimmEncoder(nn.Module):
    """Any timm network with `features_only` taps, named `timm:NETWORK`."""

    def __init__(self, name: str):
        super().__init__()
        try:
            import timm
        except ImportError as error:
            raise LeadlineError(
                f"encoder timm:{name} needs timm: pip install 'leadline[timm]'"
            ) from error
        if not timm.is_model(name):
            near = timm.list_models(f"*{name[:8]}*")[:3]
            raise LeadlineError(
                f"timm knows no network {name!r}; near it: {', '.join(near) or '-'}"
            )
        self.net = timm.create_model(name, pretrained=False, features_only=True)
        taps: Any = self.net.feature_info
        self.reductions: list[int] = list(taps.reduction())
        self.channels: dict[int, int] = dict(zip(self.reductions, taps.channels(), strict=True))
        self.rounds_up = self._measure_rounding()

    def forward(self, images: Tensor) -> Taps:
        """Return {reduction: features} for normalised images (B,3,H,W)."""
        if self.rounds_up:
            return dict(zip(self.reductions, self.net(images), strict=True))
        height, width = images.shape[-2:]
        deepest = max(self.reductions)
        padding = (0, -width % deepest, 0, -height % deepest)
        features = self.net(functional.pad(images, padding, mode="replicate"))
        return {
            reduction: feature[..., : -(-height // reduction), : -(-width // reduction)]
            for reduction, feature in zip(self.reductions, features, strict=True)
        }

    @torch.no_grad()
    def _measure_rounding(self) -> bool:
        training = self.net.training
        self.net.eval()
        side = 2 * max(self.reductions) + 1
        sides = [feature.shape[-1] for feature in self.net(torch.zeros(1, 3, side, side))]
        self.net.train(training)
        return sides == [-(-side // reduction) for reduction in self.reductions]

    def load_file(self, path: Path) -> None:
        """Load a timm state dict; keys of the dropped head are ignored."""
        state, needed = read_state_dict(path), self.net.state_dict()
        missing = [key for key in needed if key not in state]
        if missing:
            raise LeadlineError(
                f"{path}: lacks {len(missing)} tensors of this encoder, the first is {missing[0]!r}"
            )
        check_tensors(path, state, needed)
        self.net.load_state_dict({key: state[key] for key in needed})


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "vgg19": _vgg19,
    "mobilenet_v2": _mobilenet_v2,
    "mobilenet_v2_os16": _dilated_mobilenet_v2(16),
    "mobilenet_v2_os8": _dilated_mobilenet_v2(8),
    "resnet18": _resnet("resnet18"),
    "resnet34": _resnet("resnet34"),
    "resnet50": _resnet("resnet50"),
    "resnet50_os16": _dilated_resnet50(16),
    "resnet50_os8": _dilated_resnet50(8),
    "densenet121": _densenet("densenet121"),
    "densenet169": _densenet("densenet169"),
    "densenet201": _densenet("densenet201"),
}

IMAGENET_WEIGHTS = "IMAGENET1K_V1"


def create_encoder(name: str) -> Encoder | TimmEncoder:
    """Build an encoder with random weights: a name in `ENCODERS`, or `timm:NETWORK`."""
    if name.startswith("timm:"):
        return TimmEncoder(name.removeprefix("timm:"))
    if name not in ENCODERS:
        raise LeadlineError(
            f"encoder {name!r} is not known; choose one of {', '.join(ENCODERS)} or timm:NETWORK"
        )
    return ENCODERS[name]()


def use_leaky_relu(module: nn.Module, slope: float) -> None:
    """Replace every ReLU inside `module` by LeakyReLU(slope); the state dict does not change."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU):
            setattr(module, name, nn.LeakyReLU(slope, inplace=child.inplace))
        else:
            use_leaky_relu(child, slope)


def plain_name(name: str) -> str:
    """Return the network whose weights a dilated one uses: resnet50 for resnet50_os16."""
    return name.partition("_os")[0]


def imagenet_weights_file(name: str) -> Path:
    """Return the local file of torchvision's ImageNet weights, downloading it if needed.

    Errors: LeadlineError if the file is not in torch's cache and cannot be downloaded.
    """
    import socket
    from urllib.error import URLError

    if name not in ENCODERS:
        raise LeadlineError(
            f"encoder {name!r} has no ImageNet weights in torchvision; give a local file with "
            "--set model.encoder_weights=FILE, or =none for random weights"
        )
    weights: Any = torchvision.models.get_model_weights(plain_name(name))[IMAGENET_WEIGHTS]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path: Path = folder / weights.url.rsplit("/", 1)[-1]
    if path.is_file():
        return path
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            weights.url, str(path), hash_prefix=path.stem.rsplit("-")[-1]
        )
    except (URLError, OSError, RuntimeError) as error:
        raise LeadlineError(
            f"ImageNet weights of {name} cannot be fetched ({error}); "
            "give a local file with --set model.encoder_weights=FILE, or =none for random weights"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return path
