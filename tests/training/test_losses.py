"""Every loss against an independent reference, under any mask, with NaN where truth is unknown."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage, special, stats
from skimage.metrics import structural_similarity

from leadline.errors import LeadlineError
from leadline.training.losses import LOSSES, berhu, scale_invariant
from leadline.training.losses.semantic import near_boundary

SHAPE = (2, 1, 14, 17)
CLASSES = 5
DEPTH_LOSSES = sorted(set(LOSSES) - {"cross_entropy", "boundary_cross_entropy"})
OPTIONS = {"ssim": {"data_range": 10.0}}


def run(name, prediction, truth, valid, **options):
    return LOSSES[name](prediction, truth, valid, **{**OPTIONS.get(name, {}), **options})


def pair(seed=0, shape=SHAPE, dtype=torch.float32):
    """Prediction and truth in metres."""
    generator = torch.Generator().manual_seed(seed)
    both = 0.5 + 8 * torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    return both[0].to(dtype), both[1].to(dtype)


def mean_over_images(of_image, prediction, truth, valid):
    """Average a numpy function of one image's valid pixels; an empty image counts as zero."""
    p, g, v = prediction.double().numpy(), truth.double().numpy(), valid.numpy()
    return np.mean([of_image(p[i][v[i]], g[i][v[i]]) if v[i].any() else 0.0 for i in range(len(v))])


def silog_of(p, g):
    d = np.log(p) - np.log(g)
    return 10 * math.sqrt(np.var(d) + 0.15 * np.mean(d) ** 2)


def eigen_of(p, g):
    # Equation 4 in its pairwise form: half of it is half a mean over all pairs of pixels.
    d = np.log(p) - np.log(g)
    return np.mean(d**2) - 0.5 * np.mean(d[:, None] * d[None, :])


def log1p_of(p, g):
    return np.mean(np.sqrt((special.log1p(p) - special.log1p(g)) ** 2 + 1e-5))


POINTWISE = {
    # A Laplace density of scale b, by scipy, without its constant ln 2.
    "laplace": lambda b, e: -np.mean(stats.laplace.logpdf(e, scale=b)) - math.log(2),
    "l1": lambda p, g: np.mean(np.abs(p - g)),
    "l2": lambda p, g: np.mean((p - g) ** 2),
    "silog": silog_of,
    "scale_invariant": eigen_of,
    "rmse_log": lambda p, g: np.sqrt(np.mean((np.log(p) - np.log(g)) ** 2)),
    "log1p": log1p_of,
}
MASKS = arrays.arrays(np.bool_, SHAPE)


def one_pixel():
    """A mask that leaves one pixel of the whole batch."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[1, 0, 2, 3] = True
    return mask


@pytest.mark.parametrize("name", POINTWISE)
@settings(max_examples=25, deadline=None)
@given(mask=MASKS, seed=st.integers(0, 5))
@example(mask=np.zeros(SHAPE, dtype=bool), seed=0)
@example(mask=one_pixel(), seed=0)
def test_a_pointwise_loss_is_its_formula_on_each_images_valid_pixels(name, mask, seed):
    prediction, truth = pair(seed)
    valid = torch.from_numpy(mask)
    expected = mean_over_images(POINTWISE[name], prediction, truth, valid)
    assert run(name, prediction, truth, valid).item() == pytest.approx(expected, rel=2e-5, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(mask=MASKS, seed=st.integers(0, 5))
@example(mask=np.zeros(SHAPE, dtype=bool), seed=0)
@example(mask=one_pixel(), seed=0)
def test_berhu_is_linear_below_a_fifth_of_the_batchs_largest_error_and_square_above(mask, seed):
    prediction, truth = pair(seed)
    valid = torch.from_numpy(mask)
    error = (prediction - truth).abs().double().numpy()
    c = 0.2 * error[mask].max(initial=0)

    def of_image(p, g):
        e = np.abs(p - g)
        return np.mean([x if x <= c else (x * x + c * c) / (2 * c) for x in e])

    expected = mean_over_images(of_image, prediction, truth, valid)
    assert berhu(prediction, truth, valid).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(mask=MASKS, trim=st.sampled_from([0.0, 0.2, 0.5]))
@example(mask=np.zeros(SHAPE, dtype=bool), trim=0.2)
@example(mask=one_pixel(), trim=0.5)
def test_trimmed_l1_leaves_out_the_worst_share_of_each_image(mask, trim):
    prediction, truth = pair()

    def of_image(p, g):
        errors = np.sort(np.abs(p - g))
        return np.mean(errors[: len(errors) - int(trim * len(errors))])

    valid = torch.from_numpy(mask)
    expected = mean_over_images(of_image, prediction, truth, valid)
    value = run("trimmed_l1", prediction, truth, valid, trim=trim).item()
    assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("trim", [-0.1, 1.0])
def test_trimmed_l1_refuses_a_share_that_leaves_nothing(trim):
    with pytest.raises(LeadlineError, match=r"trimmed_l1: trim"):
        run("trimmed_l1", *pair(), some_mask("all"), trim=trim)


@given(mask=MASKS, size=st.integers(2, 20))
@example(mask=np.zeros(SHAPE, dtype=bool), size=8)
@example(mask=one_pixel(), size=8)
def test_local_l1_takes_away_the_mean_of_each_window(mask, size):
    prediction, truth = pair()
    expected = 0.0
    for p, g, valid in zip(prediction[:, 0].numpy(), truth[:, 0].numpy(), mask[:, 0], strict=True):
        left = []
        for top in range(0, SHAPE[-2], size):
            for start in range(0, SHAPE[-1], size):
                window = np.s_[top : top + size, start : start + size]
                error = (p - g)[window][valid[window]]
                left += list(error - error.mean()) if error.size else []
        expected += np.mean(np.abs(left)) / len(mask) if left else 0.0
    value = run("local_l1", prediction, truth, torch.from_numpy(mask), windows=[size]).item()
    assert value == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_local_l1_falls_from_no_edge_to_a_blurred_one_to_a_sharp_one():
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., 8:] = 1.0
    valid = torch.ones_like(truth, dtype=torch.bool)
    ramps = [((torch.arange(16) - 7.5) / width + 0.5).clamp(0, 1) for width in (8.0, 4.0, 2.0)]
    maps = [torch.full_like(truth, 0.5), *(ramp.expand_as(truth) for ramp in ramps), truth]
    values = [run("local_l1", each, truth, valid, windows=[16]).item() for each in maps]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(0.5)
    assert values[-1] == 0
    shifted = [run("local_l1", each + 3, truth, valid).item() for each in maps]
    assert shifted == pytest.approx([run("local_l1", each, truth, valid).item() for each in maps])


def test_local_l1_refuses_windows_in_which_nothing_is_left():
    with pytest.raises(LeadlineError, match="windows"):
        run("local_l1", *pair(), some_mask("all"), windows=[8, 1])


def test_the_gradient_of_logarithms_does_not_see_a_scale():
    prediction, truth = pair()
    logs = (prediction.log(), truth.log(), some_mask("all"))
    scaled = ((3 * prediction).log(), *logs[1:])
    values = [run("gradient", *each, scales=4) for each in (logs, scaled)]
    torch.testing.assert_close(*values)


def test_berhu_of_a_perfect_prediction_is_zero():
    truth = pair()[1]
    assert berhu(truth, truth, torch.ones(SHAPE, dtype=torch.bool)) == 0


def test_the_scale_invariant_loss_with_full_balance_is_the_variance_of_log_errors():
    prediction, truth = pair()
    valid = torch.ones(SHAPE, dtype=torch.bool)
    errors = (prediction.log() - truth.log()).flatten(1).numpy()
    value = scale_invariant(prediction, truth, valid, balance=1.0).item()
    assert value == pytest.approx(np.var(errors, axis=1).mean(), rel=1e-5)
    scaled = scale_invariant(3 * prediction, truth, valid, balance=1.0).item()
    assert scaled == pytest.approx(value, rel=1e-4)


def test_rmse_log_over_the_batch_takes_one_root():
    prediction, truth = pair()
    valid = torch.rand(SHAPE, generator=torch.Generator().manual_seed(3)) < 0.5
    squares = np.log(prediction[valid].numpy() / truth[valid].numpy()) ** 2
    value = run("rmse_log", prediction, truth, valid, over_batch=True)
    assert value.item() == pytest.approx(math.sqrt(squares.mean()), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(mask=MASKS)
def test_gradient_counts_the_differences_between_two_valid_pixels(mask):
    prediction, truth = pair()
    error = (prediction - truth).double().numpy()[:, 0]
    total = 0.0
    for axis in (1, 2):
        values = []
        for e, v in zip(error, mask[:, 0], strict=True):
            pairs = np.diff(np.where(v, 0.0, np.nan) + e, axis=axis - 1)
            values.append(np.nanmean(np.abs(pairs)) if np.isfinite(pairs).any() else 0.0)
        total += np.mean(values)
    value = run("gradient", prediction, truth, torch.from_numpy(mask)).item()
    assert value == pytest.approx(total, rel=1e-5, abs=1e-6)


def test_more_gradient_scales_repeat_it_on_every_second_pixel():
    prediction, truth = pair()
    valid = torch.ones(SHAPE, dtype=torch.bool)
    every, second = (slice(None, None, step) for step in (1, 2))
    parts = [
        run("gradient", *(x[..., s, s] for x in (prediction, truth, valid)))
        for s in (every, second)
    ]
    torch.testing.assert_close(run("gradient", prediction, truth, valid, scales=2), sum(parts))


def test_ssim_is_scikit_images_over_whole_windows():
    prediction, truth = pair(shape=(1, 1, 24, 31))
    valid = torch.ones(1, 1, 24, 31, dtype=torch.bool)
    _, similarity = structural_similarity(
        prediction[0, 0].double().numpy(),
        truth[0, 0].double().numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=10.0,
        full=True,
    )
    expected = np.mean((1 - similarity[5:-5, 5:-5]) / 2)
    assert run("ssim", prediction, truth, valid).item() == pytest.approx(expected, rel=1e-4)


def test_ssim_leaves_out_windows_that_touch_an_invalid_pixel():
    prediction, truth = pair(shape=(1, 1, 24, 31))
    valid = torch.ones(1, 1, 24, 31, dtype=torch.bool)
    valid[..., 20] = False
    left = run("ssim", *(x[..., :20] for x in (prediction, truth, valid)))
    # Right of the hole there is no room for a window.
    torch.testing.assert_close(run("ssim", prediction, truth, valid), left)


def some_mask(kind: str) -> torch.Tensor:
    valid = torch.zeros(SHAPE, dtype=torch.bool)
    if kind == "one pixel":
        valid[0, 0, 3, 4] = True
    if kind == "one image":
        valid[1] = True
    if kind == "all":
        valid[:] = True
    return valid


KINDS = ["nothing", "one pixel", "one image", "all"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DEPTH_LOSSES)
def test_value_and_gradient_are_finite_and_never_see_masked_truth(name, kind):
    valid = some_mask(kind)
    prediction, truth = pair()
    clean = run(name, prediction, truth, valid)
    for unknown in (math.nan, math.inf, 0.0, -1.0):
        leaf = prediction.clone().requires_grad_()
        value = run(name, leaf, torch.where(valid, truth, torch.tensor(unknown)), valid)
        (slope,) = torch.autograd.grad(value, leaf)
        assert torch.equal(value, clean)
        assert torch.isfinite(slope).all()
        assert not slope[~valid].any()
    if kind == "nothing":
        assert clean == 0


@pytest.mark.parametrize("start", ["perfect", "zero", "negative"])
@pytest.mark.parametrize("name", DEPTH_LOSSES)
def test_the_gradient_is_finite_where_the_prediction_is_perfect_zero_or_negative(name, start):
    truth = pair()[1]
    factor = {"perfect": 1.0, "zero": 0.0, "negative": -1.0}[start]
    leaf = (factor * truth).requires_grad_()
    value = run(name, leaf, truth, some_mask("all"))
    assert torch.isfinite(value)
    assert torch.isfinite(torch.autograd.grad(value, leaf)[0]).all()


@pytest.mark.parametrize("name", sorted(set(DEPTH_LOSSES) - {"berhu"}))
def test_the_gradient_is_the_slope_of_the_value(name):
    prediction, truth = pair(shape=(2, 1, 4, 5), dtype=torch.float64)
    valid = torch.ones(2, 1, 4, 5, dtype=torch.bool)
    valid[0, 0, 0, 0] = False
    assert torch.autograd.gradcheck(
        lambda p: run(name, p, truth, valid), prediction.requires_grad_(), eps=1e-6
    )


@pytest.mark.parametrize("name", DEPTH_LOSSES)
def test_half_precision_is_computed_in_float32(name):
    prediction, truth = pair()
    rounded = prediction.bfloat16()
    valid = some_mask("all")
    value = run(name, rounded, truth, valid)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, run(name, rounded.float(), truth, valid))


@pytest.mark.parametrize("name", sorted(set(DEPTH_LOSSES) - {"berhu"}))
def test_a_batch_is_the_mean_of_its_images(name):
    prediction, truth = pair()
    valid = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)) < 0.9
    alone = [run(name, *(x[i : i + 1] for x in (prediction, truth, valid))) for i in range(2)]
    torch.testing.assert_close(run(name, prediction, truth, valid), sum(alone) / 2)


def scene(seed=0, classes=CLASSES):
    """Scores (2,classes,12,15) and labels in blocks, so that there are boundaries."""
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(size=(2, classes, 12, 15))).float()
    blocks = rng.integers(0, classes, size=(2, 3, 3))
    labels = np.kron(blocks, np.ones((4, 5), int))
    return logits, torch.from_numpy(labels)


@pytest.mark.parametrize("weights", [None, [1.0, 10.0, 0.5, 2.0, 0.0]])
@pytest.mark.parametrize("ignore", [[], [0], [0, 3]])
def test_cross_entropy_is_torchs_on_each_image(weights, ignore):
    logits, labels = scene()
    valid = torch.ones_like(labels, dtype=torch.bool)
    target = labels.clone()
    for void in ignore:
        target[labels == void] = -100
    weight = None if weights is None else torch.tensor(weights)
    expected = [
        torch.nn.functional.cross_entropy(logits[i : i + 1], target[i : i + 1], weight)
        for i in range(2)
    ]
    value = run("cross_entropy", logits, labels, valid, ignore=ignore, class_weights=weights)
    torch.testing.assert_close(value, sum(expected) / 2)


def test_class_weights_may_name_some_classes_also_as_yaml_writes_them():
    logits, labels = scene()
    valid = torch.ones_like(labels, dtype=torch.bool)
    values = [
        run("cross_entropy", logits, labels, valid, class_weights=weights)
        for weights in ({1: 10.0, 3: 2.0}, {"1": 10.0, "3": 2.0}, [1.0, 10.0, 1.0, 2.0, 1.0])
    ]
    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize("radius", [1, 2])
def test_boundary_cross_entropy_is_the_mean_near_another_class(radius):
    logits, labels = scene()
    valid = torch.ones_like(labels, dtype=torch.bool)
    scores = special.log_softmax(logits.double().numpy(), axis=1)
    expected = []
    for image, ids in zip(scores, labels.numpy(), strict=True):
        side = 2 * radius + 1
        spread = ndimage.maximum_filter(ids, side) > ndimage.minimum_filter(ids, side)
        loss = -np.take_along_axis(image, ids[None], axis=0)[0]
        expected.append(loss[spread].mean())
    value = run("boundary_cross_entropy", logits, labels, valid, radius=radius)
    assert value.item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_void_pixels_make_no_boundary():
    labels = torch.zeros(1, 5, 5, dtype=torch.long)
    labels[0, 2, 2] = 4
    everywhere = torch.ones_like(labels, dtype=torch.bool)
    assert near_boundary(labels, everywhere, 1).sum() == 9
    assert near_boundary(labels, labels != 4, 1).sum() == 0


@pytest.mark.parametrize("name", ["cross_entropy", "boundary_cross_entropy"])
@pytest.mark.parametrize("kind", ["nothing", "one pixel", "all unlabelled", "all void"])
def test_semantic_losses_are_finite_where_hardly_anything_counts(name, kind):
    logits, labels = scene()
    valid = torch.ones(2, 1, 12, 15, dtype=torch.bool)
    if kind in {"nothing", "one pixel"}:
        valid[:] = False
        valid[0, 0, 0, 0] = kind == "one pixel"
    if kind == "all unlabelled":
        labels = torch.full_like(labels, -1)
    ignore = list(range(CLASSES)) if kind == "all void" else []
    leaf = logits.bfloat16().requires_grad_()
    value = run(name, leaf, labels, valid, ignore=ignore)
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(torch.autograd.grad(value, leaf)[0]).all()
    if kind != "one pixel":
        assert value == 0


@pytest.mark.parametrize("name", ["cross_entropy", "boundary_cross_entropy"])
def test_a_label_without_a_score_is_one_clear_error_unless_ignored(name):
    logits, labels = scene()
    labels[1, 3, 3] = 255
    valid = torch.ones_like(labels, dtype=torch.bool)
    with pytest.raises(
        LeadlineError, match=r"label 255 .* classes 0 to 4; .*options\.classes.*ignore"
    ):
        run(name, logits, labels, valid)
    assert torch.isfinite(run(name, logits, labels, valid, ignore=[255]))


def test_full_size_labels_meet_smaller_scores_at_the_nearest_pixel():
    logits, labels = scene()
    large = labels.repeat_interleave(2, 1).repeat_interleave(2, 2)
    values = [
        run("cross_entropy", logits, ids, torch.ones_like(ids, dtype=torch.bool))
        for ids in (labels, large)
    ]
    assert values[0] == values[1]


@pytest.mark.parametrize("weights", [[1.0, 2.0], {7: 1.0}, [-1.0, 1.0, 1.0, 1.0, 1.0]])
def test_wrong_class_weights_are_refused(weights):
    logits, labels = scene()
    valid = torch.ones_like(labels, dtype=torch.bool)
    with pytest.raises(LeadlineError, match="class_weights"):
        run("cross_entropy", logits, labels, valid, class_weights=weights)
