import errno
import os
from pathlib import Path

import pytest

from leadline.errors import LeadlineError
from leadline.io import atomic_path
from leadline.io.atomic import check_writable
from leadline.io.staging import stage_in
from tests.complaints import complaint


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.rglob("*") if entry.is_file())


def write(path: Path, text: str = "new") -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def test_success_leaves_only_the_file_and_creates_parents(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "map.png"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".png"
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["map.png"]


def test_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "map.png"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert names(tmp_path) == ["map.png"]


def test_a_symbolic_link_is_written_through(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    write(link)
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_folder_as_target_is_refused(tmp_path: Path) -> None:
    assert "folder" in complaint(lambda: write(tmp_path), tmp_path)


def test_a_file_as_parent_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    target = tmp_path / "file" / "map.png"
    assert "choose another output path" in complaint(lambda: write(target), target)


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "ordinary file" in complaint(lambda: write(pipe), pipe)
    assert pipe.is_fifo()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_failing_disk_is_explained(tmp_path: Path, code: int) -> None:
    target = tmp_path / "map.png"

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise OSError(code, os.strerror(code))

    message = complaint(fail, target)
    assert os.strerror(code) in message
    assert "choose another output path" in message
    assert names(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        target = tmp_path / "map.png"
        assert "Permission denied" in complaint(lambda: write(target), target)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_is_checked_and_not_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    check_writable(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    for name in ("file", "file/b", "dangling"):
        assert "is a file; give a folder" in complaint(
            lambda name=name: check_writable(tmp_path / name)
        )
    for name in ("x" * 300, f"a/{'x' * 300}/b", "a/" * 600):
        assert "cannot write here" in complaint(lambda name=name: check_writable(tmp_path / name))
    for name in ("cloud.ply", "a/page.HTML", "depth.npz"):
        assert "is the name of a file (" in complaint(
            lambda name=name: check_writable(tmp_path / name)
        )
    check_writable(tmp_path / "cloud.ply" / "kitchen-v1.2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]
    (tmp_path / "there.png").mkdir()
    check_writable(tmp_path / "there.png")


def test_a_stage_that_nothing_came_of_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError), stage_in(tmp_path / "a" / "b") as stage:
        (stage / "half").touch()
        raise ValueError
    assert not list(tmp_path.iterdir())
    with stage_in(tmp_path / "a" / "b") as stage:
        (stage / "whole").touch()
        (stage / "whole").rename(tmp_path / "a" / "b" / "whole")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["whole"]


def test_an_error_about_another_file_is_not_blamed_on_the_target(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "out.txt") as temporary:
        temporary.write_text((tmp_path / "missing.txt").read_text())


def test_a_name_at_the_length_limit_works_and_beyond_it_is_explained(tmp_path: Path) -> None:
    write(tmp_path / ("n" * 251 + ".png"))
    assert len(names(tmp_path)[0]) == 255
    target = tmp_path / ("n" * 260 + ".png")
    with pytest.raises(LeadlineError, match="File name too long"):
        write(target)
