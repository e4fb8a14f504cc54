"""Which processors compute in bfloat16, by what Linux lists of them."""

import pytest

from leadline.training.recipe import load_recipe
from leadline.training.state import cpu_has_bf16, resolve_precision

SAPPHIRE_RAPIDS_IN_A_VM = """processor\t: 0
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu vme sse2 avx512f avx512_vnni amx_bf16 amx_tile amx_int8
"""
COOPER_LAKE = "processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n"
SKYLAKE = "processor\t: 0\nmodel name\t: no bf16\nflags\t\t: fpu avx2 avx512f\nbugs\t\t: bf16\n"
NEOVERSE_N2 = "processor\t: 0\nFeatures\t: fp asimd sve svebf16 i8mm bf16 dgh\nCPU part\t: 0xd49\n"
CORTEX_A72 = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        (SAPPHIRE_RAPIDS_IN_A_VM, True),
        (COOPER_LAKE, True),
        (NEOVERSE_N2, True),
        (SKYLAKE, False),
        (CORTEX_A72, False),
        ("", False),
    ],
)
def test_bf16_is_found_under_the_names_of_each_maker(tmp_path, cpuinfo, expected):
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert cpu_has_bf16(tmp_path / "cpuinfo") == expected


def test_without_a_list_of_features_it_is_float32(tmp_path):
    assert not cpu_has_bf16(tmp_path / "none")  # macOS has no /proc


@pytest.mark.parametrize(("has_bf16", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_becomes_what_the_processor_has(monkeypatch, has_bf16, precision):
    monkeypatch.setattr("leadline.training.state.cpu_has_bf16", lambda: has_bf16)
    recipe = load_recipe("compact", ["trainer.accelerator=cpu"])
    assert resolve_precision(recipe).trainer.precision == precision
    chosen = load_recipe("compact", ["trainer.precision=fp32"])
    assert resolve_precision(chosen) == chosen
