import io
import json
import struct
import warnings
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from leadline.depth import DEPTH_UNITS, DepthMap, Intrinsics, parse_units
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.io import (
    DEPTH_FORMATS,
    DepthFormat,
    depth_format,
    depth_suffixes,
    is_depth_file,
    read_depth,
    writable_formats,
    write_depth,
    write_labels,
)
from leadline.io.atomic import DiskError
from leadline.io.formats import read_checked_depth
from leadline.io.masks import read_mask
from leadline.io.metadata import MASK_KIND, Metadata
from leadline.io.photos import write_png
from leadline.io.uncertainty import write_uncertainty
from tests.complaints import complaint

CAMERA = Intrinsics(300.5, 301.25, 3.1, 2.2, 4, 3)
METRES = np.array([[0.5, 1.2346, 0, 60], [2, 3, 4, 5], [0, 9.9, 0.001, 7]], dtype=np.float32)
MAP = DepthMap.from_metres(METRES, intrinsics=CAMERA, provenance={"model": "S1 – été", "k": "2"})
FORMATS = [name for name in writable_formats() if name != "grey16"]  # which is not metres
FLOAT_FORMATS = [name for name in FORMATS if name != "png16"]
slow_files = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def path_of(folder: Path, format: str) -> Path:
    return folder / f"map{depth_format(format).suffix}"


def png(path: Path, values: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(".png", values)[1].tobytes())
    return path


# --- round trips ------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_says_everything_needed_to_read_it_back(tmp_path: Path, format: str) -> None:
    path = path_of(tmp_path, format)
    write_depth(path, MAP)
    back = read_depth(path)
    np.testing.assert_allclose(back.depth, METRES, atol=0.00051 if format == "png16" else 0)
    np.testing.assert_array_equal(back.valid, MAP.valid)
    assert back.intrinsics == CAMERA or format == "npz"
    assert back.intrinsics is not None
    np.testing.assert_array_equal(back.intrinsics.matrix, CAMERA.matrix)
    assert back.provenance == {"model": "S1 – été", "k": "2"}


@pytest.mark.parametrize("format", FLOAT_FORMATS)
@slow_files
@given(
    depth=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    )
)
def test_float_formats_keep_every_bit(tmp_path: Path, format: str, depth: np.ndarray) -> None:
    depth_map = DepthMap.from_metres(depth)
    path = path_of(tmp_path, format)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_depth(path, depth_map)
    back = read_depth(path)
    np.testing.assert_array_equal(back.depth, depth_map.depth)
    np.testing.assert_array_equal(back.valid, depth_map.valid)


@slow_files
@given(
    depth=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
        elements=st.floats(0, 1000, width=32),
    ),
    units=st.sampled_from([*DEPTH_UNITS.values(), 25.5]),
)
def test_png16_is_off_by_half_a_unit_at_most(
    tmp_path: Path, depth: np.ndarray, units: float
) -> None:
    depth_map = DepthMap.from_metres(depth)
    path = tmp_path / "map.png"
    clamped = (depth_map.depth * np.float64(units) > 65535.5).sum()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_depth(path, depth_map, units_per_metre=units)
    assert [f": {clamped} pixels beyond" in str(each.message) for each in caught] == (
        [True] if clamped else []
    )
    back = read_depth(path)
    np.testing.assert_array_equal(back.valid, depth_map.valid)
    reach = 65535 / units
    tiny = depth_map.valid & (depth_map.depth < 0.5 / units)
    error = np.abs(back.depth.astype(float) - np.minimum(depth_map.depth.astype(float), reach))
    assert (error[~tiny] <= 0.5 / units + 1e-4 * 1e-3 * back.depth[~tiny]).all()
    np.testing.assert_allclose(back.depth[tiny], 1 / units, rtol=1e-6)


# --- what is in the files, seen by others ------------------------------------------------------


def test_png16_holds_millimetres_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    write_depth(path, MAP)
    with Image.open(path) as image:
        values, text = np.asarray(image), image.text
    assert values.dtype == np.uint16
    expected = [[500, 1235, 0, 60000], [2000, 3000, 4000, 5000], [0, 9900, 1, 7000]]
    np.testing.assert_array_equal(values, expected)
    assert text["leadline:unit"] == "1/1000 metre"
    assert float(text["leadline:units_per_metre"]) == 1000
    assert text["leadline:kind"] == "planar z, metres"
    assert text["leadline:invalid"] == "0"
    assert json.loads(text["leadline:provenance"]) == dict(MAP.provenance)


def test_npy_is_plain_float32_metres_with_a_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "map.npy"
    write_depth(path, MAP)
    np.testing.assert_array_equal(np.load(path), METRES)
    sidecar = json.loads((tmp_path / "map.npy.json").read_text())
    assert sidecar["leadline:unit"] == "metre"
    assert sidecar["leadline:kind"] == "planar z, metres"


def test_npz_fields(tmp_path: Path) -> None:
    path = tmp_path / "map.npz"
    write_depth(path, MAP)
    with np.load(path) as archive:
        np.testing.assert_array_equal(archive["depth"], METRES)
        np.testing.assert_array_equal(archive["valid"], METRES > 0)
        np.testing.assert_array_equal(archive["intrinsics"], CAMERA.matrix)
        assert (float(archive["units_per_metre"]), str(archive["unit"])) == (1.0, "metre")
        assert str(archive["kind"]) == "planar z, metres"
        assert json.loads(str(archive["provenance"])) == dict(MAP.provenance)


def test_exr_channel_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "map.exr"
    write_depth(path, MAP)
    with OpenEXR.File(str(path)) as file:
        assert list(file.channels()) == ["Z"]
        np.testing.assert_array_equal(file.channels()["Z"].pixels, METRES)
        assert file.header()["leadline:unit"] == "metre"


def test_pfm_is_little_endian_and_bottom_up(tmp_path: Path) -> None:
    path = tmp_path / "map.pfm"
    write_depth(path, MAP)
    assert path.read_bytes() == b"Pf\n4 3\n-1.0\n" + METRES[::-1].astype("<f4").tobytes()
    assert (tmp_path / "map.pfm.json").exists()


# --- png16: overflow, scale and units -----------------------------------------------------------


def test_overflow_is_clamped_counted_and_never_wraps(tmp_path: Path) -> None:
    path = tmp_path / "far.png"
    far = DepthMap.from_metres([[65.535, 65.5354, 65.54], [1e6, 3e38, 1.0]])
    with pytest.warns(LeadlineWarning, match=r"far\.png: 3 pixels beyond 65\.535 m") as caught:
        write_depth(path, far)
    assert caught[0].filename == __file__
    with Image.open(path) as image:
        np.testing.assert_array_equal(
            np.asarray(image), [[65535, 65535, 65535], [65535, 65535, 1000]]
        )


@pytest.mark.parametrize(("name", "unit"), [("kitti", 256), ("vkitti-cm", 100), ("tum", 5000)])
def test_units_of_the_data_sets(tmp_path: Path, name: str, unit: int) -> None:
    path = png(tmp_path / "d.png", np.array([[0, unit, 3 * unit]], dtype=np.uint16))
    depth_map = read_depth(path, parse_units(name))
    np.testing.assert_array_equal(depth_map.depth, [[0, 1, 3]])
    np.testing.assert_array_equal(depth_map.valid, [[False, True, True]])


def test_the_sky_of_virtual_kitti_stays_at_its_distance(tmp_path: Path) -> None:
    path = png(tmp_path / "d.png", np.array([[65535]], dtype=np.uint16))
    assert read_depth(path, 100).at(0, 0) == pytest.approx(655.35)


def test_parse_units_takes_names_and_numbers() -> None:
    assert parse_units("KITTI") == 256
    assert parse_units("1000") == parse_units("nyu-mm") == parse_units(1000) == 1000
    for bad in ("feet", "0", "-5", "nan", "inf", ""):
        assert "nyu-mm, kitti" in complaint(lambda bad=bad: parse_units(bad))


def test_whole_numbers_of_unknown_unit_are_refused(tmp_path: Path) -> None:
    path = png(tmp_path / "d.png", np.array([[7]], dtype=np.uint16))
    message = complaint(lambda: read_depth(path), path)
    assert "--depth-scale 1000" in message
    assert "depth_scale: 1000 in dataset.yaml" in message
    array = tmp_path / "d.npy"
    np.save(array, np.array([[7]], dtype=np.uint16))
    assert "--depth-scale 1000" in complaint(lambda: read_depth(array), array)


@pytest.mark.parametrize("format", FORMATS)
def test_two_contradicting_units_are_both_named(tmp_path: Path, format: str) -> None:
    path = path_of(tmp_path, format)
    write_depth(path, MAP)
    own = 1000.0 if format == "png16" else 1.0
    message = complaint(lambda: read_depth(path, 256), path)
    assert f"declares {own:g} units" in message
    assert "256 was given" in message
    np.testing.assert_array_equal(read_depth(path, own).depth, read_depth(path).depth)


def test_float_files_of_others_are_metres_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    np.save(path, np.array([[1500.0]]))
    assert read_depth(path).at(0, 0) == 1500
    assert read_depth(path, 1000).at(0, 0) == 1.5


# --- files of others ----------------------------------------------------------------------------


def test_eight_bit_png(tmp_path: Path) -> None:
    path = png(tmp_path / "d.png", np.array([[0, 51, 255]], dtype=np.uint8))
    np.testing.assert_allclose(read_depth(path, 25.5).depth, [[0, 2, 10]])


def test_a_grey_png_with_a_transparent_value(tmp_path: Path) -> None:
    path = tmp_path / "d.png"
    Image.fromarray(np.array([[0, 700]], dtype=np.uint16)).save(path)
    data = path.read_bytes()
    body = b"tRNS" + struct.pack(">H", 0)
    trns = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + trns + data[33:])
    np.testing.assert_allclose(read_depth(path, 1000).depth, [[0, 0.7]])


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bit_tiff(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "d.tif"
    values = np.array([[0, 1, 65535]], dtype=">u2" if mode == "I;16B" else "<u2")
    Image.frombytes(mode, (3, 1), values.tobytes()).save(path)
    np.testing.assert_allclose(read_depth(path, 1000).depth, [[0, 0.001, 65.535]])


def test_float_tiff(tmp_path: Path) -> None:
    path = tmp_path / "d.tiff"
    Image.fromarray(METRES).save(path)
    np.testing.assert_array_equal(read_depth(path).depth, METRES)


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (3, 4, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.float32])
def test_npy_shapes_and_types(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    path = tmp_path / "d.npy"
    np.save(path, METRES.reshape(shape).astype(dtype))
    np.testing.assert_array_equal(read_depth(path).depth, METRES.astype(dtype).astype(np.float32))


def test_untrustworthy_values_in_a_file_become_invalid(tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    np.save(path, np.array([[np.nan, np.inf, -np.inf, -1.0, 0.0, 2.0, 1e300]]))
    np.testing.assert_array_equal(read_depth(path).depth, [[0, 0, 0, 0, 0, 2, 0]])


def test_npz_of_others(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, depth=METRES, image=np.zeros((3, 4)))
    np.testing.assert_array_equal(read_depth(path).depth, METRES)
    np.savez(path, depth=METRES, kind="left", intrinsics=np.ones(3), info={"a": 1})
    np.testing.assert_array_equal(read_depth(path).depth, METRES)
    np.savez(path, z=METRES, names=np.array(["a", "b"]))
    np.testing.assert_array_equal(read_depth(path).depth, METRES)
    np.savez(path, left=METRES, right=METRES)
    message = complaint(lambda: read_depth(path), path)
    assert "left, right" in message
    assert 'name one "depth"' in message


def test_pfm_of_others_may_be_big_endian(tmp_path: Path) -> None:
    path = tmp_path / "d.pfm"
    path.write_bytes(b"Pf\n4 3\n1.0\n" + METRES[::-1].astype(">f4").tobytes())
    np.testing.assert_array_equal(read_depth(path).depth, METRES)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), METRES)


@pytest.mark.parametrize("ends", ["\n", "\r\n", " ", "\r"])
@pytest.mark.parametrize("first", [b"\0\0\x80?", b"\n\0\0A"])  # the second begins with a "\n"
def test_pfm_of_others_may_end_its_lines_as_it_likes(
    tmp_path: Path, ends: str, first: bytes
) -> None:
    path = tmp_path / "d.pfm"
    values = first + b"".join(struct.pack("<f", value) for value in (2, 3, 4))
    path.write_bytes(f"Pf{ends}2 2{ends}-1.0{ends}".encode() + values)
    (number,) = struct.unpack("<f", first)
    np.testing.assert_array_equal(read_depth(path).depth, [[3, 4], [number, 2]])


def test_pfm_that_is_longer_than_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.pfm"
    path.write_bytes(b"Pf\n2 2\n-1.0\n" + np.ones(5, "<f4").tobytes())
    message = complaint(lambda: read_depth(path), path)
    assert "2x2 values need 16 bytes and the file holds 20" in message


@pytest.mark.parametrize("name", ["Z", "ViewLayer.Depth.Z", "depth"])
def test_exr_of_others(tmp_path: Path, name: str) -> None:
    path = tmp_path / "d.exr"
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {name: METRES}) as file:
        file.write(str(path))
    np.testing.assert_array_equal(read_depth(path).depth, METRES)


def test_exr_with_colours_lists_its_channels(tmp_path: Path) -> None:
    path = tmp_path / "d.exr"
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"RGB": np.zeros((3, 4, 3), np.float32)}) as file:
        file.write(str(path))
    assert "B, G, R" in complaint(lambda: read_depth(path), path)


# --- bad files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, format: str, share: float) -> None:
    path = path_of(tmp_path, format)
    noise = np.random.default_rng(1).uniform(1, 9, (40, 50))
    write_depth(path, DepthMap.from_metres(noise))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "again" in complaint(lambda: read_depth(path), path)


def test_a_truncated_exr_is_refused_without_a_word_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "d.exr"
    write_depth(path, DepthMap.from_metres(np.random.default_rng(1).uniform(1, 9, (40, 50))))
    data = path.read_bytes()
    for length in (*range(4, 700, 23), len(data) - 1):
        path.write_bytes(data[:length])
        assert "cut short" in complaint(lambda: read_depth(path), path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("format", ["png16", "npz"])
def test_a_flipped_bit_is_noticed(tmp_path: Path, format: str) -> None:
    path = path_of(tmp_path, format)
    write_depth(path, DepthMap.from_metres(np.random.default_rng(1).uniform(1, 9, (40, 50))))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    message = complaint(lambda: read_depth(path), path)
    assert "again" in message
    assert "check sum" in message or "CRC" in message


@pytest.mark.parametrize("cut", [1, 12, 13])
def test_a_png_without_its_end_is_refused(tmp_path: Path, cut: int) -> None:
    path = png(tmp_path / "d.png", np.ones((5, 5), np.uint16))
    path.write_bytes(path.read_bytes()[:-cut])
    assert "cut short" in complaint(lambda: read_depth(path, 1000), path)


@pytest.mark.parametrize("suffix", [".png", ".npy", ".npz", ".exr", ".pfm", ".tif"])
def test_wrong_empty_missing_and_folder(tmp_path: Path, suffix: str) -> None:
    wrong, empty = tmp_path / f"w{suffix}", tmp_path / f"e{suffix}"
    missing, folder = tmp_path / f"m{suffix}", tmp_path / f"d{suffix}"
    wrong.write_text("these are not the bytes you are looking for")
    empty.touch()
    folder.mkdir()
    message = complaint(lambda: read_depth(wrong, 1), wrong)
    assert "correct the suffix" in message or "in a common format" in message
    assert "copy the depth map again" in complaint(lambda: read_depth(empty), empty)
    assert "no such file" in complaint(lambda: read_depth(missing), missing)
    assert "is a folder" in complaint(lambda: read_depth(folder), folder)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_a_colour_png_is_not_depth(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "d.png"
    Image.new("RGB", (4, 3), (9, 90, 200)).convert(mode).save(path)
    message = complaint(lambda: read_depth(path, 1000), path)
    assert "looks like a colour picture" in message
    assert "raw" in message


def test_a_colour_tiff_pfm_or_npy_is_not_depth(tmp_path: Path) -> None:
    tiff, pfm, npy = tmp_path / "d.tif", tmp_path / "d.pfm", tmp_path / "d.npy"
    Image.new("RGB", (4, 3)).save(tiff)
    pfm.write_bytes(b"PF\n4 3\n-1.0\n" + bytes(144))
    np.save(npy, np.zeros((3, 4, 3)))
    for path in (tiff, pfm, npy):
        assert "looks like a colour picture" in complaint(lambda p=path: read_depth(p, 1), path)


def test_a_one_bit_png_is_not_depth(tmp_path: Path) -> None:
    path = tmp_path / "d.png"
    Image.new("1", (4, 3)).save(path)
    assert "1 bits per pixel" in complaint(lambda: read_depth(path, 1), path)


@pytest.mark.parametrize("format", ["npy", "npz"])
def test_python_objects_are_never_loaded(tmp_path: Path, format: str) -> None:
    path = path_of(tmp_path, format)
    trap = np.array([[{"a": 1}]], dtype=object)
    np.save(path, trap, allow_pickle=True) if format == "npy" else np.savez(path, depth=trap)
    assert "never loaded" in complaint(lambda: read_depth(path), path)


@pytest.mark.parametrize("array", [np.ones(5), np.ones((2, 3, 4)), np.ones((2, 3), complex)])
def test_arrays_that_are_not_one_plane_of_numbers(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "d.npy"
    np.save(path, array)
    assert "save" in complaint(lambda: read_depth(path), path)


def test_an_archive_without_arrays_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "which array" in complaint(lambda: read_depth(path), path)


def test_a_claim_of_an_absurd_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.pfm"
    path.write_bytes(b"Pf\n99999999 99999999\n-1.0\n" + bytes(100))
    assert "cut short" in complaint(lambda: read_depth(path), path)


def test_a_damaged_sidecar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    write_depth(path, MAP)
    sidecar = tmp_path / "d.npy.json"
    sidecar.write_text("{")
    assert "correct or delete" in complaint(lambda: read_depth(path), sidecar)
    sidecar.write_text('{"leadline:units_per_metre": "many"}')
    assert "--depth-scale" in complaint(lambda: read_depth(path), path)


def test_a_strangers_sidecar_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    np.save(path, METRES)
    (tmp_path / "d.npy.json").write_text('{"camera": "left"}')
    np.testing.assert_array_equal(read_depth(path).depth, METRES)


def test_a_camera_that_no_longer_fits_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    write_depth(path, MAP)
    np.save(path, METRES[:2])
    assert "scaled_to" in complaint(lambda: read_depth(path), path)


# --- names --------------------------------------------------------------------------------------


def test_suffixes() -> None:
    suffixes = [depth_format(name).suffix for name in FORMATS]
    assert suffixes == [".npy", ".npz", ".png", ".exr", ".pfm"]
    assert depth_suffixes() == (*suffixes, ".tif", ".tiff")
    assert "npy, npz, png16, exr, pfm" in complaint(lambda: depth_format("jpeg"))
    assert "unknown depth format 'tiff'" in complaint(lambda: depth_format("tiff"))


def test_unknown_and_contradicting_suffixes(tmp_path: Path) -> None:
    for name in ("d.jpg", "d"):
        path = tmp_path / name
        assert "use one of .npy" in complaint(lambda p=path: write_depth(p, MAP), path)
        path.write_bytes(b"x")
        assert "use one of .npy" in complaint(lambda p=path: read_depth(p), path)
    path = tmp_path / "d.png"
    assert "written as .npy" in complaint(lambda: write_depth(path, MAP, "npy"), path)


@pytest.mark.parametrize("format", FORMATS)
def test_an_impossible_target_is_named(tmp_path: Path, format: str) -> None:
    (tmp_path / "file").touch()
    path = path_of(tmp_path / "file", format)
    assert "another output path" in complaint(lambda: write_depth(path, MAP), path)


def test_an_impossible_unit_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "d.png"
    assert "positive" in complaint(lambda: write_depth(path, MAP, units_per_metre=0))
    assert not path.exists()


# --- the table ----------------------------------------------------------------------------------


def read_text(_path: Path, data: bytes) -> tuple[np.ndarray, dict[str, str]]:
    return np.loadtxt(io.BytesIO(data), ndmin=2), {}


def write_text(path: Path, depth_map: DepthMap, _about: Metadata) -> None:
    np.savetxt(path, depth_map.depth)


def test_a_new_format_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = DepthFormat((".dtxt",), read_text, write_text, sidecar=True)
    monkeypatch.setitem(DEPTH_FORMATS, "text", row)
    path = tmp_path / "map.dtxt"
    write_depth(path, MAP)
    np.testing.assert_allclose(np.loadtxt(path), METRES)
    back = read_depth(path)
    np.testing.assert_allclose(back.depth, METRES)
    assert (back.intrinsics, back.provenance) == (CAMERA, MAP.provenance)
    assert is_depth_file(path)
    assert ".dtxt" in depth_suffixes()
    assert "grey16, text" in complaint(lambda: depth_format("jpeg"))


@pytest.mark.parametrize(
    ("value", "words"),
    [(1e10, r"depth\.npy: 50.0% of the pixels lie beyond"), (-2.0, "no pixel has valid depth")],
)
def test_numbers_that_are_no_distances_are_said(tmp_path, value, words):
    depth = np.full((4, 6), value, np.float32)
    depth[:2] = max(depth[0, 0], 0) and 2
    np.save(tmp_path / "depth.npy", depth)
    with pytest.warns(LeadlineWarning, match=words):
        read_checked_depth(tmp_path / "depth.npy")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("format", writable_formats())
def test_a_full_disk_ends_the_run_in_every_format(tmp_path, monkeypatch, format):
    path = path_of(tmp_path, format)
    monkeypatch.setattr("leadline.io.atomic.secrets.token_hex", lambda _length: "x")
    (tmp_path / f".leadline-x{path.suffix}").symlink_to("/dev/full")
    with pytest.raises(DiskError, match=rf"{path.name}: cannot write here \(No space left"):
        write_depth(path, MAP, format)
    assert not path.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("fails", ["data", "json"])
@pytest.mark.parametrize("name", ["d.npy", "d.pfm", "uncertainty.npy"])
def test_a_full_disk_leaves_the_earlier_file_with_its_own_camera(
    tmp_path, monkeypatch, name, fails
):
    def write(camera):
        depth = DepthMap.from_metres(METRES, intrinsics=camera, provenance={"fx": str(camera.fx)})
        if name == "uncertainty.npy":
            write_uncertainty(path, replace(depth, uncertainty=METRES + 1))
        else:
            write_depth(path, depth)

    path = tmp_path / name
    write(CAMERA)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    monkeypatch.setattr("leadline.io.atomic.secrets.token_hex", lambda _length: "x")
    aside = tmp_path / f".leadline-x{path.suffix if fails == 'data' else '.json'}"
    aside.symlink_to("/dev/full")
    with pytest.raises(DiskError, match=rf"{name}.*: cannot write here \(No space left"):
        write(replace(CAMERA, fx=99.0))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert len(before) == 2


@pytest.mark.parametrize("suffix", [".npy", ".pfm"])
def test_numbers_without_unit_are_never_there_without_saying_so(tmp_path, monkeypatch, suffix):
    """A run that is killed between the two files leaves nothing that is taken for metres."""

    def killed(_temporary, _target):
        if str(_target).endswith(suffix):
            raise KeyboardInterrupt
        return put(_temporary, _target)

    path, put = tmp_path / f"d{suffix}", Path.replace
    relative = DepthMap.from_inverse(np.ones((2, 3), np.float32))
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_depth(path, relative)
    assert [file.name for file in tmp_path.iterdir()] == [f"d{suffix}.json"]


def test_masks_and_class_pictures_of_ours_are_no_depth(tmp_path):
    write_labels(tmp_path / "labels.png", np.ones((2, 3), np.uint8))
    write_labels(tmp_path / "many.png", np.full((2, 3), 300, np.int32))
    write_png(tmp_path / "valid.png", np.full((2, 3), 255, np.uint8), {"leadline:kind": MASK_KIND})
    for name, words in (("labels", "class ids"), ("many", "class ids"), ("valid", "a mask")):
        with pytest.raises(LeadlineError, match=f"{name}.png: is .*{words}.*, not metres; give"):
            read_depth(tmp_path / f"{name}.png", 1000)
    assert read_mask(tmp_path / "valid.png").all()
