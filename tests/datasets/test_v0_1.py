"""Shards that version 0.1 wrote open as they did, and today's are the same to the byte."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import leadline
from leadline.datasets import find_data, open_data
from leadline.datasets.shard_check import check_shards

WRITTEN = Path(__file__).parents[1] / "data" / "v0.1" / "shards"
SIZES = {"train": [(6, 8), (6, 8), (5, 9)], "val": [(4, 6)]}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory) -> Path:
    """The pairs that version 0.1 packed, made again from their seed."""
    folder = tmp_path_factory.mktemp("data") / "rooms"
    for kind in ("rgb", "depth", "label"):
        (folder / kind).mkdir(parents=True)
    rng, number = np.random.default_rng(0), 0
    for split, sizes in SIZES.items():
        lines = ["image,depth,label"]
        for size in sizes:
            depth = np.empty(size, np.uint16)
            image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            depth[:] = rng.integers(400, 9000, size)
            depth[0] = 0
            labels = rng.integers(0, 40, size, dtype=np.uint8)
            for kind, plane in (("rgb", image), ("depth", depth), ("label", labels)):
                Image.fromarray(plane).save(folder / kind / f"{number}.png")
            lines.append(f"rgb/{number}.png,depth/{number}.png,label/{number}.png")
            number += 1
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


def test_shards_of_version_0_1_are_intact_and_hold_the_samples_that_were_packed(rooms):
    assert [check.problems for check in check_shards(WRITTEN)] == [(), ()]
    assert find_data(WRITTEN).splits == ("train", "val")
    for split, sizes in SIZES.items():
        packed, source = open_data(WRITTEN, split), open_data(rooms, split)
        assert [sample.size for sample in packed] == sizes
        for index in range(len(source)):
            one, two = packed[index], source[index]
            assert (one.id, packed.scenes()[index]) == (two.id, source.scenes()[index])
            for name in ("image", "depth", "valid", "labels"):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_shards_are_written_as_version_0_1_wrote_them(rooms, tmp_path):
    packed = leadline.pack_shards(rooms, tmp_path / "shards")
    assert packed.samples == {"train": 3, "val": 1}
    for path in sorted(WRITTEN.rglob("*.npy")) + sorted(WRITTEN.rglob("samples.json")):
        again = packed.folder / path.relative_to(WRITTEN)
        assert again.read_bytes() == path.read_bytes(), path
    for split in SIZES:
        one, two = (
            json.loads((folder / split / "manifest.json").read_text())
            for folder in (WRITTEN, packed.folder)
        )
        # Where the data lay when it was packed; and how it was opened is said only since.
        assert one["plan"].pop("source") != two["plan"].pop("source")
        assert two["plan"].pop("opened_as")["units_per_metre"] == 1000
        assert one == two


def test_packing_says_what_it_will_write_before_it_does(rooms, tmp_path):
    out, seen = tmp_path / "shards", []
    options = leadline.PackOptions(splits=("val",), units_per_metre=256)
    leadline.pack_shards(
        rooms, out, options, announce=lambda plan: seen.append((str(plan), out.exists()))
    )
    [(text, existed)] = seen
    assert text.startswith("val: 1 samples, image uint8, depth uint16 1/256 m (rounded), labels u")
    assert not existed
    assert [path.name for path in out.iterdir()] == ["val"]
