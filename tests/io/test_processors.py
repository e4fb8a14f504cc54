"""How many processors there are, where the system says which a process was given or not."""

import os

import pytest

from leadline.io.processors import has_bf16, usable_processors

SAPPHIRE_RAPIDS_IN_A_VM = """processor\t: 0
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu vme sse2 avx512f avx512_vnni amx_bf16 amx_tile amx_int8
"""
COOPER_LAKE = "processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n"
SKYLAKE = "processor\t: 0\nmodel name\t: no bf16\nflags\t\t: fpu avx2 avx512f\nbugs\t\t: bf16\n"
NEOVERSE_N2 = "processor\t: 0\nFeatures\t: fp asimd sve svebf16 i8mm bf16 dgh\nCPU part\t: 0xd49\n"
CORTEX_A72 = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"


def test_processors_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 5}, raising=False)
    assert usable_processors() == 3


def test_without_that_they_are_those_of_the_machine(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_processors() == 1


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
    assert has_bf16(tmp_path / "cpuinfo") == expected


def test_without_a_list_of_features_it_is_float32(tmp_path):
    assert not has_bf16(tmp_path / "none")  # macOS has no /proc
