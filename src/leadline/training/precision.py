"""In which number format a run computes, and whether this machine can."""

from pathlib import Path

import torch

from leadline.errors import LeadlineError
from leadline.training.recipe import Recipe

AUTOCAST_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""What the network computes in where it is not float32."""

CPUINFO = Path("/proc/cpuinfo")
BF16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names under which Linux lists bfloat16 arithmetic: AVX-512, AMX, and Arm's (FEAT_BF16)."""


def resolve_precision(recipe: Recipe) -> Recipe:
    """Return the recipe with `trainer.precision=auto` replaced by bf16 or fp32 for this machine."""
    if recipe.trainer.precision != "auto":
        return recipe
    on_gpu = recipe.trainer.accelerator != "cpu" and torch.cuda.is_available()
    bf16 = torch.cuda.is_bf16_supported() if on_gpu else cpu_has_bf16()
    trainer = recipe.trainer.model_copy(update={"precision": "bf16" if bf16 else "fp32"})
    return recipe.model_copy(update={"trainer": trainer})


def cpu_has_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """Return whether the processor computes in bfloat16, by the features that Linux lists of it.

    False where there is no such list, as on macOS: float32 is right everywhere.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    listed = (line.partition(":") for line in lines)
    # "flags" on x86, "Features" on Arm.
    return any(
        BF16_FEATURES & set(value.split())
        for key, _, value in listed
        if key.strip() in {"flags", "Features"}
    )


def check_precision(recipe: Recipe, device: torch.device) -> None:
    """Raise LeadlineError for fp16 on a CPU, where it is many times slower than float32."""
    if recipe.trainer.precision == "fp16" and device.type == "cpu":
        raise LeadlineError(
            "trainer.precision=fp16: float16 is many times slower than float32 on a CPU; "
            "use bf16 (or auto) here, fp16 on a GPU without bf16"
        )


def check_compiler(device: torch.device) -> None:
    """Compile something tiny, so that a missing compiler shows before there is a run.

    Errors: LeadlineError with the compiler's first line.
    """
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(4, device=device))
    except RuntimeError as error:
        lines = str(error).splitlines()
        reason = next((line for line in lines if "error: " in line), lines[0])
        raise LeadlineError(
            f"trainer.compile=true: torch.compile does not work here ({reason}); install a C++ "
            "compiler (g++, or the one that CXX names), or leave trainer.compile at false"
        ) from error
