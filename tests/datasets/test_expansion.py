"""Offline expansion, on pictures whose every pixel says where it came from."""

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from leadline.cli import app
from leadline.datasets import open_data
from leadline.datasets.expansion import ExpandOptions, expand
from leadline.errors import LeadlineError
from tests.cli.helpers import RUN

SIZE = (96, 128)


def depth_of(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """A plane that leans away from the camera, in metres."""
    return 2 + column / 64 + row / 96


def write_planes(folder: Path, count: int) -> Path:
    """Red tells the column, green the row, blue and label the picture; a leaning plane as depth."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for name in ("rgb", "depth", "label"):
        (folder / name).mkdir(parents=True)
    for index in range(count):
        blue = np.full(SIZE, 10 * index)
        image = np.stack([columns, rows, blue], axis=-1).astype(np.uint8)
        depth = np.rint(1000 * depth_of(rows, columns)).astype(np.uint16)
        Image.fromarray(image).save(folder / "rgb" / f"{index}.png")
        Image.fromarray(depth).save(folder / "depth" / f"{index}.png")
        Image.fromarray(np.full(SIZE, index + 1, np.uint8)).save(folder / "label" / f"{index}.png")
    for split, indices in {"train": range(2, count), "val": range(2)}.items():
        lines = [f"rgb/{i}.png,depth/{i}.png,label/{i}.png" for i in indices]
        (folder / f"{split}.csv").write_text("\n".join(["image,depth,label", *lines, ""]))
    (folder / "dataset.yaml").write_text("depth_scale: 1000\n")
    return folder


@pytest.fixture(scope="module")
def planes(tmp_path_factory) -> Path:
    return write_planes(tmp_path_factory.mktemp("planes"), 5)


def expanded(planes: Path, out: Path, workers: int = 1, **settings) -> Path:
    settings = {"per_image": 4, "image_format": "png", "rotation": 5.0, **settings}
    return expand(planes, out, ExpandOptions(**settings), workers=workers).folder


def rows_of(out: Path) -> list[dict[str, str]]:
    head, *lines = (out / "train.csv").read_text().splitlines()
    return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]


def all_bytes(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_every_copy_is_the_plane_it_was_cut_from_at_depth_over_zoom(planes, tmp_path):
    out = expanded(planes, tmp_path / "out")
    samples, rows = open_data(out, "train"), rows_of(out)
    assert len(samples) == len(rows) == 3 * 5
    zooms = [float(row["zoom"]) for row in rows]
    assert max(zooms) > 1.3
    for index, zoom in enumerate(zooms):
        sample = samples[index]
        column, row = sample.image[..., 0].astype(float), sample.image[..., 1].astype(float)
        expected = depth_of(row, column) / zoom
        error = np.abs(sample.depth - expected)[sample.valid]
        # Colour is interpolated and rounded, depth is the nearest pixel's: half a pixel apart.
        assert error.max() < 0.04
        turned_in = ~sample.valid
        assert (sample.depth[turned_in] == 0).all()
        np.testing.assert_array_equal(sample.labels == 0, turned_in)


def test_the_first_of_every_group_is_the_original(planes, tmp_path):
    out = expanded(planes, tmp_path / "out")
    ours, theirs = open_data(out, "train"), open_data(planes, "train")
    for index in range(len(theirs)):
        np.testing.assert_array_equal(ours[5 * index].image, theirs[index].image)
        np.testing.assert_array_equal(ours[5 * index].depth, theirs[index].depth)
        assert rows_of(out)[5 * index]["source"] == theirs.sample_id(index)


def test_each_copy_has_its_own_camera(planes, tmp_path):
    """The colours say where the axis of the original's camera is in a copy; its focal length stays.

    Copies of data without a camera have none.
    """
    data = shutil.copytree(planes, tmp_path / "data")
    camera = {"fx": 100.0, "fy": 90.0, "cx": 70.0, "cy": 40.0}
    (data / "dataset.yaml").write_text(yaml.safe_dump({"depth_scale": 1000, "camera": camera}))
    samples = open_data(expanded(data, tmp_path / "out"), "train")
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    centres = []
    for index in range(len(samples)):
        sample = samples[index]
        # red = a column + b row + c, green likewise, by least squares where nothing is turned in.
        places = np.stack([columns, rows, np.ones(SIZE)], axis=-1)[sample.valid]
        colours = sample.image[sample.valid][:, :2].astype(float)
        fit, *_ = np.linalg.lstsq(places, colours, rcond=None)
        centres.append(np.linalg.solve(fit[:2].T, np.array([70.0, 40.0]) - fit[2]))
        own = sample.intrinsics
        assert (own.fx, own.fy, own.width, own.height) == (100, 90, 128, 96)
        np.testing.assert_allclose((own.cx, own.cy), centres[-1], atol=0.3)
    assert np.ptp(centres, axis=0).min() > 10
    validation = open_data(tmp_path / "out", "val")[0].intrinsics
    assert (validation.fx, validation.fy, validation.cx, validation.cy) == (100, 90, 70, 40)
    assert open_data(expanded(planes, tmp_path / "plain"), "train")[1].intrinsics is None


def test_validation_is_neither_expanded_nor_changed(planes, tmp_path):
    out = expanded(planes, tmp_path / "out", image_format="jpg")
    ours, theirs = open_data(out, "val"), open_data(planes, "val")
    assert len(ours) == len(theirs) == 2
    for index in range(2):
        np.testing.assert_array_equal(ours[index].image, theirs[index].image)
        np.testing.assert_array_equal(ours[index].depth, theirs[index].depth)
        np.testing.assert_array_equal(ours[index].labels, theirs[index].labels)


def test_files_do_not_depend_on_processes_or_on_an_interruption(planes, tmp_path):
    whole = all_bytes(expanded(planes, tmp_path / "one"))
    assert all_bytes(expanded(planes, tmp_path / "two", workers=2)) == whole
    # As after a crash: the lists are not there yet, nor are some of the pairs.
    stopped = tmp_path / "one"
    for name in ["train.csv", "val.csv", "train/depth/000001_3.png", "train/rgb/000002_4.png"]:
        (stopped / name).unlink()
    (stopped / "train/depth/000002_4.png").unlink()
    assert all_bytes(expanded(planes, stopped)) == whole


@pytest.mark.parametrize("labelled", [{3}, {0, 2}, {1}, set()])
def test_copies_have_labels_where_their_originals_have(planes, tmp_path, labelled):
    """Pictures 0 and 1 validate, 2 to 4 are trained on; two copies of each of these."""
    data = shutil.copytree(planes, tmp_path / "data")
    for split in ("train", "val"):
        lines = (data / f"{split}.csv").read_text().splitlines()[1:]
        rows = [line.split(",") for line in lines]
        cells = [[*row[:2], row[2] if int(Path(row[0]).stem) in labelled else ""] for row in rows]
        text = "\n".join(map(",".join, [["image", "depth", "label"], *cells]))
        (data / f"{split}.csv").write_text(text + "\n")
    out = expanded(data, tmp_path / "out", per_image=2)
    for split, indices, copies in (("train", (2, 3, 4), 3), ("val", (0, 1), 1)):
        samples = open_data(out, split)
        found = [samples[i].labels for i in range(len(samples))]
        expected = [index in labelled for index in indices for _ in range(copies)]
        assert [labels is not None for labels in found] == expected
        ids = {int(labels.max()) for labels in found if labels is not None}
        assert ids == {index + 1 for index in labelled.intersection(indices)}
        head = (out / f"{split}.csv").read_text().splitlines()[0]
        assert ("label" in head.split(",")) == any(expected)


def test_a_label_below_0_is_void_in_the_original_and_in_its_copies(tmp_path):
    data = write_planes(tmp_path / "data", 3)
    ids = np.full(SIZE, 5, np.int32)
    ids[:, :64] = -1
    for split, index in (("train", 2), ("val", 0)):
        Image.fromarray(ids).save(data / "label" / f"{split}.tif")
        row = f"rgb/{index}.png,depth/{index}.png,label/{split}.tif"
        (data / f"{split}.csv").write_text(f"image,depth,label\n{row}\n")
    out = expanded(data, tmp_path / "out", void=9, per_image=1)
    for split, copy in (("val", 0), ("train", 0), ("train", 1)):
        labels = open_data(out, split)[copy].labels
        assert set(np.unique(labels)) == {5, 9}
        if copy == 0:
            np.testing.assert_array_equal(labels, np.where(ids < 0, 9, ids))


def test_another_seed_makes_other_copies(planes, tmp_path):
    first, second = expanded(planes, tmp_path / "a"), expanded(planes, tmp_path / "b", seed=1)
    name = "train/depth/000000_1.png"
    assert (first / name).read_bytes() != (second / name).read_bytes()


def test_an_unfinished_folder_is_not_taken_for_a_data_set(planes, tmp_path):
    out = expanded(planes, tmp_path / "out")
    (out / "train.csv").unlink()
    for layout in ("auto", "pairs"):
        with pytest.raises(LeadlineError, match=r"unfinished: 'leadline expand' was stopped"):
            open_data(out, layout=layout)


def test_a_folder_that_holds_something_else_is_left_alone(planes, tmp_path):
    expanded(planes, tmp_path / "out")
    with pytest.raises(LeadlineError, match="other settings"):
        expanded(planes, tmp_path / "out", seed=7)
    before = all_bytes(planes)
    with pytest.raises(LeadlineError, match="is the data set itself"):
        expanded(planes, planes)
    assert all_bytes(planes) == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(LeadlineError, match="not empty"):
        expanded(planes, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_depth_that_16_bits_cannot_hold_is_an_error_with_a_remedy(planes, tmp_path):
    with pytest.raises(LeadlineError, match=r"16 bits hold 1\.31.* --units kitti"):
        expanded(planes, tmp_path / "out", units_per_metre=50_000)


def test_the_command_puts_validation_aside_before_it_expands(pairs, tmp_path):
    out = tmp_path / "out"
    options = ["-o", str(out), "--per-image", "2", "--val-fraction", "0.25", "--workers", "1"]
    result = CliRunner().invoke(app, ["expand", str(pairs), *options])
    assert result.exit_code == 0, result.output
    assert "27 training pairs from 9, 3 validation pairs unchanged" in result.output
    assert yaml.safe_load((out / "dataset.yaml").read_text()) == {"depth_scale": 1000}
    sources = {row["source"] for row in rows_of(out)}
    validation = {line.split(",")[2] for line in (out / "val.csv").read_text().splitlines()[1:]}
    assert len(sources) == 9
    assert not sources & validation


def test_a_worker_that_is_killed_is_one_line(pairs, tmp_path):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-c",
        RUN,
        "expand",
        str(pairs),
        "-o",
        str(out),
        "--per-image",
        "999",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(out.glob("train/depth/*.png")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in children}
    worker = next(pid for pid, text in commands.items() if "spawn_main" in text)
    os.kill(int(worker), signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Traceback" not in stderr
    assert "a worker process was killed" in stderr.splitlines()[-1]


def test_a_seed_is_not_negative():
    with pytest.raises(LeadlineError, match="seed -1: give 0 or more"):
        ExpandOptions(seed=-1)


@pytest.mark.parametrize("zoom", [(0.5, 1.0), (1.2, 1.1), (1.0, math.inf), (1.0, math.nan)])
def test_a_zoom_that_makes_no_picture_is_refused(zoom):
    with pytest.raises(LeadlineError, match="1 <= smallest <= largest <= 16"):
        ExpandOptions(zoom=zoom)
