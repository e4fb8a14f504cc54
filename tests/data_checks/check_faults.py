"""Functions that plant one fault each in a folder of small rooms, and what must be said of it."""

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from leadline.depth import DepthMap
from leadline.io import write_depth
from tests.data_checks.check_scenes import (
    FOCAL,
    SIZE,
    change_depth,
    depth_of,
    make_room,
    write_csv,
)

Plant = Callable[[Path], None]
Count = int | range | None
FAULTS: list[tuple[Plant, str, Count, tuple[str, ...]]] = []


def names(code: str, count: Count = None, also: tuple[str, ...] = ()) -> Callable[[Plant], Plant]:
    """Mark a function that plants a fault with the code, and the count, that must be found.

    No other error or warning may be raised but those of `also`, which are true as well.
    """

    def mark(plant: Plant) -> Plant:
        FAULTS.append((plant, code, count, also))
        return plant

    return mark


def save_depth(folder: Path, index: int, values: np.ndarray) -> None:
    Image.fromarray(values).save(folder / "depth" / f"{index:03d}.png")


def to_npy(folder: Path) -> None:
    """Turn every depth file into floating-point metres in NPY."""
    for index in range(28):
        values = depth_of(folder, index).astype(np.float32) / 1000
        np.save(folder / "depth" / f"{index:03d}.npy", values)
        (folder / "depth" / f"{index:03d}.png").unlink()
    for name in ("train.csv", "val.csv"):
        text = (folder / name).read_text()
        for index in range(28):
            text = text.replace(f"depth/{index:03d}.png", f"depth/{index:03d}.npy")
        (folder / name).write_text(text)
    (folder / "dataset.yaml").write_text("depth_scale: metres\n")


def without_csv(folder: Path) -> None:
    for name in ("train.csv", "val.csv"):
        (folder / name).unlink()


@names("swapped-pairs", 2)
def two_depth_maps_swapped(folder):
    one, two = depth_of(folder, 3), depth_of(folder, 11)
    save_depth(folder, 3, two)
    save_depth(folder, 11, one)


@names("swapped-pairs", range(25, 29))
def every_depth_map_off_by_one(folder):
    maps = [depth_of(folder, index) for index in range(28)]
    for index in range(28):
        save_depth(folder, index, maps[(index + 1) % 28])


@names("depth-mirrored", 28)
def all_mirrored(folder):
    change_depth(folder, lambda values: values[:, ::-1])


@names("depth-mirrored", 3)
def three_mirrored(folder):
    change_depth(folder, lambda values: values[:, ::-1], range(3))


@names("depth-upside-down", 28)
def all_upside_down(folder):
    change_depth(folder, lambda values: values[::-1])


@names("depth-rotated", 28)
def all_rotated(folder):
    change_depth(folder, lambda values: values[::-1, ::-1])


@names("depth-shifted", 28)
def all_shifted(folder):
    change_depth(folder, lambda values: np.roll(values, 5, axis=1))


@names("unrelated-depth", also=("swapped-pairs",))
def depth_of_other_rooms(folder):
    rng = np.random.default_rng(99)
    change_depth(folder, lambda _: np.rint(make_room(rng)[1] * 1000).astype(np.uint16))


@names("scale-contradiction")
def millimetres_declared_as_kitti(folder):
    (folder / "dataset.yaml").write_text("depth_scale: kitti\n")


@names("scale-contradiction")
def centimetres_declared_as_millimetres(folder):
    change_depth(folder, lambda values: values // 10)


@names("scale-contradiction")
def files_that_contradict_the_declaration(folder):
    depth = DepthMap.from_metres(depth_of(folder, 0) / 500)
    write_depth(folder / "depth/000.png", depth, units_per_metre=500)


@names("scale-undeclared")
def nobody_declares_the_scale(folder):
    (folder / "dataset.yaml").unlink()


@names("dataset-yaml", also=("scale-undeclared",))
def nonsense_in_dataset_yaml(folder):
    (folder / "dataset.yaml").write_text("depth_scale: fathoms\n")


def rotate(values: np.ndarray) -> np.ndarray:
    """Rotate 16-bit numbers to the left by three bits, by way of their binary digits."""
    digits = [np.binary_repr(value, 16) for value in values.ravel()]
    return np.array([int(d[3:] + d[:3], 2) for d in digits], np.uint16).reshape(values.shape)


@names("rotated-bits", 28)
def rotated_bits_undeclared(folder):
    (folder / "dataset.yaml").unlink()
    change_depth(folder, rotate)


@names("rotated-bits", 28)
def rotated_bits_declared_as_millimetres(folder):
    change_depth(folder, rotate)


@names("rotated-bits", 28)
def rotated_bits_with_a_window_beyond_eight_metres(folder):
    change_depth(folder, lambda v: rotate(np.where(v > 4500, 9000 + v % 100, v).astype(np.uint16)))


@names("scale-unknown")
def units_that_lie_close_to_each_other(folder):
    """4000 and 5000 a metre: no floor tells one from the other, so neither is called likely."""
    (folder / "dataset.yaml").unlink()
    change_depth(folder, lambda v: np.minimum(v.astype(int) * 4 + v % 3, 65000).astype(np.uint16))


@names("scale-contradiction")
def ten_thousandths_declared_as_millimetres(folder):
    change_depth(folder, lambda v: np.minimum(v.astype(int) * 10 + v % 7, 65000).astype(np.uint16))


def colours_of(number: np.ndarray) -> np.ndarray:
    """Return (H,W,3) RGB: the low, the middle and the high byte."""
    return np.stack([number & 255, number >> 8 & 255, number >> 16], axis=-1).astype(np.uint8)


@names("depth-24-bit", 28)
def carla_undeclared(folder):
    (folder / "dataset.yaml").unlink()
    change_depth(folder, lambda v: colours_of(np.rint(v / 1000 * 16777.215).astype(int)))


@names("depth-24-bit", 28)
def twenty_four_bits_with_the_high_byte_in_red(folder):
    change_depth(folder, lambda v: colours_of(np.rint(v * 16.777215).astype(int))[..., ::-1])


def lengths_of_rays() -> np.ndarray:
    """Return the length (H,W) of each pixel's ray at z = 1, of the rooms' camera."""
    rows = (np.arange(SIZE[0])[:, None] + 0.5 - SIZE[0] / 2) / FOCAL
    columns = (np.arange(SIZE[1])[None, :] + 0.5 - SIZE[1] / 2) / FOCAL
    return np.sqrt(1 + rows**2 + columns**2)


@names("ray-distance", range(20, 29))
def distance_along_the_ray(folder):
    change_depth(folder, lambda v: np.rint(v * lengths_of_rays()).astype(np.uint16))


@names("ray-distance", range(20, 29))
def distance_along_the_ray_in_floating_point(folder):
    change_depth(folder, lambda v: np.rint(v * lengths_of_rays()).astype(np.uint16))
    to_npy(folder)


@names("wrapped-depth", range(14, 29), ("negative-depth", "unrelated-depth", "scale-contradiction"))
def far_surfaces_in_too_small_integers(folder):
    to_npy(folder)
    for file in (folder / "depth").glob("*.npy"):
        np.save(file, (np.load(file) * 12_000).astype(np.int64).astype(np.int16))


@names("wrapped-depth", range(14, 29), ("saturated",))
def far_surfaces_without_their_high_bits(folder):
    change_depth(folder, lambda v: (v.astype(np.int64) * 20 % 65_536).astype(np.uint16))


@names("no-ray-distance", range(20, 29))
def planar_depth_declared_to_be_along_the_ray(folder):
    camera = f"{{fx: {FOCAL}, fy: {FOCAL}, cx: {SIZE[1] / 2 - 0.5}, cy: {SIZE[0] / 2 - 0.5}}}"
    yaml = f"depth_scale: 1000\ndepth_kind: ray\ncamera: {camera}\n"
    (folder / "dataset.yaml").write_text(yaml)


def z_buffer(millimetres, near=0.1, far=100.0):
    """What a renderer keeps: 0 at the near plane, 1 at the far one, affine in 1/z between."""
    z = np.maximum(millimetres / 1000, near)
    return far / (far - near) * (1 - near / z) * (millimetres > 0)


@names("narrow-range", 28, ("scale-contradiction",))
def z_buffer_in_floats(folder):
    to_npy(folder)
    for file in (folder / "depth").glob("*.npy"):
        np.save(file, z_buffer(np.load(file) * 1000).astype(np.float32))


@names("narrow-range", 28, ("scale-contradiction",))
def z_buffer_in_whole_numbers(folder):
    change_depth(folder, lambda v: np.rint(60_000 * z_buffer(v)).astype(np.uint16))


@names("far-background", 28)
def background_of_a_renderer(folder):
    to_npy(folder)
    for file in (folder / "depth").glob("*.npy"):
        values = np.load(file)
        values[:4] = 1e10
        np.save(file, values)


@names("far-background", 28)
def sky_at_a_thousand_metres(folder):
    to_npy(folder)
    for file in (folder / "depth").glob("*.npy"):
        values = np.load(file)
        values[:4] = 1000
        np.save(file, values)


@names("mixed-scales", 5)
def five_maps_in_another_unit(folder):
    change_depth(folder, lambda values: (values * 0.256).astype(np.uint16), range(5))


@names("inverted-depth")
def disparity(folder):
    change_depth(
        folder,
        lambda v: np.where(v > 0, 500_000 // np.maximum(v.astype(int), 1), 0).astype(np.uint16),
    )


@names("relative-depth", 28)
def stretched_to_eight_bits(folder):
    change_depth(folder, lambda values: (values / values.max() * 255).astype(np.uint8))


@names("depth-8-bit", 28, also=("scale-contradiction",))
def eight_bits_of_ten_metres(folder):
    change_depth(folder, lambda values: (values / 10_000 * 255).astype(np.uint8))


@names("depth-colour", 28)
def colour_mapped(folder):
    def change(values):
        grey = (values / values.max() * 255).astype(np.uint8)
        return cv2.applyColorMap(grey, cv2.COLORMAP_JET)

    change_depth(folder, change)


def in_colours_of_a_part(folder, colours: int) -> None:
    """Colour noisy depth with the low third of a map, where one of red and blue hardly changes."""
    noise = np.random.default_rng(0)

    def change(values):
        grey = values / values.max() * 28 + noise.integers(0, 5, values.shape)
        return cv2.applyColorMap(grey.astype(np.uint8), colours)[..., ::-1]

    change_depth(folder, change)


@names("depth-colour", 28)
def colour_mapped_with_the_blue_third_of_jet(folder):
    in_colours_of_a_part(folder, cv2.COLORMAP_JET)


@names("depth-colour", 28)
def colour_mapped_with_the_red_third_of_hot(folder):
    in_colours_of_a_part(folder, cv2.COLORMAP_HOT)


@names("depth-colour", 28)
def points_in_place_of_depth(folder):
    to_npy(folder)
    for file in (folder / "depth").glob("*.npy"):
        depth = np.load(file)
        np.save(file, np.stack([depth * 0.1, depth * 0.2, depth, depth * 0], axis=2))


@names("depth-three-channels", 28)
def three_equal_channels(folder):
    change_depth(folder, lambda v: np.repeat((v / 10_000 * 255).astype(np.uint8)[..., None], 3, 2))


@names("depth-is-image", 2, also=("depth-8-bit", "mixed-depth-types", "mixed-scales"))
def photograph_stored_as_depth(folder):
    for index in range(2):
        Image.open(folder / "rgb" / f"{index:03d}.jpg").convert("L").save(
            folder / "depth" / f"{index:03d}.png"
        )


@names("mixed-depth-types", 2, also=("depth-8-bit", "mixed-scales"))
def two_depth_maps_of_eight_bits(folder):
    change_depth(folder, lambda values: (values // 40).astype(np.uint8), range(2))


@names("saturated", 28)
def sky_at_the_end_of_the_type(folder):
    change_depth(folder, lambda values: np.where(values > 3000, 65535, values).astype(np.uint16))


@names("no-valid-depth", 1)
def all_zero(folder):
    save_depth(folder, 4, np.zeros((96, 128), np.uint16))


@names("constant-depth", 1)
def all_the_same(folder):
    save_depth(folder, 4, np.full((96, 128), 2500, np.uint16))


@names("few-valid", 1)
def nearly_empty(folder):
    change_depth(folder, lambda v: np.where(np.arange(128) < 4, v, 0).astype(np.uint16), range(1))


@names("blank-image", 1)
def black_photograph(folder):
    Image.new("RGB", (128, 96)).save(folder / "rgb/005.jpg")


@names("nan-depth", 1)
def not_a_number(folder):
    to_npy(folder)
    values = np.load(folder / "depth/002.npy")
    values[10:20] = np.nan
    np.save(folder / "depth/002.npy", values)


@names("infinite-depth", 1)
def infinite(folder):
    to_npy(folder)
    values = np.load(folder / "depth/002.npy")
    values[10:20] = np.inf
    np.save(folder / "depth/002.npy", values)


@names("negative-depth", 1)
def negative(folder):
    to_npy(folder)
    values = np.load(folder / "depth/002.npy")
    np.save(folder / "depth/002.npy", np.where(values > 3, -1, values))


@names("scale-contradiction")
def millimetres_in_floating_point(folder):
    to_npy(folder)
    for file in (folder / "depth").glob("*.npy"):
        np.save(file, np.load(file) * 1000)


@names("cut-short", 1)
def truncated_png(folder):
    file = folder / "depth/006.png"
    file.write_bytes(file.read_bytes()[:-200])


@names("cut-short", 1)
def truncated_jpeg(folder):
    file = folder / "rgb/006.jpg"
    file.write_bytes(file.read_bytes()[:-200])


@names("cut-short", 1)
def truncated_npy(folder):
    to_npy(folder)
    file = folder / "depth/006.npy"
    file.write_bytes(file.read_bytes()[:-200])


@names("unreadable", 1)
def one_flipped_bit_in_a_png(folder):
    file = folder / "depth/006.png"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


@names("empty-file", 1)
def zero_bytes(folder):
    (folder / "depth/006.png").write_bytes(b"")


@names("not-a-picture", 1)
def text_named_png(folder):
    (folder / "depth/006.png").write_text("no depth today\n")


@names("too-large", 1)
def decompression_bomb(folder):
    """A PNG whose header promises 40,000 x 40,000 pixels."""
    file = folder / "depth/006.png"
    data = bytearray(file.read_bytes())
    data[16:24] = (40_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    file.write_bytes(bytes(data))


@names("size-mismatch", 2)
def depth_of_another_size(folder):
    change_depth(folder, lambda values: values[::2, ::2], range(2))


@names("label-size", 1)
def labels_of_another_size(folder):
    Image.new("L", (64, 48)).save(folder / "label/000.png")


@names("mixed-image-sizes", 1)
def one_pair_of_another_size(folder):
    image, depth = make_room(np.random.default_rng(5))
    Image.fromarray(image[:80]).save(folder / "rgb/000.jpg")
    save_depth(folder, 0, np.rint(depth[:80] * 1000).astype(np.uint16))
    Image.new("L", (128, 80)).save(folder / "label/000.png")


@names("label-range", 1)
def label_far_out_of_range(folder):
    labels = np.array(Image.open(folder / "label/000.png"))
    labels[40:50, 40:50] = 200
    Image.fromarray(labels).save(folder / "label/000.png")


@names("lonely-depth", 1)
def image_missing(folder):
    without_csv(folder)
    (folder / "rgb/007.jpg").unlink()


@names("lonely-image", 2)
def depth_missing(folder):
    without_csv(folder)
    (folder / "depth/007.png").unlink()
    (folder / "depth/008.png").unlink()


@names("same-stem", 1)
def two_images_of_one_stem(folder):
    without_csv(folder)
    Image.open(folder / "rgb/001.jpg").save(folder / "rgb/001.png")


@names("csv-missing-file", 1)
def csv_names_a_missing_file(folder):
    (folder / "depth/007.png").unlink()


@names("csv-columns", 1)
def csv_with_other_columns(folder):
    (folder / "val.csv").write_text("picture,distance\nrgb/020.jpg,depth/020.png\n")


@names("csv-empty", 1)
def csv_without_a_line(folder):
    (folder / "val.csv").write_text("image,depth\n")


@names("csv-line", 1)
def csv_line_without_depth(folder):
    with (folder / "val.csv").open("a") as file:
        file.write("rgb/001.jpg,,\n")


@names("no-pairs", 1, also=("csv-empty",))
def nothing_at_all(folder):
    (folder / "train.csv").write_text("image,depth\n")
    (folder / "val.csv").unlink()


@names("listed-twice", 1)
def a_line_twice(folder):
    text = (folder / "train.csv").read_text()
    (folder / "train.csv").write_text(text + text.splitlines()[1] + "\n")


@names("leak-same-file", 2)
def training_images_in_val(folder):
    write_csv(folder / "val.csv", range(18, 28))


@names("leak-same-image", 2)
def copy_of_a_training_image_in_val(folder):
    (folder / "rgb/020.jpg").write_bytes((folder / "rgb/000.jpg").read_bytes())
    (folder / "depth/020.png").write_bytes((folder / "depth/000.png").read_bytes())


@names("leak-near-image", 2)
def neighbouring_frame_in_val(folder):
    image = np.array(Image.open(folder / "rgb/000.jpg")).astype(np.float32)
    moved = np.roll(image, 1, axis=1) * 0.93
    Image.fromarray(moved.astype(np.uint8)).save(folder / "rgb/020.jpg", quality=80)
    save_depth(folder, 20, np.roll(depth_of(folder, 0), 1, axis=1))


@names("near-duplicates", 2, also=("duplicate-depth",))
def neighbouring_frame_in_train(folder):
    image = np.array(Image.open(folder / "rgb/000.jpg")).astype(np.float32)
    Image.fromarray((image * 0.93).astype(np.uint8)).save(folder / "rgb/001.jpg", quality=80)
    save_depth(folder, 1, depth_of(folder, 0))


@names("duplicate-image", 2)
def one_image_twice(folder):
    (folder / "rgb/001.jpg").write_bytes((folder / "rgb/000.jpg").read_bytes())
    (folder / "depth/001.png").write_bytes((folder / "depth/000.png").read_bytes())


@names("duplicate-depth", 2)
def one_depth_map_twice(folder):
    (folder / "depth/001.png").write_bytes((folder / "depth/000.png").read_bytes())


@names("unlisted-images", 8)
def images_in_no_csv(folder):
    (folder / "val.csv").unlink()


@names("leak-same-image", 2)
def split_folders_that_share_a_picture(folder):
    """rgb/{train,val}: splits, and so a picture of one in the other is a leak."""
    without_csv(folder)
    for kind, suffix in (("rgb", "jpg"), ("depth", "png"), ("label", "png")):
        for index in range(28):
            file = folder / kind / f"{index:03d}.{suffix}"
            place = folder / kind / ("train" if index < 20 else "val")
            place.mkdir(exist_ok=True)
            file.rename(place / file.name)
        copied = folder / kind / "train" / f"000.{suffix}"
        (folder / kind / "val" / f"020.{suffix}").write_bytes(copied.read_bytes())


@names("unlisted-images", 1)
def image_outside_the_folders_of_the_splits(folder):
    without_csv(folder)
    for kind, suffix in (("rgb", "jpg"), ("depth", "png"), ("label", "png")):
        for index in range(28):
            file = folder / kind / f"{index:03d}.{suffix}"
            place = folder / kind / ("train" if index < 20 else "val")
            place.mkdir(exist_ok=True)
            file.rename(place / file.name)
    (folder / "rgb/val/020.jpg").rename(folder / "rgb/020.jpg")
    (folder / "depth/val/020.png").unlink()


@names("unlabelled", 1)
def label_missing(folder):
    without_csv(folder)
    (folder / "label/003.png").unlink()


@names("unlabelled", 2)
def label_cells_empty(folder):
    text = (folder / "train.csv").read_text()
    (folder / "train.csv").write_text(re.sub(r"label/00[35]\.png", "", text))


@names("csv-unreadable", 1)
def csv_of_noise(folder):
    (folder / "val.csv").write_bytes(bytes(range(128, 256)) * 10)


@names("scale-unknown", also=("constant-depth",))
def no_floor_and_no_declaration(folder):
    (folder / "dataset.yaml").unlink()
    middle = (np.arange(96) > 24) & (np.arange(96) < 50)
    change_depth(folder, lambda v: np.where(middle[:, None], v, 0).astype(np.uint16))
