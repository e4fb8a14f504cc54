"""The same picture through Leadline and through other networks, in the same rounds.

    python benchmarks/peers.py [--rounds 11] [--threads 2]

Depth-Anything-V2-Small is built from its published configuration with random weights: speed does
not depend on them, and nothing is downloaded. It is timed as it comes, network alone: its picture,
518x686, is a ready tensor. Leadline's calls go from uint8 480x640 to metres of that size.
"""

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from leadline.inference import Predictor


def depth_anything_small() -> torch.nn.Module:
    """Depth-Anything-V2-Small (Yang et al. 2024): DINOv2 ViT-S/14 and a DPT head."""
    backbone = Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=14,
        out_indices=[3, 6, 9, 12],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=384,
        neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
    )
    return DepthAnythingForDepthEstimation(config).eval()


def main() -> None:
    """Measure in alternation, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peer, pixels = depth_anything_small(), torch.rand(1, 3, 518, 686)
    parameters = sum(each.numel() for each in peer.parameters()) / 1e6
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)

    def run_peer(half: bool) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            peer(pixels)

    ways: dict[str, Callable[[], object]] = {}
    for precision in ("bf16", "f32"):
        predictor = Predictor.load(precision=precision, threads=options.threads)
        ways[f"compact-nyu, openvino {precision}"] = lambda p=predictor: p(picture)
    ways["Depth-Anything-V2-Small, torch bf16"] = lambda: run_peer(True)
    ways["Depth-Anything-V2-Small, torch f32"] = lambda: run_peer(False)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(options.rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if turn:  # the first round compiles
                times[name].append(1000 * (time.perf_counter() - started))
    quickest = min(float(np.median(values)) for values in times.values())
    print(
        f"{options.rounds} alternating rounds, {options.threads} threads, peer {parameters:.1f} M"
    )
    for name, values in times.items():
        low, median, high = np.percentile(values, [25, 50, 75])
        print(f"{name:<38}{median / quickest:>8.2f} {median:>9.1f} ms ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
