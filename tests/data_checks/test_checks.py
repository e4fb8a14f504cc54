"""check-data names every planted fault, and has nothing to say about clean data."""

import doctest
import shutil
from pathlib import Path
from typing import get_args

import pytest

from leadline.data_checks import Severity, check_data
from leadline.data_checks.findings import Code
from tests.data_checks.check_faults import FAULTS, distance_along_the_ray
from tests.data_checks.check_scenes import FOCAL, SIZE, write_rooms


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rooms(tmp_path_factory.mktemp("clean") / "rooms")


@pytest.mark.parametrize(
    ("plant", "code", "count", "also"), FAULTS, ids=[plant.__name__ for plant, *_ in FAULTS]
)
def test_the_planted_fault_is_named_and_no_other(clean, tmp_path, plant, code, count, also):
    folder = tmp_path / "rooms"
    shutil.copytree(clean, folder)
    plant(folder)
    report = check_data(folder)
    findings = {finding.code: finding for finding in report.findings}
    assert code in findings, report.findings
    if count is not None:
        assert findings[code].count in (count if isinstance(count, range) else (count,))
    alarms = {f.code for f in report.findings if f.severity != Severity.NOTE}
    assert alarms <= {code, *also}
    assert report.ok == (not alarms)


def test_every_code_has_a_planted_fault():
    planted = {code for _, code, *_ in FAULTS}
    elsewhere = {"alignment-unknown", "sparse-depth", "units-per-file", "cannot-open", "no-camera"}
    assert set(get_args(Code)) == planted | elsewhere


def test_what_could_not_be_read_is_counted(clean, tmp_path):
    folder = tmp_path / "rooms"
    shutil.copytree(clean, folder)
    (folder / "depth/006.png").write_bytes(b"")
    samples = dict(check_data(folder).lines())["samples"]
    assert samples.endswith("27 of 28 read, all headers; 1 could not be read")


def test_the_example_of_check_data_runs(clean, tmp_path, monkeypatch):
    shutil.copytree(clean, tmp_path / "rooms")
    monkeypatch.chdir(tmp_path)
    examples = doctest.DocTestFinder().find(check_data, globs={"check_data": check_data})
    results = [doctest.DocTestRunner().run(example) for example in examples]
    assert sum(each.attempted for each in results) >= 4
    assert not any(each.failed for each in results)


def test_declared_rays_are_planar_and_no_fault(clean, tmp_path):
    folder = tmp_path / "rooms"
    shutil.copytree(clean, folder)
    distance_along_the_ray(folder)
    camera = f"{{fx: {FOCAL}, fy: {FOCAL}, cx: {SIZE[1] / 2 - 0.5}, cy: {SIZE[0] / 2 - 0.5}}}"
    (folder / "dataset.yaml").write_text(f"depth_scale: 1000\ndepth_kind: ray\ncamera: {camera}\n")
    assert check_data(folder).findings == ()


@pytest.mark.parametrize("seed", range(4))
def test_clean_rooms_raise_no_finding(tmp_path, seed):
    report = check_data(write_rooms(tmp_path / "rooms", seed=seed))
    assert report.findings == ()
    assert report.ok
