"""Packed shards read a second time with numpy, json and hashlib alone, as docs/data.md has them."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from leadline import pack_shards
from leadline.data_checks import Severity, check_data
from leadline.datasets import open_data
from tests.conftest import write_pairs
from tests.data_checks.check_scenes import make_room
from tests.datasets.independent_readers import READERS, Frame
from tests.datasets.test_layouts import WRITERS
from tests.datasets.writers.common import save, units

SAMPLES_A_SUM = 32


def read_shards(folder: Path) -> tuple[dict[str, Frame], dict[str, np.ndarray]]:
    """Return the frames of one split by id, and the labels of those that have some."""
    manifest = json.loads((folder / "manifest.json").read_text())
    columns = json.loads((folder / "samples.json").read_text())
    units = manifest["arrays"]["depth"]["units_per_metre"] or 1.0  # null: float32 metres
    arrays = {name: np.load(folder / f"{name}.npy") for name in manifest["arrays"]}
    one_size = arrays["depth"].ndim == 3
    frames, labels, first = {}, {}, 0
    for number, (name, size) in enumerate(zip(columns["id"], columns["size"], strict=True)):
        height, width = size
        pixels = slice(first, first := first + height * width)
        parts = {
            key: values[number] if one_size else values[pixels].reshape(height, width, -1).squeeze()
            for key, values in arrays.items()
        }
        camera = columns["camera"][number]
        depth = parts["depth"].astype(np.float64) / units
        frames[name] = Frame(parts["image"], depth, None if camera is None else tuple(camera))
        if columns["labelled"][number]:
            labels[name] = parts["labels"]
    return frames, labels


def check_sums(folder: Path) -> None:
    """Assert that the bytes of every array have the sums that the manifest says."""
    manifest = json.loads((folder / "manifest.json").read_text())
    sizes = json.loads((folder / "samples.json").read_text())["size"]
    pixels = [height * width for height, width in sizes]
    for name in manifest["arrays"]:
        flat = np.load(folder / f"{name}.npy").reshape(sum(pixels), -1)
        ends = np.cumsum([0, *pixels])
        for number, block in enumerate(manifest["blocks"]):
            first = number * SAMPLES_A_SUM
            part = flat[ends[first] : ends[first + block["samples"]]]
            assert hashlib.sha256(part.tobytes()).hexdigest() == block["sha256"][name], name


@pytest.mark.parametrize("layout", ["nyu-mat", "vkitti-2", "hypersim", "ibims", "kitti-benchmark"])
def test_shards_hold_what_the_documentation_of_the_files_says(layout, tmp_path):
    (tmp_path / "files").mkdir()
    WRITERS[layout](tmp_path / "files")
    expected = READERS[layout](tmp_path / "files")
    pack_shards(tmp_path / "files", tmp_path / "shards")
    found: dict[str, Frame] = {}
    for manifest in (tmp_path / "shards").rglob("manifest.json"):
        check_sums(manifest.parent)
        frames, _ = read_shards(manifest.parent)
        assert not set(frames) & set(found)
        found |= frames
    assert set(found) == set(expected)
    for name, frame in found.items():
        assert np.array_equal(frame.image, expected[name].image), name
        assert frame.depth == pytest.approx(expected[name].depth, rel=1e-5, abs=1e-6), name
        assert (frame.camera is None) == (expected[name].camera is None)
        if frame.camera is not None:
            assert frame.camera == pytest.approx(expected[name].camera, rel=1e-5)


def test_samples_of_several_sizes_with_and_without_labels(tmp_path):
    rng = np.random.default_rng(0)
    expected = {}
    for number in range(35):  # more than one sum holds
        size = (16 + number % 3, 24)
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        depth = rng.integers(0, 9000, size).astype(np.uint16)
        label = rng.integers(0, 40, size).astype(np.uint8)
        for folder, pixels in (("rgb", image), ("depth", depth), ("label", label)):
            if folder != "label" or number % 2:
                save(tmp_path / "files" / folder / f"{number:02d}.png", pixels)
        expected[f"rgb/{number:02d}.png"] = image, depth, label if number % 2 else None
    (tmp_path / "files" / "dataset.yaml").write_text(
        "depth_scale: 1000\ncamera: {fx: 20, fy: 21, cx: 11.5, cy: 8, width: 24, height: 17}\n"
    )
    pack_shards(tmp_path / "files", tmp_path / "shards")
    check_sums(tmp_path / "shards")
    frames, labels = read_shards(tmp_path / "shards")
    for name, (image, depth, label) in expected.items():
        assert np.array_equal(frames[name].image, image)
        assert np.array_equal(np.rint(frames[name].depth * 1000), depth)
        assert frames[name].camera[:2] == pytest.approx((20, 21 * image.shape[0] / 17))
        assert label is None if name not in labels else np.array_equal(labels[name], label)
    assert set(labels) == {name for name, each in expected.items() if each[2] is not None}


def make_copy(folder: Path, per_metre: float = 1000.0) -> Path:
    """Pack twelve rooms whose depth is in another unit than the shards will say."""
    rng = np.random.default_rng(5)
    for number in range(12):
        image, depth = make_room(rng)
        save(folder / "files" / "rgb" / f"{number:02d}.png", image)
        save(folder / "files" / "depth" / f"{number:02d}.png", units(depth, per_metre))
    (folder / "files" / "dataset.yaml").write_text("depth_scale: 1000\n")
    pack_shards(folder / "files", folder / "shards")
    return folder / "shards"


def alarms(folder: Path) -> dict[str, int]:
    """Return how often each error and warning is found."""
    findings = check_data(folder).findings
    return {each.code: each.count for each in findings if each.severity != Severity.NOTE}


def test_check_data_names_what_is_wrong_with_shards(tmp_path):
    right = make_copy(tmp_path / "right")
    assert alarms(right) == {}
    assert "scale-contradiction" in alarms(make_copy(tmp_path / "unit", 5000.0))
    depth = np.load(right / "depth.npy", mmap_mode="r+")
    depth[[1, 4]] = depth[[4, 1]]
    depth.flush()
    assert alarms(right) == {"swapped-pairs": 2}
    for name in ("short", "lost"):
        copy = shutil.copytree(right, tmp_path / name)
        content = (copy / "depth.npy").read_bytes()
        (copy / "depth.npy").unlink()
        if name == "short":
            (copy / "depth.npy").write_bytes(content[:-7])
        assert "cannot-open" in alarms(copy)


def test_the_reader_gives_the_same(tmp_path):
    write_pairs(tmp_path / "files", 3, (48, 64))
    pack_shards(tmp_path / "files", tmp_path / "shards")
    for manifest in (tmp_path / "shards").rglob("manifest.json"):
        frames, _ = read_shards(manifest.parent)
        data = open_data(manifest.parent)
        for sample in (data[number] for number in range(len(data))):
            assert np.array_equal(sample.image, frames[sample.id].image)
            assert sample.depth == pytest.approx(frames[sample.id].depth, rel=1e-6)
