"""Pairs: what is read equals what was written; what is wrong is said in one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.datasets import open_pairs, open_train_and_val
from leadline.depth import Intrinsics
from leadline.errors import LeadlineError
from tests.complaints import complaint
from tests.conftest import write_pairs


def write_one(folder: Path, depth: np.ndarray, image: np.ndarray | None = None) -> Path:
    (folder / "rgb").mkdir(parents=True)
    (folder / "depth").mkdir()
    picture = np.full((*depth.shape, 3), 7, np.uint8) if image is None else image
    Image.fromarray(picture).save(folder / "rgb" / "a.png")
    Image.fromarray(depth).save(folder / "depth" / "a.png")
    return folder


def test_millimetres_become_metres_and_zero_becomes_invalid(tmp_path):
    raw = np.array([[0, 1000], [2500, 65535]], np.uint16)
    sample = open_pairs(write_one(tmp_path / "d", raw), units_per_metre=1000)[0]
    np.testing.assert_allclose(sample.depth, [[0, 1.0], [2.5, 65.535]], rtol=1e-6)
    assert sample.valid.tolist() == [[False, True], [True, True]]
    assert sample.id == "rgb/a.png"


@pytest.mark.parametrize(("units", "expected"), [(256.0, 2.0), (1000.0, 0.512), (100.0, 5.12)])
def test_the_declared_scale_is_what_counts(tmp_path, units, expected):
    raw = np.full((2, 2), 512, np.uint16)
    sample = open_pairs(write_one(tmp_path / "d", raw), units_per_metre=units)[0]
    assert sample.depth[0, 0] == pytest.approx(expected)


def test_dataset_yaml_declares_the_scale_and_an_argument_wins(tmp_path):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    (folder / "dataset.yaml").write_text("depth_scale: kitti\n")
    assert open_pairs(folder)[0].depth[0, 0] == pytest.approx(2.0)
    assert open_pairs(folder, units_per_metre=1000)[0].depth[0, 0] == pytest.approx(0.512)


@pytest.mark.parametrize(
    "camera",
    [
        "{fx: 20, fy: 21, cx: 10, cy: 5, width: 40, height: 20}",
        "{K: [[10, 0, 4.75], [0, 10.5, 2.25], [0, 0, 1]]}",
        "[10, 10.5, 4.75, 2.25]",
        "k.txt",
    ],
)
def test_dataset_yaml_declares_the_camera_of_all_images(tmp_path, camera):
    folder = write_one(tmp_path / "d", np.full((10, 20), 512, np.uint16))
    (folder / "k.txt").write_text("10 10.5 4.75 2.25")
    (folder / "dataset.yaml").write_text(f"depth_scale: kitti\ncamera: {camera}\n")
    assert open_pairs(folder)[0].intrinsics == Intrinsics(10, 10.5, 4.75, 2.25, 20, 10)


@pytest.mark.parametrize(
    ("camera", "words"),
    [("{fx: 1}", "'fy'"), ("missing.txt", "no such file"), ("7", "instead of a camera"),
     ("{fx: 0.9, fy: 1.2, cx: 0.5, cy: 0.5}", "normalised")],
)  # fmt: skip
def test_a_wrong_camera_is_one_line(tmp_path, camera, words):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    (folder / "dataset.yaml").write_text(f"depth_scale: kitti\ncamera: {camera}\n")
    with pytest.raises(LeadlineError, match=words) as caught:
        open_pairs(folder)
    assert "\n" not in str(caught.value)


def test_depth_beyond_the_range_is_invalid_not_clamped(tmp_path):
    raw = np.array([[500, 9000, 12000]], np.uint16)
    folder = write_one(tmp_path / "d", raw)
    sample = open_pairs(folder, units_per_metre=1000, min_depth=1.0, max_depth=10.0)[0]
    assert sample.valid.tolist() == [[False, True, False]]


def test_an_undeclared_scale_says_how_to_declare_it(tmp_path):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    with pytest.raises(LeadlineError, match=r"a\.png.*depth.scale"):
        open_pairs(folder)[0]


def test_a_pair_of_two_sizes_names_both(tmp_path):
    image = np.zeros((3, 4, 3), np.uint8)
    folder = write_one(tmp_path / "d", np.ones((2, 2), np.uint16), image)
    with pytest.raises(LeadlineError, match=r"2x2 but .* is 4x3"):
        open_pairs(folder, units_per_metre=1000)[0]


def test_a_csv_names_columns_lines_and_files(tmp_path):
    folder = write_one(tmp_path / "d", np.ones((2, 2), np.uint16))
    listing = folder / "train.csv"
    listing.write_text("image,depth\nrgb/a.png,depth/a.png\n")
    assert len(open_pairs(folder, "train")) == 1
    listing.write_text("photo,depth\nrgb/a.png,depth/a.png\n")
    with pytest.raises(LeadlineError, match=r"train\.csv: column image is missing"):
        open_pairs(folder, "train")
    listing.write_text("image,depth\nrgb/a.png,depth/b.png\n")
    with pytest.raises(LeadlineError, match=r"line 2 names .*b\.png, which does not exist"):
        open_pairs(folder, "train")
    with pytest.raises(LeadlineError, match=r"no val\.csv, only train"):
        open_pairs(folder, "val")


def test_a_file_without_a_partner_is_named(tmp_path):
    folder = write_one(tmp_path / "d", np.ones((2, 2), np.uint16))
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(folder / "rgb" / "b.png")
    with pytest.raises(LeadlineError, match=r"1 files have no partner.*image 'b'"):
        open_pairs(folder)


def test_hidden_files_are_no_pictures(tmp_path):
    folder = write_one(tmp_path / "d", np.ones((2, 2), np.uint16))
    (folder / "rgb" / "._a.png").touch()
    assert len(open_pairs(folder)) == 1


def test_labels_come_along_as_ids(tmp_path):
    folder = write_one(tmp_path / "d", np.ones((2, 2), np.uint16))
    (folder / "label").mkdir()
    Image.fromarray(np.array([[0, 3], [40, 7]], np.uint8)).save(folder / "label" / "a.png")
    labels = open_pairs(folder, units_per_metre=1000)[0].labels
    assert labels is not None
    assert labels.tolist() == [[0, 3], [40, 7]]
    (folder / "label" / "a.png").write_bytes(b"not looked at")
    assert open_pairs(folder, units_per_metre=1000).without_labels()[0].labels is None


def test_the_validation_fraction_depends_on_the_seed_alone(pairs):
    def ids(seed: int) -> tuple[list[str], list[str]]:
        train, val = open_train_and_val(pairs, val_fraction=0.25, seed=seed)
        assert val is not None
        return [p.id for p in train.items], [p.id for p in val.items]

    train, val = ids(3)
    assert (len(train), len(val)) == (9, 3)
    assert not set(train) & set(val)
    assert ids(3) == (train, val)
    assert ids(4) != (train, val)


def test_no_data_at_all_is_one_line(tmp_path):
    with pytest.raises(LeadlineError, match=r"no such data"):
        open_pairs(tmp_path / "nothing")
    with pytest.raises(LeadlineError, match=r"not a folder of pairs"):
        open_pairs(tmp_path)
    write_pairs(tmp_path / "empty", 0)
    with pytest.raises(LeadlineError, match=r"no image-depth pairs"):
        open_pairs(tmp_path / "empty")


def test_the_real_nyu_folder(shared_data):
    train, val = open_train_and_val(
        shared_data / "nyu_labeled_train", val_fraction=0.1, seed=0, max_depth=10.0
    )
    assert val is not None
    assert (len(train), len(val)) == (691, 80)
    sample = val[0]
    assert sample.image.shape == (480, 640, 3)
    assert 0.5 < np.median(sample.depth[sample.valid]) < 10
    assert sample.labels is not None
    assert sample.labels.max() <= 40


def test_the_real_kitti_frames(shared_data):
    data = open_pairs(shared_data / "kitti_samples")
    assert len(data) == 8
    for index in range(len(data)):
        sample = data[index]
        assert sample.depth.max() < 90
        # LiDAR: a few per cent of the pixels, none in the sky. Annotated frames are denser.
        assert 0.01 < sample.valid.mean() < 0.35
        assert not sample.valid[: sample.valid.shape[0] // 5].any()


def test_a_limit_is_drawn_before_the_split(pairs):
    train, val = open_train_and_val(pairs, val_fraction=0.25, seed=3, limit=8)
    assert val is not None
    assert (len(train), len(val)) == (6, 2)
    again, _ = open_train_and_val(pairs, val_fraction=0.25, seed=3, limit=8)
    assert again == train
    assert train.items != open_pairs(pairs).items[:6]


@pytest.mark.parametrize("declared", [False, True])
def test_a_photographs_exif_block_is_its_camera_unless_one_is_declared(tmp_path, declared):
    """As in prediction: the equivalent focal length counts over the diagonals, 50 pixels here."""
    folder = write_one(tmp_path / "d", np.full((30, 40), 512, np.uint16))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 52
    (folder / "rgb" / "a.png").unlink()
    Image.new("RGB", (40, 30)).save(folder / "rgb" / "a.jpg", exif=exif)
    camera = "camera: [10, 10, 19.5, 14.5]\n" if declared else ""
    (folder / "dataset.yaml").write_text(f"depth_scale: kitti\n{camera}")
    focal = 10 if declared else 52 / 43.2666 * 50
    assert open_pairs(folder)[0].intrinsics.fx == pytest.approx(focal, rel=1e-4)


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("depthscale: 1000", "unknown key 'depthscale'; depth_scale is meant"),
        ("Depth-Scale: 1000", "unknown key 'Depth-Scale'; depth_scale is meant"),
        ("depth_scale: 1000\ndepth kind: ray", "depth_kind is meant"),
        ("depth_scale: 1000\nintrinsics: [9, 9, 1, 1]", "unknown key 'intrinsics'; camera is"),
        ("depth_scale: 1000\nK: [9, 9, 1, 1]", "camera is meant"),
        ("units: 1000", "depth_scale is meant"),
        ("- depth_scale: 1000", "expected lines such as depth_scale: 1000"),
        ("depth_scale 1000", "expected lines such as"),
        ("depth_scale: 1000\ndepth_scale: 5000", "'depth_scale' stands twice"),
    ],
)
def test_what_a_declaration_would_lose_without_a_word_is_refused(tmp_path, yaml, words):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    (folder / "dataset.yaml").write_text(f"{yaml}\n")
    message = complaint(lambda: open_pairs(folder, units_per_metre=1000), folder / "dataset.yaml")
    assert words in message


def test_other_peoples_keys_are_passed_over(tmp_path):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    others = "name: mine\nlicense: CC0\nclass_set: none\nclasses: [a]\nsplit: 1\n7: 8\n"
    (folder / "dataset.yaml").write_text(f"{others}depth_scale: 0x100\n")
    assert open_pairs(folder)[0].depth[0, 0] == 2.0


@pytest.mark.parametrize("name", ["dataset.yml", "Dataset.yaml"])
def test_a_declaration_of_another_name_is_named(tmp_path, name):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    (folder / name).write_text("depth_scale: 1000\ndepth_kind: ray\n")
    message = complaint(lambda: open_pairs(folder, units_per_metre=1000), folder / name)
    assert "rename it to dataset.yaml" in message
    (folder / "dataset.yaml").write_text("depth_scale: 256\n")
    message = complaint(lambda: open_pairs(folder), folder / name)
    assert "remove one of both" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,depth,depth\nrgb/a.png,depth/a.png,x.png", "column depth stands twice"),
        ("image,depth\nrgb\\a.png,depth\\a.png", "; write / in place of \\"),
    ],
)
def test_lists_that_could_mean_something_else_are_refused(tmp_path, text, words):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    (folder / "train.csv").write_text(text)
    assert words in complaint(lambda: open_pairs(folder, "train", units_per_metre=1000))


def test_spaces_around_the_names_of_columns_are_no_part_of_them(tmp_path):
    folder = write_one(tmp_path / "d", np.full((2, 2), 512, np.uint16))
    (folder / "train.csv").write_text("image , depth \nrgb/a.png,depth/a.png\n")
    assert len(open_pairs(folder, "train", units_per_metre=1000)) == 1
