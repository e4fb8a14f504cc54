"""Augmentation: geometry checked on planes whose warped depth is known in closed form."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from leadline.datasets import Sample
from leadline.depth import Intrinsics
from leadline.errors import LeadlineError
from leadline.models.pipeline import resize_bilinear
from leadline.models.size_policy import processing_size, shrink_sizes
from leadline.training.augment import prepare
from leadline.training.batches import TrainingSamples
from leadline.training.recipe import AugmentSection, load_recipe


def ramp_sample(height: int = 96, width: int = 128) -> Sample:
    """Depth and all three channels rise from left to right: x tells where a pixel came from."""
    columns = np.broadcast_to(np.arange(width), (height, width))
    image = np.repeat(columns.astype(np.uint8)[..., None], 3, axis=2)
    depth = (1 + columns / width).astype(np.float32)
    return Sample.from_metres("ramp", image, depth, np.ones((height, width), bool))


def run(sample, size=(96, 128), seed=0, **section):
    return prepare(sample, size, AugmentSection(**section), np.random.default_rng(seed))


def test_without_augmentation_the_same_size_is_the_identity():
    sample = ramp_sample()
    item = run(sample)
    np.testing.assert_array_equal(np.rint(item.image * 255).astype(np.uint8), sample.image)
    np.testing.assert_array_equal(item.depth, sample.depth)
    assert item.valid.all()


def test_half_the_size_averages_two_by_two_and_samples_depth():
    sample = ramp_sample()
    item = run(sample, size=(48, 64))
    expected = sample.image.reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(item.image * 255, expected, atol=0.51)
    assert set(np.unique(item.depth)) <= set(np.unique(sample.depth))


def test_a_flip_mirrors_everything():
    sample = ramp_sample()
    item = run(sample, flip=1.0)
    np.testing.assert_array_equal(item.depth, sample.depth[:, ::-1])
    np.testing.assert_array_equal(np.rint(item.image * 255).astype(np.uint8), sample.image[:, ::-1])


@pytest.mark.parametrize("seed", range(5))
def test_zoom_divides_depth_and_stays_inside_the_picture(seed):
    item = run(ramp_sample(), seed=seed, scale=(1.5, 1.5))
    assert item.valid.all()
    # The column a pixel came from is written in its grey value; depth there was 1 + column/128.
    column = item.image[..., 0] * 255
    np.testing.assert_allclose(item.depth, (1 + column / 128) / 1.5, atol=0.012)
    assert column.max() - column.min() == pytest.approx(128 / 1.5, abs=2)


@pytest.mark.parametrize("focal", [None, 60.0])
def test_zooming_out_trains_on_no_depth_beyond_the_range(focal):
    """Depth of 1 to 2 m is 2 to 4 m from twice as far away; the data ends at 3 m."""
    camera = Intrinsics.centred(60.0, 128, 96)
    sample = replace(ramp_sample(), max_depth=3.0)
    sample = replace(sample, stored=replace(sample.stored, intrinsics=camera))
    section = AugmentSection(scale=(0.5, 0.5))
    item = prepare(sample, (96, 128), section, np.random.default_rng(0), focal=focal)
    assert 2.9 < item.depth.max() <= 3
    assert item.depth[item.valid].min() < 2.1
    np.testing.assert_array_equal(item.depth > 0, item.valid)
    near = prepare(
        sample, (96, 128), AugmentSection(scale=(0.9, 0.9)), np.random.default_rng(0), focal=45.0
    )  # 1 to 2 m through the other lens are 0.75 to 1.5 m, and 0.83 to 1.67 m from farther away
    assert near.depth.max() == pytest.approx(2 * 0.75 / 0.9, rel=0.02)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("scale", (1.5, 1.0), "the smaller end comes first"),
        ("scale", (0.0, 1.0), "greater than 0"),
        ("gamma", (0.0, 1.0), "greater than 0"),
        ("gamma", (1.2, 0.8), "the smaller end comes first"),
        ("gain", (-0.1, 1.0), "greater than or equal to 0"),
        ("channel_gain", (2.0, 1.0), "the smaller end comes first"),
        ("saturation", (-1.0, 1.0), "greater than or equal to 0"),
    ],
)
def test_a_range_that_cannot_be_is_one_line(key, value, says):
    with pytest.raises(LeadlineError, match=rf"augment\.{key}.*: .*{says}") as caught:
        load_recipe("compact", [f"augment.{key}={list(value)}"])
    assert "\n" not in str(caught.value)


def test_rotated_in_corners_are_invalid():
    item = run(ramp_sample(), seed=3, rotation=5.0)
    assert 0.85 < item.valid.mean() < 1
    assert (item.depth[~item.valid] == 0).all()
    assert item.valid[40:56, 50:78].all()
    assert not item.valid[[0, 0, -1, -1], [0, -1, 0, -1]].all()


def test_invalid_depth_never_turns_valid():
    sample = ramp_sample()
    valid = np.zeros(sample.depth.shape, bool)
    valid[:, 64:] = True
    holed = Sample.from_metres("h", sample.image, np.where(valid, sample.depth, 0), valid)
    item = run(holed, seed=1, scale=(1.2, 1.2), rotation=4.0, flip=0.5)
    np.testing.assert_array_equal(item.depth > 0, item.valid)


def test_labels_move_with_the_depth_and_never_mix():
    sample = ramp_sample()
    labels = np.where(np.arange(128) < 64, 3, 17) * np.ones((96, 1), np.int32)
    item = run(
        replace(sample, labels=labels.astype(np.int32)), seed=5, scale=(1.3, 1.3), rotation=5.0
    )
    assert item.labels is not None
    assert set(np.unique(item.labels)) <= {0, 3, 17}
    near_edge = np.abs(item.image[..., 0] * 255 - 63.5) < 1.5
    left = (item.image[..., 0] * 255 < 63.5) & item.valid & ~near_edge
    assert (item.labels[left] == 3).all()


def test_colours_change_the_image_alone():
    sample = ramp_sample()
    item = run(sample, seed=2, gain=(0.5, 0.5), channel_permutation=1.0)
    np.testing.assert_allclose(item.image, sample.image / 255 * 0.5, atol=1e-6)
    np.testing.assert_array_equal(item.depth, sample.depth)
    gamma = run(sample, gamma=(2.0, 2.0)).image
    np.testing.assert_allclose(gamma, (sample.image / 255) ** 2, atol=1e-5)


def test_a_panorama_keeps_its_aspect_ratio():
    sample = ramp_sample(60, 240)
    item = run(sample, size=(96, 128))
    steps = np.diff(item.image[48, 30:100, 0] * 255)
    # 14,400 source pixels for 12,288 of output: 1.08 source columns a pixel, not 1.875.
    assert steps.mean() == pytest.approx(np.sqrt(60 * 240 / (96 * 128)), rel=0.03)


@pytest.mark.parametrize("seed", range(8))
def test_a_channel_permutation_always_changes_the_order(seed):
    sample = ramp_sample()
    channels = (sample.image // np.array([1, 2, 4])).astype(np.uint8)
    colourful = Sample.from_metres("c", channels, sample.depth, sample.valid)
    item = run(colourful, seed=seed, channel_permutation=1.0)
    columns = item.image[0, 127] * 255
    assert sorted(np.rint(columns)) == [31, 63, 127]
    assert tuple(np.rint(columns)) != (127, 63, 31)


def test_pixels_outside_the_photograph_have_no_label():
    sample = ramp_sample()
    labels = np.zeros(sample.depth.shape, np.int32)
    item = run(
        Sample.from_metres("l", sample.image, sample.depth, sample.valid, labels),
        seed=3,
        rotation=5.0,
    )
    assert item.labels is not None
    np.testing.assert_array_equal(item.labels == -1, ~item.valid)


@pytest.mark.parametrize("size", [(96, 128), (48, 64), (32, 64), (24, 32), (32, 42), (110, 150)])
@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_plain_resize_agrees_with_the_general_warp(size, flip, monkeypatch):
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)
    depth = rng.uniform(0.5, 9, (96, 128)).astype(np.float32) * (rng.random((96, 128)) < 0.8)
    labels = rng.integers(0, 40, (96, 128), dtype=np.int32)
    sample = Sample.from_metres("w", image, depth.astype(np.float32), depth > 0, labels)
    quick = run(sample, size, flip=flip)
    monkeypatch.setattr("leadline.datasets.warp._cover", lambda *_: np.full((2, 3), np.nan))
    warped = run(sample, size, flip=flip)
    for name in ("depth", "valid", "labels"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(warped, name))
    # The warp rounds positions to 1/32 of a pixel, and mirrors where the resize repeats.
    inside = np.abs(quick.image - warped.image)[1:-1, 1:-1]
    assert inside.max() < 1.2 / 32 + 1.5 / 255
    assert inside.mean() < 0.1 / 32


def test_shrinking_follows_the_rule_of_prediction():
    """Bilinear with half-pixel centres, as the exported graph does it before the network."""
    import torch

    image = np.random.default_rng(4).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    plain = np.ones((96, 128), np.float32)
    item = run(Sample.from_metres("c", image, plain, plain > 0), size=(64, 80))
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    expected = torch.nn.functional.interpolate(planes, (64, 80), mode="bilinear")
    difference = np.abs(item.image - expected[0].permute(1, 2, 0).numpy())
    assert difference.max() < 1.01 / 255


def test_gamma_saturation_and_gain_follow_their_formulas():
    rng = np.random.default_rng(4)
    image = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    plain = np.ones((96, 128), np.float32)
    item = run(
        Sample.from_metres("c", image, plain, plain > 0),
        gamma=(1.2, 1.2),
        saturation=(0.5, 0.5),
        gain=(1.5, 1.5),
    )
    bright = (image / 255.0) ** 1.2
    grey = bright @ [0.299, 0.587, 0.114]
    expected = np.clip(1.5 * (0.5 * bright + 0.5 * grey[..., None]), 0, 1)
    np.testing.assert_allclose(item.image, expected, atol=2e-6)


class OneSample:
    """A data set of one sample."""

    def __init__(self, sample):
        self.sample = sample

    def sample_id(self, index):
        return self.sample.id

    def view(self, index):
        return self.sample


@pytest.mark.parametrize("shape", [(480, 640), (270, 480), (480, 360)])
@pytest.mark.parametrize(("area", "stride"), [(6_144, 32), (6_144, 16), (7_864, 32), (4_096, 4)])
def test_a_picture_of_the_training_shape_is_seen_as_in_prediction(shape, area, stride):
    """Rounded to a large stride, few pixels may have another aspect ratio than the picture."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    sample = Sample.from_metres("one", image, np.ones(shape, np.float32), np.ones(shape, bool))
    size = processing_size(*shape, area, stride)
    data = OneSample(sample)
    item = TrainingSamples(data, size, AugmentSection(), 0, area=area, stride=stride)[0, 0]
    assert item.valid.all()
    expected = torch.from_numpy(image)[None].permute(0, 3, 1, 2) / 255
    for step in shrink_sizes(shape, size):
        expected = resize_bilinear(expected, step)
    difference = np.abs(item.image - expected[0].permute(1, 2, 0).numpy())
    assert difference.max() < 0.03
    random = TrainingSamples(data, size, AugmentSection(flip=1.0), 0, area=area, stride=stride)
    assert random[0, 0].valid.all()


def test_a_picture_of_another_shape_is_cropped_at_one_scale():
    wide = ramp_sample(96, 192)
    item = TrainingSamples(OneSample(wide), (96, 128), AugmentSection(), 0, None, None, 12_288, 32)
    columns = item[0, 0].image[48, :, 0] * 255
    step = np.diff(columns).mean()
    assert step == pytest.approx(np.sqrt(192 / 128), rel=0.02)
