"""Batches depend on (seed, epoch, sample) and on nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from leadline.datasets import Sample, open_data, open_pairs
from leadline.datasets.packing import pack, plan_packing
from leadline.training.augment import prepare
from leadline.training.batches import ClassIds, EpochOrder, TrainingSamples, make_loader
from leadline.training.recipe import load_recipe
from tests.conftest import write_pairs


@pytest.fixture
def labelled(tmp_path):
    """Three pairs with class ids."""
    folder = write_pairs(tmp_path / "labelled", 3)
    (folder / "label").mkdir()
    for index in range(3):
        ids = np.random.default_rng(index).integers(0, 40, (96, 128), dtype=np.uint8)
        Image.fromarray(ids).save(folder / "label" / f"{index:03d}.png")
    return folder


def batches(pairs, first, last, workers=0):
    samples = TrainingSamples(open_data(pairs), (64, 96), load_recipe("compact").augment, 7)
    order = EpochOrder(len(samples.samples), 4, 7, first, last)
    return list(make_loader(samples, order, workers))


def test_an_epoch_visits_every_sample_once():
    order = EpochOrder(12, 4, 1, 0, 6)
    slots = list(order)
    assert sorted(index for batch in slots[:3] for _, index in batch) == list(range(12))
    assert {epoch for batch in slots[:3] for epoch, _ in batch} == {0}
    assert {epoch for batch in slots[3:] for epoch, _ in batch} == {1}
    assert slots[:3] != slots[3:]


def test_starting_in_the_middle_gives_the_rest_of_the_same_order():
    assert list(EpochOrder(12, 4, 1, 4, 6)) == list(EpochOrder(12, 4, 1, 0, 6))[4:]


def test_fewer_samples_than_a_batch_make_one_small_batch():
    assert [len(batch) for batch in EpochOrder(3, 8, 0, 0, 2)] == [3, 3]


def test_workers_do_not_change_a_bit(pairs):
    alone, helped = batches(pairs, 1, 4), batches(pairs, 1, 4, workers=2)
    for one, two in zip(alone, helped, strict=True):
        assert one.keys() == two.keys()
        for name in one:
            assert torch.equal(one[name], two[name]), name


def test_shards_give_the_batches_of_the_files(pairs, tmp_path):
    pack(plan_packing(open_pairs(pairs), tmp_path / "shards"))
    for one, two in zip(
        batches(pairs, 1, 4), batches(tmp_path / "shards", 1, 4, workers=1), strict=True
    ):
        for name in one:
            assert torch.equal(one[name], two[name]), name


def test_a_batch_holds_the_items_of_its_slots(labelled):
    samples = TrainingSamples(open_pairs(labelled), (64, 96), load_recipe("compact").augment, 7)
    slots = [(3, 2), (3, 0)]
    batch = samples.__getitems__(slots)
    for place, slot in enumerate(slots):
        item = samples[slot]
        np.testing.assert_array_equal(batch["image"][place].permute(1, 2, 0), item.image)
        np.testing.assert_array_equal(batch["depth"][place, 0], item.depth)
        np.testing.assert_array_equal(batch["valid"][place, 0], item.valid)
        np.testing.assert_array_equal(batch["labels"][place], item.labels)
    assert batch["labels"].dtype == torch.int64
    assert batch["image"].is_contiguous(memory_format=torch.channels_last)
    assert "labels" not in replace(samples, samples=samples.samples.without_labels()).__getitems__(
        slots
    )


def test_images_without_labels_have_no_class_anywhere(labelled):
    (labelled / "label" / "001.png").unlink()
    recipe, classes = load_recipe("compact"), ClassIds(40)
    samples = TrainingSamples(open_pairs(labelled), (64, 96), recipe.augment, 7, classes)
    for order in ((0, 1, 2), (1, 0), (1, 1)):
        slots = [(0, index) for index in order]
        batch = samples.__getitems__(slots)
        assert batch["labels"].shape == (len(slots), 64, 96)
        for place, index in enumerate(order):
            if index == 1:
                assert (batch["labels"][place] == -1).all()
            else:
                np.testing.assert_array_equal(batch["labels"][place], samples[0, index].labels)
    without_classes = replace(samples, classes=None)
    assert "labels" not in without_classes.__getitems__([(0, 1)])


def test_an_epoch_changes_the_random_version_of_a_sample(pairs):
    samples = TrainingSamples(open_pairs(pairs), (64, 96), load_recipe("compact").augment, 7)
    np.testing.assert_array_equal(samples[0, 2].image, samples[0, 2].image)
    assert not np.array_equal(samples[0, 2].image, samples[1, 2].image)


def test_shapes_and_kinds(pairs):
    batch = batches(pairs, 0, 1)[0]
    assert batch["image"].shape == (4, 3, 64, 96)
    assert batch["depth"].shape == batch["valid"].shape == (4, 1, 64, 96)
    assert batch["valid"].dtype == torch.bool
    assert float(batch["depth"][~batch["valid"]].abs().sum()) == pytest.approx(0)


@pytest.mark.parametrize("zoom", [1.0, 1.3])
def test_depth_divided_after_the_warp_is_the_depth_divided_before(pairs, zoom):
    data = open_pairs(pairs).within(1.9, 2.9)
    stored, sample = data.view(1), data[1]
    sample = Sample.from_metres(sample.id, sample.image, sample.depth, sample.valid)
    assert stored.stored_values.dtype == np.uint16
    section = load_recipe("compact").augment.model_copy(update={"scale": (zoom, zoom)})
    items = [
        prepare(each, (64, 80), section, np.random.default_rng(3)) for each in (stored, sample)
    ]
    np.testing.assert_array_equal(items[0].depth, items[1].depth)
    np.testing.assert_array_equal(items[0].valid, items[1].valid)
    assert 0 < items[0].valid.mean() < 1
    metres = items[0].depth[items[0].valid] * np.float32(zoom)
    assert metres.min() > 1.899 and metres.max() < 2.901


def test_a_sample_is_left_as_it_was(pairs):
    sample = open_pairs(pairs)[0]
    before = sample.depth.copy()
    section = load_recipe("compact").augment.model_copy(update={"rotation": 0.0})
    prepare(sample, (96, 128), section, np.random.default_rng(3))
    np.testing.assert_array_equal(sample.depth, before)
