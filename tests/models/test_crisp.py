"""`crisp`: its upsampling against arithmetic by hand, its weights, its export."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.export.exporter import to_onnx, write_exported
from leadline.export.parity import check_parity
from leadline.models import ModelConfig, create_model
from leadline.models.crisp import (
    DECISION,
    ConvexUpsampling,
    LightUpBlock,
    PooledContext,
    SharpUpsampling,
    bilinear_weights,
    far_cells,
)

FEATURES = 5


def upsampling(shares: torch.Tensor | None = None, seed: int = 0) -> ConvexUpsampling:
    """An upsampling that gives every cell the same shares (9,4); None: a freshly drawn one."""
    torch.manual_seed(seed)
    module = ConvexUpsampling(FEATURES).requires_grad_(False)
    if shares is not None:
        module.logits.weight.zero_()
        module.logits.bias.copy_(shares.clamp_min(1e-12).log().flatten())
    return module


def random_map(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(seed))


def features(*size: int, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return spread * torch.randn(1, FEATURES, *size, generator=generator)


def test_bilinear_shares_give_bilinear_interpolation():
    x = random_map(7, 9)
    expected = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    doubled = upsampling(bilinear_weights())(x, features(7, 9))
    torch.testing.assert_close(doubled, expected)


def test_a_pixel_takes_the_cell_that_its_share_names():
    # Upper left pixel: the cell above; upper right: the right one; lower: the left one, its own.
    shares = torch.zeros(9, 4)
    for pixel, cell in enumerate((1, 5, 3, 4)):
        shares[cell, pixel] = 1
    x = torch.arange(12.0).view(1, 1, 3, 4)
    doubled = upsampling(shares)(x, features(3, 4))[0, 0]
    np.testing.assert_allclose(doubled[2:4, 2:4], [[1, 6], [4, 5]], atol=1e-5)
    # Outside the map its border is repeated.
    np.testing.assert_allclose(doubled[0:2, 0:2], [[0, 1], [0, 0]], atol=1e-5)


def test_no_pixel_leaves_the_range_of_the_nine_cells_around_it():
    x = random_map(6, 8)
    doubled = upsampling()(x, features(6, 8, spread=50.0))
    around = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    highest = functional.max_pool2d(around, 3, stride=1)
    lowest = -functional.max_pool2d(-around, 3, stride=1)
    assert (doubled <= highest.repeat_interleave(2, 2).repeat_interleave(2, 3) + 1e-6).all()
    assert (doubled >= lowest.repeat_interleave(2, 2).repeat_interleave(2, 3) - 1e-6).all()


def test_a_tilted_plane_has_no_stairs_before_training():
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(16.0), indexing="ij")
    plane = (0.02 * rows + 0.03 * columns).view(1, 1, 12, 16)
    doubled = upsampling()(plane, features(12, 16))[0, 0, 4:-4, 4:-4]
    # Between two pixels of the doubled map a plane rises by half of what it does between cells.
    assert doubled.diff(dim=0).max() < 2 * 0.01
    assert doubled.diff(dim=1).max() < 2 * 0.015
    assert min(doubled.diff(dim=0).min(), doubled.diff(dim=1).min()) > 0


def sharp(seed: int = 0) -> SharpUpsampling:
    torch.manual_seed(seed)
    module = SharpUpsampling((FEATURES,), reach=(3, 6), width=16)
    return module.eval().requires_grad_(False)


def test_cells_are_those_that_many_cells_away_less_the_own():
    x = random_map(9, 11)
    around = functional.pad(x, (6, 6, 6, 6), mode="replicate")
    moves = functional.conv2d(around, far_cells((3, 6)))[0, :, 4, 5]
    own = x[0, 0, 4, 5]
    four = torch.stack([x[0, 0, 1, 5], x[0, 0, 4, 2], x[0, 0, 4, 8], x[0, 0, 7, 5]]) - own
    torch.testing.assert_close(moves[:4], four)
    torch.testing.assert_close(moves[5], x[0, 0, 4, 0] - own)  # the border repeated


def test_far_cells_take_a_blurred_edge_to_the_level_of_its_side():
    module = sharp()
    module.logits.weight.zero_()
    chosen = torch.full((4, 8), -30.0)
    # Left pixels take the cell three to the left, right ones that three to the right.
    chosen[[0, 2], 1] = 15
    chosen[[1, 3], 2] = 15
    module.logits.bias.copy_(chosen.flatten())
    ramp = torch.tensor([0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1]).expand(1, 1, 5, 9)
    doubled = module(ramp, [features(5, 9)])[0, 0, 4]
    np.testing.assert_allclose(doubled[8:10], [0, 1], atol=1e-5)  # of the cell at 0.5


def test_in_prediction_shares_are_decided():
    """A cell with twice the bilinear value's share has 2 ** 2.5 times it."""
    module = sharp()
    module.logits.weight.zero_()
    chosen = torch.full((4, 8), -40.0)
    chosen[:, 1] = math.log(2)  # three cells to the left
    module.logits.bias.copy_(chosen.flatten())
    step = torch.tensor([0.0, 0, 0, 1, 1, 1, 1]).expand(1, 1, 4, 7)
    of_it = [features(4, 7)]
    assert module(step, of_it)[0, 0, 4, 10] == pytest.approx(1 / (1 + 2**DECISION))
    module.train()
    module.norm.eval(), module.hidden.eval()
    assert module(step, of_it)[0, 0, 4, 10] == pytest.approx(1 / 3)


def test_sharp_upsampling_is_bilinear_where_it_takes_nothing_from_afar():
    module = sharp()
    module.logits.weight.zero_()
    module.logits.bias.fill_(-40)
    x = random_map(6, 8)
    expected = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(module(x, [features(6, 8)]), expected)


def test_sharp_upsampling_begins_without_stairs_and_sees_no_scale_of_logarithms():
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(32.0), indexing="ij")
    plane = (0.02 * rows + 0.03 * columns).view(1, 1, 24, 32)
    of_it = [features(24, 32)]
    doubled = sharp()(plane, of_it)
    inside = doubled[0, 0, 14:-14, 14:-14]
    assert inside.diff(dim=0).max() < 2 * 0.01
    assert inside.diff(dim=1).max() < 2 * 0.015
    torch.testing.assert_close(sharp()(plane + 0.7, of_it), doubled + 0.7)
    assert doubled.max() <= plane.max()
    assert doubled.min() >= plane.min()


def test_reach_is_refused_where_it_makes_no_sense():
    for options, space in (({"reach": [1]}, "log"), ({"reach": [3]}, "linear")):
        with pytest.raises(LeadlineError, match="reach"):
            create_model(ModelConfig("crisp", options, stride=16, depth_space=space))


@torch.inference_mode()
def test_the_pictures_vector_is_the_mean_where_attention_is_even():
    context = PooledContext(8).eval()
    context.attention.weight.zero_()
    context.fuse[1].weight.zero_()  # leaves x as it is
    x = features(6, 7).repeat(1, 2, 1, 1)[:, :8]
    with_context, picture = context(x)
    torch.testing.assert_close(picture[..., 0, 0], x.mean(dim=(2, 3)))
    expected = x + context.transform(x.mean(dim=(2, 3), keepdim=True))
    torch.testing.assert_close(with_context, expected)


def test_it_is_small_and_takes_every_layer_of_compact():
    config = ModelConfig("crisp", stride=16)
    crisp = create_model(config)
    assert crisp.parameter_count() <= 5_000_000
    ours = crisp.state_dict()
    for name, tensor in create_model(ModelConfig("compact", stride=16)).state_dict().items():
        assert ours[name].shape == tensor.shape, name


@torch.inference_mode()
def test_a_light_block_is_a_1x1_convolution_of_everything_concatenated_then_a_3x3_one():
    torch.manual_seed(0)
    block = LightUpBlock(FEATURES, [3, 2], 4).eval()
    x, *maps = features(3, 4), torch.randn(1, 3, 6, 8), torch.randn(1, 2, 6, 8)
    fine = functional.interpolate(x, size=(6, 8), mode="bilinear", align_corners=False)
    kernel = torch.cat([source.weight for source in block.sources], dim=1)
    mixed = functional.conv2d(torch.cat([fine, *maps], dim=1), kernel)
    mixed = functional.relu(mixed / math.sqrt(1 + block.norm.eps))  # BatchNorm as it begins
    torch.testing.assert_close(block(x, maps), mixed + block.conv(mixed))


def test_a_light_network_has_the_parts_of_another_but_its_decoder():
    options = {"reach": [2, 4], "uncertainty": True, "validity": True}
    full = create_model(ModelConfig("crisp", options, stride=16))
    light = create_model(ModelConfig("crisp", {**options, "light": True}, stride=16))
    theirs = {name: value.shape for name, value in full.state_dict().items()}
    ours = {name: value.shape for name, value in light.state_dict().items()}
    changed = ("blocks.", "detail.")
    assert {name: shape for name, shape in ours.items() if not name.startswith(changed)} == {
        name: shape for name, shape in theirs.items() if not name.startswith(changed)
    }
    # In, skips, out of each block: 1x1 weights, two BatchNorms, 3x3 weights.
    sizes = [(192, 96, 192), (192, 32, 96), (96, 24, 48), (48, 16 + 12, 24)]
    expected = sum((i + skip) * o + 4 * o + 9 * o * o for i, skip, o in sizes)
    assert sum(weight.numel() for weight in light.blocks.parameters()) == expected
    images = torch.rand(1, 3, 50, 37, generator=torch.Generator().manual_seed(0))
    outputs, others = light.eval()(images), full.eval()(images)
    assert {name: value.shape for name, value in outputs.items()} == {
        name: value.shape for name, value in others.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("light", [False, True])
def test_exported_it_gives_the_metres_of_torch_in_both_runtimes(tmp_path, light):
    options = {"uncertainty": True, "novelty": True, "reach": [3, 6], "light": light}
    config = ModelConfig("crisp", options, stride=16, training_area=5_120)
    model = create_model(config, seed=3).eval()
    write_exported(to_onnx(model), tmp_path / "m.onnx", "f32")
    rows = check_parity(model, tmp_path / "m.onnx", ((120, 160), (97, 61)))
    assert {row.runtime for row in rows} == {"openvino", "onnxruntime"}
    assert max(row.max_error for row in rows) < 1e-4


@pytest.mark.parametrize("light", [False, True])
def test_an_encoder_without_features_at_half_size_is_refused(light):
    pytest.importorskip("timm")
    options = {"encoder": "timm:test_convnext", "light": light}
    with pytest.raises(LeadlineError, match=r"timm:test_convnext begins at 1/4 .*=compact"):
        create_model(ModelConfig(architecture="crisp", options=options))
