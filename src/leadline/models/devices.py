"""Capabilities of torch's devices."""

import torch

from leadline.io.processors import has_bf16


def computes_bf16(device: str) -> bool:
    """Return whether a device type computes in bfloat16 natively, and so faster than in float32.

    GPUs before Ampere emulate it, and are slower in it.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch detects AVX-512 on every system; on Linux has_bf16 detects more.
    return device == "cpu" and (has_bf16() or bool(torch.cpu._is_avx512_bf16_supported()))
