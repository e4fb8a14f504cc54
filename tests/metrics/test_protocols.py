"""Protocols: crop, cap, clamp and resize, against arrays worked by hand."""

import hashlib
import json
import math
from dataclasses import replace
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from leadline.errors import LeadlineError
from leadline.metrics import METRICS, PROTOCOLS, Protocol, get_protocol, protocol_for
from leadline.metrics.alignment import align
from leadline.metrics.holes import fill_holes
from leadline.metrics.protocols import aligned, read_protocol
from leadline.metrics.resize import resize_depth, resize_to
from tests.complaints import complaint
from tests.metrics.reference import fill_by_hand

FROZEN = Path(__file__).parents[1] / "data" / "v0.1"
NYU = get_protocol("nyu-eigen")


def test_the_crop_is_rows_45_to_470_and_columns_41_to_600():
    truth = np.ones((480, 640), np.float32)
    comparison = NYU.score(truth, truth, truth > 0)
    assert comparison.window == (slice(45, 471), slice(41, 601))
    assert comparison.pixels == 426 * 560


def test_truth_outside_the_cap_is_not_scored():
    truth = np.full((480, 640), 5.0, np.float32)
    truth[100, 100], truth[101, 101] = 10.0, 0.0005
    comparison = NYU.score(truth, truth, truth > 0)
    top, left = (part.start for part in comparison.window)
    assert not comparison.scored[100 - top, 100 - left]
    assert not comparison.scored[101 - top, 101 - left]
    assert comparison.pixels == 426 * 560 - 2


def test_predictions_are_clamped_and_nan_counts_as_the_nearest():
    truth = np.full((480, 640), 5.0, np.float32)
    far = NYU.score(np.full((480, 640), 99.0, np.float32), truth, truth > 0)
    nothing = NYU.score(np.full((480, 640), np.nan, np.float32), truth, truth > 0)
    assert far.metrics["rmse"] == pytest.approx(5.0)
    assert nothing.metrics["rmse"] == pytest.approx(5.0 - 1e-3)


def test_an_image_without_a_scored_pixel_has_no_score():
    truth = np.zeros((480, 640), np.float32)
    assert NYU.score(truth, truth, truth > 0).metrics is None


def test_another_size_is_refused_and_the_remedy_named():
    with pytest.raises(LeadlineError, match=r"\(480, 640\).*\(240, 320\).*the protocol full"):
        NYU.window((240, 320))


def test_resizing_is_bilinear_with_half_pixel_centres():
    depth = np.random.default_rng(0).uniform(1, 5, (7, 9)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(depth)[None, None], size=(20, 30), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    np.testing.assert_allclose(resize_to(depth, (20, 30)), expected, rtol=2e-5)


@pytest.mark.parametrize("rule", ["bilinear", "bilinear, aligned corners", "nearest"])
def test_what_is_infinite_stays_so_in_another_size(rule):
    depth = np.full((8, 12), 3, np.float32)
    depth[2:5, 4:8] = np.inf
    larger = resize_depth(depth, (16, 24), rule)
    assert not np.isnan(larger).any()
    assert (larger[5:9, 9:14] == np.inf).all()
    assert (larger[:3] == 3).all() and (larger[12:] == 3).all() and (larger[:, :6] == 3).all()


def interpolated(depth, place):
    """The value of a map between pixels, without its holes; NaN where they have half the weight."""
    total = weight = 0.0
    for row, column in np.ndindex(*depth.shape):
        near = [max(0.0, 1 - abs(p - q)) for p, q in zip(place, (row, column), strict=True)]
        if math.prod(near) and depth[row, column] > 0:
            weight += math.prod(near)
            total += math.prod(near) * float(depth[row, column])
    return total / weight if weight > 0.5 else math.nan


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("rule", ["bilinear", "bilinear, aligned corners"])
def test_holes_take_no_part_in_an_interpolation(rule, hole):
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 9, (5, 9)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.3] = hole
    size = (9, 17)
    if rule == "bilinear":
        axes = [
            ((np.arange(n) + 0.5) * have / n - 0.5).clip(0, have - 1)
            for n, have in zip(size, depth.shape, strict=True)
        ]
    else:
        axes = [np.linspace(0, have - 1, n) for n, have in zip(size, depth.shape, strict=True)]
    expected = [[interpolated(depth, (y, x)) for x in axes[1]] for y in axes[0]]
    assert np.isnan(expected).any() and np.isfinite(expected).any()
    np.testing.assert_allclose(resize_depth(depth, size, rule), expected, rtol=1e-5)


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan, np.inf])
def test_as_much_is_missing_of_a_small_prediction_as_of_a_large_one(hole):
    small = np.full((4, 4), 4, np.float32)
    small[1, 2] = hole
    truth = np.full((8, 8), 4, np.float32)
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    for prediction in (small, large):
        comparison = get_protocol("full").score(prediction, truth, truth > 0)
        assert comparison.missing == 4
        # Its pixels count as the smallest or the largest depth, the others are right.
        expected = 76 / 4 if hole == np.inf else 3.999 / 4
        assert comparison.metrics["abs_rel"] == pytest.approx(4 * expected / 64, rel=1e-6)


def test_what_no_hole_is_near_has_the_bits_of_a_plain_resize():
    depth = np.random.default_rng(0).uniform(1, 5, (30, 40)).astype(np.float32)
    plain = cv2.resize(depth, (55, 47), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resize_depth(depth, (47, 55)), plain)
    depth[:5, :5] = 0
    np.testing.assert_array_equal(resize_depth(depth, (47, 55))[10:, 10:], plain[10:, 10:])


def test_a_zero_and_nan_are_the_same_hole_of_a_flip_average_that_is_aligned():
    protocol = replace(aligned(get_protocol("full"), "median"), flip_averaging=True)
    truth = np.random.default_rng(0).uniform(1, 9, (6, 8)).astype(np.float32)
    scores = []
    for hole in (0, np.nan):
        prediction = 3 * truth
        prediction[2, 3] = hole
        mirrored = 3 * truth[:, ::-1]
        scores.append(protocol.score(prediction, truth, truth > 0, mirrored).metrics["abs_rel"])
    expected = (truth[2, 3] - 0.001) / truth[2, 3] / truth.size
    assert scores == pytest.approx([expected, expected], rel=1e-5)


def test_predictions_that_are_aligned_as_inverse_depth_are_averaged_as_such():
    protocol = replace(aligned(get_protocol("full"), "scale-shift", "inverse"), flip_averaging=True)
    rng = np.random.default_rng(0)
    truth = rng.uniform(1, 9, (6, 8)).astype(np.float32)
    noise = rng.uniform(-0.05, 0.05, truth.shape).astype(np.float32)
    one, other = 1 / (1 / truth + noise), 1 / (1 / truth - noise)  # the mean of which is exact
    scores = protocol.score(one, truth, truth > 0, other[:, ::-1]).metrics
    assert scores["abs_rel"] < 1e-6
    missing = one.copy()
    missing[2, 3] = np.nan
    expected = (truth[2, 3] - 0.001) / truth[2, 3] / truth.size
    scores = protocol.score(missing, truth, truth > 0, other[:, ::-1]).metrics
    assert scores["abs_rel"] == pytest.approx(expected, rel=1e-4)


def test_predictions_that_are_aligned_as_inverse_depth_are_resized_as_such():
    near, far = 1.0, 5.0
    depth = np.where(np.arange(8) < 4, near, far).astype(np.float32)[None].repeat(6, axis=0)
    disparity = cv2.resize(1 / depth, (13, 11), interpolation=cv2.INTER_LINEAR)
    protocol = aligned(get_protocol("full"), "scale-shift", "inverse")
    truth = 1 / disparity
    assert protocol.score(depth, truth, truth > 0).metrics["abs_rel"] < 1e-6
    metric = aligned(get_protocol("full"), "scale-shift")
    assert metric.score(depth, truth, truth > 0).metrics["abs_rel"] > 0.01
    depth[:, 5] = np.inf
    assert np.isinf(resize_depth(depth, (12, 16), inverse=True)[:, 10:12]).all()


def test_corners_on_corners_is_exact_on_a_map_that_rises_evenly():
    rows, columns = np.meshgrid(np.arange(7.0), np.arange(9.0), indexing="ij")
    depth = (1 + rows + 3 * columns).astype(np.float32)
    rows, columns = np.meshgrid(np.linspace(0, 6, 47), np.linspace(0, 8, 101), indexing="ij")
    resized = resize_to(depth, (47, 101), "bilinear, aligned corners")
    np.testing.assert_allclose(resized, 1 + rows + 3 * columns, rtol=1e-6)


def test_the_hash_changes_with_any_field():
    assert NYU.hash == get_protocol("nyu-eigen").hash
    assert replace(NYU, max_depth=80.0).hash != NYU.hash
    assert replace(NYU, crop=None, crop_size=None).hash != NYU.hash


def test_a_whole_number_is_the_same_protocol_as_with_a_point():
    whole = Protocol("a", "b", 1, 10, clamp=(1, 20), crop_fractions=(0, 1, 0, 1))
    parts = Protocol("a", "b", 1.0, 10.0, clamp=(1.0, 20.0), crop_fractions=(0.0, 1.0, 0.0, 1.0))
    narrow = Protocol(
        "a", "b", np.float32(1), np.int64(10), clamp=(1, 20), crop_fractions=[0, 1, 0, 1]
    )
    assert whole == parts == narrow
    # The SHA-256 of the chosen fields, as a protocol of numbers with points always had it.
    text = (
        '{"clamp": [1.0, 20.0], "crop_fractions": [0.0, 1.0, 0.0, 1.0], "max_depth": 10.0, '
        '"min_depth": 1.0, "name": "a"}'
    )
    expected = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert {whole.hash, parts.hash, narrow.hash} == {expected}


def test_auto_depends_on_what_the_data_says_it_is_never_on_its_size_alone():
    assert protocol_for((480, 640), "nyu").name == "nyu-eigen"
    assert protocol_for((480, 640)).name == "full"
    assert protocol_for((480, 640), "tum").name == "full"
    assert protocol_for((240, 320), "nyu").name == "full"
    assert protocol_for((375, 1242), "kitti").name == "full"
    with pytest.raises(LeadlineError, match="choose one of"):
        get_protocol("kitty")


@pytest.mark.parametrize(
    ("name", "size", "rows", "columns"),
    [
        ("nyu-eigen", (480, 640), (45, 471), (41, 601)),
        ("nyu-toolbox", (480, 640), (44, 471), (40, 601)),
        ("nyu-densedepth", (480, 640), (20, 460), (24, 616)),
        ("nyu-laina", (480, 640), (0, 480), (0, 640)),
        ("kitti-eigen-garg", (375, 1242), (153, 371), (44, 1197)),
        ("kitti-eigen-garg", (370, 1226), (151, 366), (44, 1181)),
        ("kitti-eigen-garg", (376, 1241), (153, 372), (44, 1196)),
        ("kitti-eigen-garg", (370, 1224), (151, 366), (43, 1180)),
        ("kitti-garg-50", (375, 1242), (153, 371), (44, 1197)),
        ("kitti-eigen-eigen", (375, 1242), (124, 342), (44, 1197)),
    ],
)
def test_crops_have_the_published_pixels(name, size, rows, columns):
    assert get_protocol(name).window(size) == (slice(*rows), slice(*columns))


def test_the_protocols_are_those_of_version_0_1():
    frozen = json.loads((FROZEN / "metrics.json").read_text())["protocols"]
    assert {name: protocol.hash for name, protocol in PROTOCOLS.items()} == frozen


def test_a_protocol_is_one_file_and_its_name_is_that_of_the_file():
    folder = resources.files("leadline.protocols")
    files = {file.name for file in folder.iterdir() if file.name.endswith(".yaml")}
    assert files == {f"{protocol.name}.yaml" for protocol in PROTOCOLS.values()}
    assert "nyu-eigne" not in PROTOCOLS
    assert PROTOCOLS.get("nyu-eigne") is None


def test_every_protocol_has_a_source_and_a_hash_of_its_own():
    assert len({protocol.hash for protocol in PROTOCOLS.values()}) == len(PROTOCOLS)
    assert all(len(protocol.source) > 10 for protocol in PROTOCOLS.values())


def test_the_wording_of_a_source_is_not_part_of_the_hash():
    assert replace(NYU, source="the same in other words").hash == NYU.hash


def test_densedepth_averages_with_the_mirrored_prediction_clamped_first():
    protocol = get_protocol("nyu-densedepth")
    truth = np.full((480, 640), 2.0, np.float32)
    one = np.full((480, 640), 3.0, np.float32)
    mirrored = np.full((480, 640), 30.0, np.float32)
    # Left in the mirrored photograph is right in the photograph.
    mirrored[:, :320] = 1.0
    compared = protocol.score(one, truth, truth > 0, mirrored)
    assert np.unique(compared.full[:, :320]).tolist() == [(3 + 10) / 2]
    assert np.unique(compared.full[:, 320:]).tolist() == [(3 + 1) / 2]
    with pytest.raises(LeadlineError, match="mirrored"):
        protocol.score(one, truth, truth > 0)


def test_sciuto_counts_the_sky_as_forty_metres_at_160_by_256():
    truth = np.full((375, 1242), 655.35, np.float32)
    truth[200:] = 20.0
    compared = get_protocol("vkitti-sciuto").score(
        np.full((375, 1242), 50.0, np.float32), truth, truth > 0
    )
    assert compared.truth.shape == (160, 256)
    far = np.count_nonzero(compared.truth == 40)
    near = np.count_nonzero(compared.truth == 20)
    assert far + near == compared.pixels == 160 * 256
    expected = np.sqrt((far * 10**2 + near * 30**2) / (160 * 256) + 1e-5)
    assert compared.metrics is not None
    assert compared.metrics["rmse"] == pytest.approx(expected, rel=1e-9)


def test_missing_pixels_are_counted():
    truth = np.full((480, 640), 2.0, np.float32)
    prediction = truth.copy()
    prediction[100, 100:105] = [0, np.nan, np.inf, -1, 1]
    prediction[0, 0] = np.nan  # outside the crop
    assert NYU.score(prediction, truth, truth > 0).missing == 4


def test_corner_aligned_resizing_equals_torch():
    depth = np.random.default_rng(0).uniform(1, 5, (7, 9)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(depth)[None, None], size=(20, 30), mode="bilinear", align_corners=True
    )[0, 0].numpy()
    # OpenCV's remap knows a 32nd of a pixel.
    ours = resize_to(depth, (20, 30), "bilinear, aligned corners")
    np.testing.assert_allclose(ours, expected, atol=4 / 32)
    assert ours[0, 0] == depth[0, 0]
    assert ours[-1, -1] == depth[-1, -1]


def test_holes_take_the_nearer_neighbour_of_their_row():
    hole = np.nan
    depth = np.array([[hole, 2, hole, 5], [hole, hole, hole, hole], [0, 7, 8, -1]], np.float32)
    assert fill_holes(depth).tolist() == [[2, 2, 2, 5], [7, 7, 8, 8], [7, 7, 8, 8]]


class TestAlignment:
    rng = np.random.default_rng(0)
    truth = rng.uniform(1, 9, 200).astype(np.float32)
    prediction = rng.uniform(1, 9, 200).astype(np.float32)

    def test_median_scaling(self):
        ours = align(self.prediction, self.prediction, self.truth, "median")
        factor = np.median(self.truth) / np.median(self.prediction)
        np.testing.assert_allclose(ours, self.prediction * factor, rtol=1e-6)

    @pytest.mark.parametrize("space", ["depth", "inverse"])
    def test_the_least_squares_line(self, space):
        to = (lambda x: x) if space == "depth" else (lambda x: 1 / x)
        x, y = to(self.prediction.astype(float)), to(self.truth.astype(float))
        (a, b), *_ = np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y, rcond=None)
        ours = align(self.prediction, self.prediction, self.truth, "scale-shift", space)
        np.testing.assert_allclose(ours, to(a * x + b), rtol=1e-5)
        (a,), *_ = np.linalg.lstsq(x[:, None], y, rcond=None)
        ours = align(self.prediction, self.prediction, self.truth, "scale", space)
        np.testing.assert_allclose(ours, to(a * x), rtol=1e-5)

    def test_in_logarithms_the_scale_is_the_geometric_mean(self):
        ours = align(self.prediction, self.prediction, self.truth, "scale", "log")
        factor = np.exp(np.mean(np.log(self.truth) - np.log(self.prediction)))
        np.testing.assert_allclose(ours, self.prediction * factor, rtol=1e-5)

    @pytest.mark.parametrize("method", ["median", "scale", "scale-shift"])
    @pytest.mark.parametrize("space", ["depth", "log", "inverse"])
    def test_a_lost_scale_is_found_again(self, method, space):
        protocol = aligned(get_protocol("full"), method, space)
        truth = self.truth.reshape(10, 20)
        assert protocol.score(truth * np.float32(7), truth, truth > 0).metrics["rmse"] < 1e-5
        assert (
            get_protocol("full").score(truth * np.float32(7), truth, truth > 0).metrics["rmse"] > 10
        )

    def test_a_constant_prediction_becomes_the_mean(self):
        constant = np.full(200, 3.0, np.float32)
        ours = align(constant, constant, self.truth, "scale-shift")
        np.testing.assert_allclose(ours, self.truth.mean(), rtol=1e-6)

    def test_holes_stay_holes(self):
        depth = np.array([0, np.nan, np.inf, -1, 2], np.float32)
        ours = align(depth, self.prediction, self.truth, "median")
        np.testing.assert_array_equal(ours[:4], depth[:4])

    def test_a_shift_below_zero_is_clamped_not_a_crash(self):
        truth = np.array([[1.0, 2.0, 9.0]], np.float32)
        prediction = np.array([[9.0, 8.0, 1.0]], np.float32)
        for space in ("depth", "inverse"):
            protocol = aligned(get_protocol("full"), "scale-shift", space)
            assert np.isfinite(
                list(protocol.score(prediction, truth, truth > 0).metrics.values())
            ).all()


class TestOwnProtocols:
    def read(self, tmp_path, text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return read_protocol(path)

    def test_a_protocol_starts_from_another(self, tmp_path):
        mine = self.read(
            tmp_path, "base: nyu-eigen\nname: mine\nsource: me\nmax_depth: 5\naggregation: pooled\n"
        )
        assert mine == replace(NYU, name="mine", source="me", max_depth=5.0, aggregation="pooled")

    def test_a_protocol_of_its_own(self, tmp_path):
        mine = self.read(
            tmp_path,
            "name: mine\nsource: me\nmin_depth: 0.5\nmax_depth: 20\nclamp: [0.5, 25]\n"
            "crop_fractions: [0, 0.5, 0.25, 1]\nextra_metrics: [mae]\n",
        )
        assert mine.window((10, 20)) == (slice(0, 5), slice(5, 20))
        truth = np.full((10, 20), 2.0, np.float32)
        assert mine.score(truth + 1, truth, truth > 0).metrics["mae"] == 1.0

    def test_a_base_is_a_file_beside_the_one_that_names_it(self, tmp_path, monkeypatch):
        (tmp_path / "lab").mkdir()
        (tmp_path / "lab" / "ours.yaml").write_text(
            "name: ours\nsource: us\nmin_depth: 1\nmax_depth: 20\n"
        )
        monkeypatch.chdir(tmp_path)
        text = "base: BASE\nname: mine\nsource: me\nmax_depth: 5\n"
        for base in ("ours.yaml", str(tmp_path / "lab" / "ours.yaml")):
            (tmp_path / "lab" / "mine.yaml").write_text(text.replace("BASE", base))
            mine = get_protocol("lab/mine.yaml")
            assert (mine.min_depth, mine.max_depth) == (1.0, 5.0)

    def test_a_protocol_that_is_its_own_base_is_refused(self, tmp_path):
        for name, base in (("a", "b"), ("b", "./a")):
            text = f"base: {base}.yaml\nname: {name}\nsource: me\n"
            (tmp_path / f"{name}.yaml").write_text(text)
        message = complaint(lambda: get_protocol(str(tmp_path / "a.yaml")), tmp_path / "b.yaml")
        assert "is its own base" in message

    def test_an_exponent_without_a_point_is_a_number(self, tmp_path):
        mine = self.read(
            tmp_path,
            "name: mine\nsource: 1e-3 of a metre\nmin_depth: 1e-3\nmax_depth: 2E1\n"
            "clamp: [5e-4, 1.5e1]\n",
        )
        assert (mine.min_depth, mine.max_depth, mine.clamp) == (0.001, 20.0, (0.0005, 15.0))
        assert mine.source == "1e-3 of a metre"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("name: mine\nsource: me\nmin_depth: 0\nmax_dept: 5\n", "max_dept.*mean 'max_depth"),
            ("name: mine\nsource: me\n", "max_depth, min_depth is missing"),
            ("base: nyu-eigen\nname: mine\nsource: me\nmax_depth: far\n", "max_depth is 'far'"),
            ("base: nyu-eigen\nname: mine\nsource: me\nmax_depth: .nan\n", "max_depth"),
            ("base: nyu-eigen\nname: mine\nsource: me\nmax_depth: 0.0001\n", "no range"),
            ("base: nyu-eigen\nname: mine\nsource: me\ncrop: [0, 481, 0, 640]\n", "within 480 x"),
            ("base: nyu-eigen\nname: mine\nsource: me\nresize: cubic\n", "choose one of bilinear"),
            ("base: nyu-eigne\nname: mine\nsource: me\n", "did you mean 'nyu-eigen'"),
            ("base: full\nname: nyu-eigen\nsource: me\n", "Leadline's own"),
            ("base: full\nname: mine\nsource: me\nclamp: [0, 5]\n", "0 < low"),
            ("base: full\nname: mine\nsource: me\nclamp: [1e-50, 5]\n", "within 1.2e-38"),
            ("base: full\nname: mine\nsource: me\nclamp: [1, 1e39]\n", "high < infinity"),
            ("base: full\nname: mine\nsource: me\nmax_depth: 2020-01-01\n", "mine.yaml"),
            ("base: full\nname: mine\nsource: me\nworking_size: [1000000, 9]\n", "1 to 8192"),
            ("base: full\nname: mine\nsource: me\nworking_size: [0, 9]\n", "working_size"),
            ("base: full\nname: mine\nsource: me\nmax_depth: '3'\n", "max_depth is '3'"),
            ("- a list\n", "mapping"),
            ("{", "not readable as YAML"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, text, words):
        with pytest.raises(LeadlineError, match=words):
            self.read(tmp_path, text)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.9])
def test_sparse_maps_are_filled_as_pixel_by_pixel(share):
    rng = np.random.default_rng(0)
    for _ in range(20):
        depth = rng.uniform(1, 80, (13, 17)).astype(np.float32)
        depth[rng.random(depth.shape) >= share] = 0
        depth[rng.random(13) < 0.3] = np.nan  # rows without any value
        if (depth > 0).any():
            np.testing.assert_array_equal(fill_holes(depth), fill_by_hand(depth))


def test_maps_of_other_shapes_are_refused_and_tensors_are_taken():
    protocol = get_protocol("full")
    depth = np.linspace(1, 4, 24, dtype=np.float32).reshape(4, 6)
    valid = np.ones((4, 6), dtype=bool)
    with pytest.raises(ValueError, match=r"one size.*\(4, 5\)"):
        protocol.score(depth, depth, valid[:, :5])
    tensors = [torch.from_numpy(each) for each in (1.1 * depth, depth, valid)]
    assert protocol.score(*tensors).metrics == protocol.score(1.1 * depth, depth, valid).metrics


def test_the_benchmarks_table_holds_what_its_site_ranks_by():
    assert get_protocol("nyu-eigen").table_metrics == METRICS
    kitti = get_protocol("kitti-benchmark")
    assert kitti.table_metrics[:4] == ("silog", "sq_rel", "abs_rel", "irmse")
    assert set(kitti.table_metrics) <= set(kitti.metric_set.metrics)
