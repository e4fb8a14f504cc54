"""Depth models of transformers with random weights: as small as can be, or of their real size."""

import sys
from pathlib import Path
from typing import Any, Literal

import torch
import transformers

Kind = Literal["relative", "metric"]


def save_depth_anything(folder: Path, kind: Kind, *, real: bool = False) -> None:
    """Save Depth Anything V2: with a tiny DINOv2, or of the size of its "Small"."""
    torch.manual_seed(2)
    backbone: dict[str, Any] = {
        "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "mlp_ratio": 1,
        "image_size": 56, "out_features": [f"stage{k}" for k in (1, 2, 3, 4)],
    }  # fmt: skip
    head: dict[str, Any] = {
        "reassemble_hidden_size": 16, "neck_hidden_sizes": [8] * 4, "fusion_hidden_size": 8,
        "head_hidden_size": 4,
    }  # fmt: skip
    if real:
        backbone = {
            "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "mlp_ratio": 4,
            "image_size": 518, "out_features": [f"stage{k}" for k in (3, 6, 9, 12)],
        }  # fmt: skip
        head = {
            "reassemble_hidden_size": 384, "neck_hidden_sizes": [48, 96, 192, 384],
            "fusion_hidden_size": 64, "head_hidden_size": 32,
        }  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=transformers.Dinov2Config(
            patch_size=14, apply_layernorm=True, reshape_hidden_states=False,
            initializer_range=0.02 if real else 0.2, **backbone,
        ),
        depth_estimation_type=kind, max_depth=20, initializer_range=0.02 if real else 0.2, **head,
    )  # fmt: skip
    model = transformers.DepthAnythingForDepthEstimation(config).eval()
    side = backbone["image_size"]
    with torch.no_grad():
        if real:
            _let_metres_vary(model, model.head.conv3, side)
        else:  # else much of it is cut off at 0
            model.head.conv3.weight.abs_()
            model.head.conv3.bias.fill_(0.5)
    model.save_pretrained(folder)
    transformers.DPTImageProcessor(
        size={"height": side, "width": side}, ensure_multiple_of=14, keep_aspect_ratio=real
    ).save_pretrained(folder)


def _let_metres_vary(model: torch.nn.Module, last: torch.nn.Conv2d, side: int) -> None:
    """Make the depth of a random network vary by metres: it is else nearly one number."""
    _draw_convolutions(model.neck, model.head)
    kept: list[torch.Tensor] = []
    hook = last.register_forward_hook(lambda layer, given, made: kept.append(made))
    model(torch.randn(1, 3, side, side))
    hook.remove()
    last.weight /= kept[0].std()  # the sigmoid of the depth is then far from its ends
    last.bias.fill_(float(-kept[0].mean() / kept[0].std()))


def _draw_convolutions(*parts: torch.nn.Module) -> None:
    """Draw their weights so that what varies before them varies as much behind them."""
    for part in parts:
        for layer in part.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                torch.nn.init.kaiming_normal_(layer.weight)


def save_zoedepth(folder: Path, *, real: bool = False) -> None:
    """Save ZoeDepth: with a tiny BEiT, or of the size of ZoeD-N (BEiT-384 large)."""
    torch.manual_seed(0)
    if real:
        backbone = transformers.BeitConfig(
            hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
            image_size=384, patch_size=16, use_relative_position_bias=True,
            layer_scale_init_value=0.1, reshape_hidden_states=False,
            out_features=[f"stage{k}" for k in (6, 12, 18, 24)],
        )  # fmt: skip
        config = transformers.ZoeDepthConfig(
            backbone_config=backbone,
            bin_configurations=[{"n_bins": 64, "min_depth": 0.001, "max_depth": 10.0}],
        )
    else:
        backbone = transformers.BeitConfig(
            hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16,
            image_size=64, patch_size=16, out_features=[f"stage{k}" for k in (1, 2, 3, 4)],
            reshape_hidden_states=False, initializer_range=0.2,
        )  # fmt: skip
        config = transformers.ZoeDepthConfig(
            initializer_range=0.2, backbone_config=backbone, neck_hidden_sizes=[8] * 4,
            fusion_hidden_size=8,
            bottleneck_features=8, num_relative_features=4, bin_embedding_dim=8,
            num_attractors=[4, 2, 2, 1], reassemble_factors=[4, 2, 1, 0.5],
            bin_configurations=[{"n_bins": 8, "min_depth": 0.001, "max_depth": 10.0}],
        )  # fmt: skip
    model = transformers.ZoeDepthForDepthEstimation(config)
    if real:
        with torch.no_grad():
            _draw_convolutions(model.neck, model.relative_head, model.metric_head)
    model.save_pretrained(folder)
    sides = {"height": 384, "width": 512} if real else {"height": 64, "width": 64}
    transformers.ZoeDepthImageProcessor(size=sides, ensure_multiple_of=32).save_pretrained(folder)


if __name__ == "__main__":  # for benchmarks/transformers_models.py
    save_depth_anything(Path(sys.argv[1]) / "depth-anything-v2-small", "metric", real=True)
    save_zoedepth(Path(sys.argv[1]) / "zoedepth", real=True)
