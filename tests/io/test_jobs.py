"""From what a user names to a list of files, and the work on them."""

import errno
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.predict_files import PICTURES
from leadline.io.atomic import DiskError, atomic_path, cannot_write
from leadline.io.jobs import FileJob, FileKind, find_jobs, in_order, run_jobs
from leadline.io.photos import DERIVED, DRAWN, write_png
from leadline.io.plots import save_plot

KIND = FileKind("pictures", {".jpg", ".png"}, {".nef"}, lambda path: path.name.startswith("own"))


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def targets(inputs, out, root):
    jobs = find_jobs(inputs, out, KIND, lambda target: [target.with_name(target.name + ".npy")])
    return {str(job.source.relative_to(root)): str(job.target.relative_to(out)) for job in jobs}


def test_hidden_and_system_files_and_results_are_no_inputs(tmp_path):
    photos = tmp_path / "photos"
    touch(photos, "a.jpg", "._a.jpg", ".thumbnails/a.jpg", "@eaDir/a.jpg", "__MACOSX/._b.jpg",
          "$RECYCLE.BIN/c.jpg", "own_depth.png", "in/b.png", "note.txt")  # fmt: skip
    with pytest.warns(LeadlineWarning, match="photos: left out 1 file that Leadline wrote"):
        assert targets(photos, tmp_path / "out", photos) == {"a.jpg": "a", "in/b.png": "in/b"}


def test_the_output_folder_inside_of_the_input_is_no_input(tmp_path):
    touch(tmp_path, "a.jpg", "out/a.png", "out/deep/b.png")
    assert targets(tmp_path, tmp_path / "out", tmp_path) == {"a.jpg": "a"}


def test_links_to_folders_are_followed_and_loops_end(tmp_path):
    touch(tmp_path, "photos/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "again").symlink_to(tmp_path / "photos")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "photos")
    assert targets(tmp_path / "photos", tmp_path / "out", tmp_path) == {
        "photos/a.jpg": "a",
        "photos/more/b.jpg": "more/b",
    }


def test_two_folders_with_equal_names_are_mirrored_below_their_common_parent(tmp_path):
    touch(tmp_path, "left/0.jpg", "left/1.jpg", "right/0.jpg")
    inputs = [tmp_path / "left", tmp_path / "right"]
    assert targets(inputs, tmp_path / "out", tmp_path) == {
        "left/0.jpg": "left/0", "left/1.jpg": "left/1", "right/0.jpg": "right/0"
    }  # fmt: skip


def test_pictures_that_cannot_be_read_are_counted_and_named(tmp_path):
    touch(tmp_path, "a.jpg", "b.nef", "deep/c.NEF")
    with pytest.warns(LeadlineWarning, match=r"2 \.nef left out"):
        assert targets(tmp_path, tmp_path / "out", tmp_path) == {"a.jpg": "a"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://example.org/a.jpg", "is a URL.*download it"),
        ("s3://bucket/*.jpg", "is a URL"),
        ("no-such.jpg", "no such file"),
        ("own.png", "a file that Leadline wrote"),
    ],
)
def test_what_is_no_input_is_one_line(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "own.png")
    with pytest.raises(LeadlineError, match=words):
        find_jobs(text, Path("out"), KIND, lambda target: [target])


def test_work_overlaps_and_results_keep_their_order():
    together = threading.Barrier(3, timeout=20)  # passed only by three at once

    def work(item):
        together.wait()
        return item * item

    assert [future.result() for future in in_order(work, range(6), 3)] == [0, 1, 4, 9, 16, 25]


def test_items_are_taken_only_a_few_ahead():
    taken = []
    finished = in_order(lambda item: item, (taken.append(i) or i for i in range(100)), 2)
    assert next(finished).result() == 0
    assert len(taken) <= 3
    finished.close()


def full_disk(path):
    raise cannot_write(path, OSError(errno.ENOSPC, "No space left on device"))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_full_disk_ends_the_run_and_other_errors_do_not(workers):
    jobs = [FileJob(Path(f"{i}.jpg"), Path(str(i))) for i in range(50)]
    begun = []

    def work(job):
        begun.append(job)
        if job is jobs[2]:
            raise LeadlineError("damaged")
        return full_disk(job.target) if job is jobs[5] else job.target

    with pytest.raises(DiskError, match=r"5: cannot write .*No space.*; 4 of 50 files"):
        run_jobs(jobs, work, workers=workers)
    assert len(begun) <= 6 + 2 * workers


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskError), (errno.EROFS, DiskError), (errno.ENAMETOOLONG, LeadlineError)],
)
def test_a_disk_error_is_told_from_one_of_a_single_file(tmp_path, number, kind):
    with pytest.raises(LeadlineError) as caught, atomic_path(tmp_path / "a.npy"):
        raise OSError(number, "text")
    assert type(caught.value) is kind


def test_pictures_that_leadline_drew_are_left_out_of_a_folder_with_one_line(tmp_path):
    matplotlib = pytest.importorskip("matplotlib.figure")
    pixels = np.zeros((4, 5, 3), np.uint8)
    for name in ("photo.png", "mine.jpg"):
        Image.fromarray(pixels).save(tmp_path / name)
    write_png(tmp_path / "worst.png", pixels, DRAWN)
    write_png(tmp_path / "photo_color.png", pixels, DERIVED)
    save_plot(matplotlib.Figure(), tmp_path / "curves.png")
    for inputs in (tmp_path, f"{tmp_path}/*.*"):
        with pytest.warns(
            LeadlineWarning, match=r"left out 3 files that Leadline wrote \(curves.png, "
        ):
            jobs = find_jobs(inputs, tmp_path / "out", PICTURES, lambda target: [target])
        assert [job.source.name for job in jobs] == ["mine.jpg", "photo.png"]
