"""Packed shards: the samples of the files to the bit, whatever happens while they are written."""

import json
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.datasets import open_data, open_train_and_val
from leadline.datasets.encoding import choose_encoding
from leadline.datasets.packing import Resize, check_space, pack, plan_packing
from leadline.datasets.sample import DepthDataset, Sample
from leadline.datasets.shard_check import verify_shards
from leadline.datasets.shard_writer import ShardWriter, journal_line
from leadline.datasets.warp import resize_sample
from leadline.depth import Intrinsics
from leadline.errors import LeadlineError

FILES = ("image.npy", "depth.npy", "labels.npy", "samples.json", "manifest.json")


@dataclass(frozen=True)
class Numbered:
    """An item that is nothing but a number."""

    number: int

    @property
    def id(self) -> str:
        return f"room {self.number // 4}/scene {self.number}\n.png"


@dataclass(frozen=True)
class Invented(DepthDataset):
    """Samples made from their number; `kill_at` ends the process when that one is read."""

    mixed: bool = False
    depth: str = "millimetres"
    labels: str = "some"
    kill_at: int = -1

    def read(self, item: Numbered) -> Sample:
        number = item.number
        if number == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        rng = np.random.default_rng(number)
        size = (8 + number % 3, 12 + number % 5) if self.mixed else (8, 12)
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        depth = rng.integers(0, 9000, size).astype(np.float32) / np.float32(1000)
        if self.depth == "metres" or (self.depth == "late metres" and number == 50):
            depth = depth * np.float32(1.2345)
        depth[:2] = 0
        ids = {"none": None, "all": 40, "some": None if number % 7 == 0 else 40}[self.labels]
        labels = None if ids is None else rng.integers(0, ids, size, dtype=np.int32)
        if number == 40 and labels is not None:
            labels[0] = 894
            labels[1] = -1
        camera = Intrinsics(50 / 3, 17.1, 5.5, 4.2, size[1], size[0]) if number % 2 else None
        return Sample.from_metres(item.id, image, depth, depth > 0, labels, camera)


def invented(count: int = 70, **options: object) -> Invented:
    return Invented(
        Path("/nowhere"), tuple(map(Numbered, range(count))), description="i", **options
    )


def pack_all(data, folder: Path, **options: object) -> Path:
    pack(plan_packing(data, folder, **options))
    return folder


def assert_same(one: Sample, two: Sample) -> None:
    assert (one.id, one.intrinsics) == (two.id, two.intrinsics)
    assert (one.labels is None) == (two.labels is None)
    for name in ("image", "depth", "valid", "labels"):
        first, second = getattr(one, name), getattr(two, name)
        if first is not None:
            assert first.dtype == second.dtype
            assert first.shape == second.shape
            assert first.tobytes() == second.tobytes(), name


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("depth", ["millimetres", "metres", "late metres"])
@pytest.mark.parametrize("labels", ["none", "all", "some"])
def test_every_sample_comes_back_to_the_bit(tmp_path, mixed, depth, labels):
    data = invented(mixed=mixed, depth=depth, labels=labels)
    pack_all(data, tmp_path / "shards")
    packed = open_data(tmp_path / "shards")
    assert len(packed) == len(data)
    assert packed.scenes() == data.scenes()
    assert packed.scenes()[5] == "room 1"
    for index in range(len(data)):
        assert_same(packed[index], data[index])
    wanted = "uint16" if depth == "millimetres" else "float32"
    about = json.loads((tmp_path / "shards" / "manifest.json").read_text())["arrays"]
    assert about["depth"]["dtype"] == wanted
    assert about.get("labels", {}).get("dtype") == (None if labels == "none" else "int16")


def test_samples_of_one_size_are_ordinary_numpy_arrays(tmp_path):
    data = invented(9, labels="all")
    folder = pack_all(data, tmp_path / "shards")
    images = np.load(folder / "image.npy", mmap_mode="r")
    depths = np.load(folder / "depth.npy", mmap_mode="r")
    assert (images.shape, depths.shape) == ((9, 8, 12, 3), (9, 8, 12))
    np.testing.assert_array_equal(images[4], data[4].image)
    np.testing.assert_array_equal(depths[4], np.rint(data[4].depth * 1000))


def test_real_files_come_back_to_the_bit_in_their_splits(pairs, tmp_path):
    lines = [f"rgb/{index:03d}.png,depth/{index:03d}.png" for index in range(12)]
    source = shutil.copytree(pairs, tmp_path / "pairs")
    for split, part in (("train", lines[:9]), ("val", lines[9:])):
        (source / f"{split}.csv").write_text("\n".join(["image,depth", *part]) + "\n")
        pack_all(open_data(source, split), tmp_path / "out" / split)
    train, val = open_train_and_val(tmp_path / "out", val_fraction=0.1, seed=0, max_depth=4.0)
    assert val is not None
    assert (len(train), len(val), val.description) == (9, 3, "shards, val")
    assert_same(train[1], open_data(source, "train", max_depth=4.0)[1])
    # Which truth is scored is for a protocol to say.
    assert_same(val[1], open_data(source, "val")[1])
    assert len(open_data(tmp_path / "out")) == 12
    train, beside = open_train_and_val(tmp_path / "out" / "train", val_fraction=0.1, seed=0)
    assert beside is not None
    assert (len(train), len(beside)) == (9, 3)


def test_without_labels_nothing_else_changes(tmp_path):
    data = invented(9, labels="all")
    packed = open_data(pack_all(data, tmp_path / "shards"))
    assert_same(packed.without_labels()[3], replace(data[3], labels=None))
    assert packed[3].labels is not None


def test_a_packed_data_set_is_small_when_it_travels_to_a_worker(tmp_path):
    packed = open_data(pack_all(invented(70), tmp_path / "shards"))
    packed[0]
    travelled = pickle.dumps(packed)
    assert len(travelled) < 10_000
    assert_same(pickle.loads(travelled)[5], packed[5])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_read_the_same_bits(tmp_path, method):
    packed = open_data(pack_all(invented(9), tmp_path / "shards"))
    with multiprocessing.get_context(method).Pool(1) as pool:
        for index, sample in enumerate(pool.map(packed.__getitem__, range(3))):
            assert_same(sample, packed[index])


def pack_until_killed(folder: Path, kill_at: int) -> None:
    data = invented(200, mixed=True)
    packing = plan_packing(data, folder)
    pack(replace(packing, data=replace(data, kill_at=kill_at)))


def test_a_killed_packing_continues_to_the_same_bytes(tmp_path):
    whole = pack_all(invented(200, mixed=True), tmp_path / "whole")
    killed = tmp_path / "killed"
    for kill_at in (3, 31, 95, 170):
        process = multiprocessing.get_context("fork").Process(
            target=pack_until_killed, args=(killed, kill_at)
        )
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert not killed.exists()
    said: list[str] = []
    pack(plan_packing(invented(200, mixed=True), killed), say=said.append)
    assert "160 of 200 samples are already packed and intact" in said[0]
    for name in FILES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    assert sorted(path.name for path in killed.iterdir()) == sorted(FILES)


@pytest.fixture(scope="module")
def packed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_all(invented(70, labels="all"), tmp_path_factory.mktemp("once") / "whole")


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_a_crash_left_behind_the_result_is_the_same(tmp_path_factory, packed_once, data):
    """Files cut at any length, and bytes damaged anywhere, as after a power cut."""
    folder, whole = tmp_path_factory.mktemp("crash"), packed_once
    packing = plan_packing(invented(70, labels="all"), folder / "again")
    shutil.copytree(whole, packing.partial)
    first = {"plan": packing.plan, "encoding": {"units_per_metre": 1000.0, "rounded": False}}
    first["encoding"]["labels"] = "int16"
    rows = json.loads((whole / "samples.json").read_text())
    journal = b"".join(map(journal_line, [first, *journal_of(whole, rows)]))
    (packing.partial / "journal.jsonl").write_bytes(journal)
    for name in data.draw(st.sets(st.sampled_from([*FILES[:3], "journal.jsonl"]))):
        path = packing.partial / name
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content = content[:at]
        else:
            content[at] ^= 0x41
        path.write_bytes(content)
    pack(packing)
    for name in FILES:
        assert (folder / "again" / name).read_bytes() == (whole / name).read_bytes(), name


def journal_of(folder: Path, rows: dict) -> list[dict]:
    manifest = json.loads((folder / "manifest.json").read_text())
    lines, first = [], 0
    for block in manifest["blocks"]:
        members = range(first, first + block["samples"])
        samples = [{key: rows[key][index] for key in rows} for index in members]
        lines.append({"samples": samples, "sha256": block["sha256"]})
        first += block["samples"]
    return lines


def test_an_unfinished_packing_of_other_data_is_not_overwritten(tmp_path):
    folder = tmp_path / "shards"
    process = multiprocessing.get_context("fork").Process(
        target=pack_until_killed, args=(folder, 95)
    )
    process.start()
    process.join()
    with pytest.raises(LeadlineError, match=r"\.shards\.partial: holds an unfinished packing"):
        pack_all(invented(9), folder)


def test_a_full_disk_keeps_what_is_there_and_says_how_to_go_on(tmp_path):
    data, packing = invented(200), plan_packing(invented(200), tmp_path / "shards")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limit[1]))
        with pytest.raises(
            LeadlineError, match=r"cannot write here.*; 128 of 200 samples are kept"
        ):
            pack(packing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert not packing.folder.exists()
    said: list[str] = []
    pack(packing, say=said.append)
    assert "128 of 200 samples are already packed and intact" in said[0]
    assert verify_shards(packing.folder) == []
    assert_same(open_data(packing.folder)[199], data[199])


def test_an_unreadable_sample_is_named_and_what_came_before_is_kept(tmp_path):
    good = invented(70)

    class Faulty(Invented):
        def read(self, item: Numbered) -> Sample:
            if item.number == 66:
                raise LeadlineError("66.png: is cut short")
            return super().read(item)

    said: list[str] = []
    faulty = Faulty(good.root, good.items, description="i")
    with pytest.raises(LeadlineError, match=r"66\.png"):
        pack(replace(plan_packing(good, tmp_path / "shards"), data=faulty), say=said.append)
    assert "64 of 70 samples are kept" in said[-1]
    pack(plan_packing(good, tmp_path / "shards"), say=said.append)
    assert "64 of 70 samples are already packed and intact" in said[-1]


def test_two_processes_do_not_pack_into_one_folder(tmp_path):
    packing = plan_packing(invented(9), tmp_path / "shards")
    with (
        ShardWriter(packing.partial, packing.plan, packing.encoding),
        pytest.raises(LeadlineError, match="another process is packing here"),
    ):
        pack(packing)


def test_too_little_space_is_said_before_anything_is_written(tmp_path, monkeypatch):
    packing = plan_packing(invented(200), tmp_path / "shards")
    needed, _ = check_space([packing], tmp_path)
    assert needed == 200 * 8 * 12 * (3 + 2 + 1)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
    with pytest.raises(LeadlineError, match=r"needs about .* GB are free"):
        check_space([packing], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_packing_the_same_again_does_nothing_and_other_data_is_refused(tmp_path):
    folder = pack_all(invented(9), tmp_path / "shards")
    stamp = (folder / "image.npy").stat().st_mtime_ns
    pack_all(invented(9), folder)
    assert (folder / "image.npy").stat().st_mtime_ns == stamp
    with pytest.raises(LeadlineError, match=r"holds other shards"):
        plan_packing(invented(8), folder)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("dear diary")
    with pytest.raises(LeadlineError, match=r"holds something else"):
        plan_packing(invented(8), tmp_path / "notes")


def test_rounding_to_a_unit_is_asked_for_and_never_clamps(tmp_path):
    data = invented(9, depth="metres", labels="none")
    packed = open_data(pack_all(data, tmp_path / "shards", units_per_metre=1000.0))
    error = np.abs(packed[3].depth - data[3].depth)
    assert 0 < error.max() <= 0.5001e-3
    np.testing.assert_array_equal(packed[3].valid, data[3].valid)
    with pytest.raises(LeadlineError, match=r"scene 0.*does not fit into 16 bits"):
        pack_all(data, tmp_path / "far", units_per_metre=20_000.0)


def test_the_narrowest_lossless_encoding_is_found():
    kitti = np.full((2, 2), 513 / 256, np.float32)
    image = np.zeros((2, 2, 3), np.uint8)
    assert (
        choose_encoding([Sample.from_metres("k", image, kitti, kitti > 0)]).units_per_metre == 256
    )
    declared = choose_encoding([Sample.from_metres("k", image, kitti, kitti > 0)], declared=512.0)
    assert declared.units_per_metre == 512
    far = np.full((2, 2), 1e5, np.float32)
    assert choose_encoding([Sample.from_metres("f", image, far, far > 0)]).units_per_metre is None


@pytest.mark.parametrize("name", ["image.npy", "depth.npy", "labels.npy", "samples.json"])
def test_one_changed_byte_is_found(tmp_path, name):
    folder = pack_all(invented(70), tmp_path / "shards")
    assert verify_shards(folder) == []
    path = folder / name
    content = bytearray(path.read_bytes())
    place = content.index(b"scene 9") + 6 if name == "samples.json" else len(content) - 5
    content[place] ^= 1
    path.write_bytes(content)
    problems = verify_shards(folder)
    assert len(problems) == 1
    assert name in problems[0]
    if name != "samples.json":
        assert "samples 64 to 69" in problems[0]


def damage(folder: Path, what: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    if what == "short array":
        os.truncate(folder / "depth.npy", 1000)
    elif what == "missing array":
        (folder / "image.npy").unlink()
    elif what == "newer version":
        manifest["version"] = 2
    elif what == "no unit":
        manifest["arrays"]["depth"]["units_per_metre"] = None
    elif what == "objects":
        manifest["arrays"]["image"]["dtype"] = "object"
    elif what == "fewer samples":
        listing = json.loads((folder / "samples.json").read_text())
        (folder / "samples.json").write_text(json.dumps({k: v[1:] for k, v in listing.items()}))
    elif what == "not json":
        (folder / "samples.json").write_text('{"id": [')
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("short array", r"depth\.npy: has 1000 bytes instead of"),
        ("missing array", r"image\.npy: No such file"),
        ("newer version", r"manifest\.json: version 2"),
        ("no unit", r"manifest\.json: is damaged"),
        ("objects", r"manifest\.json: is damaged"),
        ("fewer samples", r"samples\.json: lists 8 samples"),
        ("not json", r"samples\.json: is damaged"),
    ],
)
def test_damaged_shards_are_one_clear_line(tmp_path, what, words):
    folder = pack_all(invented(9), tmp_path / "shards")
    damage(folder, what)
    with pytest.raises(LeadlineError, match=words):
        open_data(folder)


def test_a_contradicting_unit_is_refused(tmp_path):
    folder = pack_all(invented(9), tmp_path / "shards")
    assert len(open_data(folder, units_per_metre=1000)) == 9
    with pytest.raises(LeadlineError, match=r"declares 1000 units per metre but 256"):
        open_data(folder, units_per_metre=256)


def test_resized_samples_keep_points_in_space(tmp_path):
    """A pixel of the smaller picture sees the ray of the source pixel that it was taken from."""
    rows, columns = np.mgrid[:96, :128].astype(np.float32)
    depth = (1 + columns + 200 * rows).astype(np.float32)  # every pixel is known by its depth
    camera = Intrinsics(100.0, 110.0, 60.0, 50.0, 128, 96)
    sample = Sample.from_metres(
        "p", np.zeros((96, 128, 3), np.uint8), depth, depth > 0, None, camera
    )
    small = resize_sample(sample, (32, 32))  # another aspect ratio: a part of the picture
    assert small.intrinsics is not None
    for y, x in ((4, 1), (16, 16), (27, 5)):
        source_y, source_x = divmod(float(small.depth[y, x]) - 1, 200)
        ray = (
            (x - small.intrinsics.cx) / small.intrinsics.fx,
            (y - small.intrinsics.cy) / small.intrinsics.fy,
        )
        assert ray[0] == pytest.approx((source_x - 60) / 100, abs=0.6 / 100)
        assert ray[1] == pytest.approx((source_y - 50) / 110, abs=0.6 / 110)


def test_shards_of_smaller_pictures_are_what_resizing_gives(tmp_path):
    data = invented(9)
    half = Resize("half", lambda size: (size[0] // 2, size[1] // 2))
    packed = open_data(pack_all(data, tmp_path / "shards", resize=half))
    assert_same(packed[3], resize_sample(data[3], (4, 6)))


def test_the_real_nyu_images_come_back_to_the_bit(shared_data, tmp_path):
    data = open_data(shared_data / "nyu_labeled_train", "val").subset(range(0, 80, 16))
    packed = open_data(pack_all(data, tmp_path / "shards"))
    for index in range(len(data)):
        assert_same(packed[index], data[index])
    mixed = open_data(shared_data / "kitti_samples")
    packed = open_data(pack_all(mixed, tmp_path / "kitti"))
    for index in range(len(mixed)):
        assert_same(packed[index], mixed[index])


def test_a_sample_of_shards_may_be_written_to(tmp_path):
    for depth in ("millimetres", "metres"):
        data = open_data(pack_all(invented(3, depth=depth), tmp_path / depth))
        data[1].image[:] = 0
        data[1].depth[:] = 0
        assert_same(data[1], invented(3, depth=depth)[1])
