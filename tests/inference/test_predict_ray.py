"""`leadline predict --engine ray`: the files of a plain run, from folders and from URIs."""

import os
import pickle
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError
from leadline.inference import OutputOptions, predict, predict_ray
from leadline.inference.predict_ray import _share
from leadline.weights import shipped_checkpoint


class InProcess:
    """Stands for Ray where its processes would take too long to start: one actor, in this process.

    What goes to the actor and back is pickled, as by Ray.
    """

    class exceptions:  # noqa: N801
        RayError = RuntimeError

    class data:  # noqa: N801
        @staticmethod
        def from_items(rows):
            return InProcess(rows)

    def __init__(self, rows=()):
        self.rows = rows

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": 2.0}}]

    def map_batches(self, cls, *, fn_constructor_kwargs, batch_size, concurrency, num_cpus):
        actor = cls(**pickle.loads(pickle.dumps(fn_constructor_kwargs)))
        rows = []
        for start in range(0, len(self.rows), batch_size):
            batch = [row["job"] for row in self.rows[start : start + batch_size]]
            rows += [{"outcome": each} for each in actor({"job": np.array(batch)})["outcome"]]
        # Actors that are done first come first.
        return InProcess(rows[::-1])

    def iter_rows(self):
        return iter(self.rows)


@pytest.fixture(params=["in process", pytest.param("ray", marks=pytest.mark.slow)])
def cluster(request, monkeypatch):
    if request.param == "in process":
        monkeypatch.setattr(predict_ray, "_started_ray", InProcess)
        yield
        return
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")
    monkeypatch.setenv("RAY_agent_register_timeout_ms", "300000")
    ray = pytest.importorskip("ray")
    yield
    ray.shutdown()


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "my photos 100%"
    (folder / "deep").mkdir(parents=True)
    for number, place in enumerate(["a.png", "deep/b.png", "deep/c.png"]):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / place)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_the_files_are_those_of_a_plain_run(cluster, photos, tmp_path, monkeypatch):
    plain = predict(photos, tmp_path / "plain", output=OutputOptions(color=True))
    monkeypatch.chdir(tmp_path)  # actors have another working folder
    results = predict("my photos 100%", "ray", output=OutputOptions(color=True), engine="ray")
    assert [photo.source.name for photo in results.done] == ["a.png", "b.png", "c.png"]
    assert [failure.source.name for failure in results.failures] == ["broken.jpg"]
    assert results.failures[0].message.split(":")[-1] == plain.failures[0].message.split(":")[-1]
    assert results.notes == plain.notes
    files = sorted(path.relative_to(tmp_path / "plain") for path in (tmp_path / "plain").rglob("*"))
    assert files == sorted(
        path.relative_to(tmp_path / "ray") for path in (tmp_path / "ray").rglob("*")
    )
    for name in ("a.npy", "deep/b.npy", "deep/c.npy"):
        np.testing.assert_allclose(
            np.load(tmp_path / "ray" / name), np.load(tmp_path / "plain" / name), atol=0.02
        )
    (tmp_path / "ray" / "a.npy").unlink()
    again = predict(photos, "ray", engine="ray", skip_existing=True)
    assert (len(again.done), again.existing) == (1, 2)
    # The same folder as a place of a file system; names with signs of URIs in them.
    target = tmp_path / "store"
    photos.rename(target)
    from_store = predict(f"file://{target}", "from_store", engine="ray")
    written = [file.relative_to(tmp_path).as_posix() for each in from_store for file in each.files]
    assert written == [f"from_store/{name}.npy" for name in ("a", "deep/b", "deep/c")]
    assert len(from_store.failures) == 1


def test_names_in_an_object_store_are_names_and_no_parts_of_uris(tmp_path, monkeypatch):
    monkeypatch.setattr(predict_ray, "_started_ray", InProcess)
    store = tmp_path / "the store"
    (store / "__MACOSX").mkdir(parents=True)
    names = [
        "a b.png",
        "a%20b.png",
        "n#1.png",
        "n.png",
        "q?1.png",
        "\u00fc.png",
        "two.png",
        "two.bmp",
    ]
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(store / name)
    for name in ("._a.png", "__MACOSX/a.png"):
        (store / name).write_bytes(b"no picture")
    uri = f"file://{tmp_path}/the%20store"
    results = predict(uri, tmp_path / "out", engine="ray", output=OutputOptions(sheet=True))
    plain = predict(store, tmp_path / "plain", output=OutputOptions(sheet=True))
    assert not results.failures
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in (tmp_path / "plain").iterdir()
    )
    for photo in plain:
        np.testing.assert_allclose(
            np.load(tmp_path / "out" / photo.files[0].name), np.load(photo.files[0]), atol=0.02
        )
    assert len(plain.done) == len(names)
    # The photographs are on the sheet, fetched again, and not black.
    sheets = [np.asarray(Image.open(tmp_path / each / "sheet.png")) for each in ("out", "plain")]
    assert sheets[0].shape == sheets[1].shape
    assert np.abs(sheets[0].astype(int) - sheets[1]).mean() < 1


def test_an_actor_in_another_folder_finds_the_model(photos, tmp_path, monkeypatch):
    home, away = tmp_path / "home", tmp_path / "away"
    shutil.copytree(shipped_checkpoint("compact-nyu"), home / "mine")
    away.mkdir()
    in_this_folder = InProcess.map_batches

    def elsewhere(self, *arguments, **options):
        os.chdir(away)
        return in_this_folder(self, *arguments, **options)

    monkeypatch.setattr(predict_ray, "_started_ray", InProcess)
    monkeypatch.setattr(InProcess, "map_batches", elsewhere)
    for model in ("mine", "hf:mine"):
        monkeypatch.chdir(home)
        assert predict(photos / "a.png", tmp_path / "out", model=model, engine="ray").done


def test_warnings_of_actors_are_heard(cluster, tmp_path):
    thermal = np.full((24, 32), 300, np.uint16)
    thermal[:12] = 500
    Image.fromarray(thermal).save(tmp_path / "t.png")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        predict(tmp_path / "t.png", tmp_path / "out", engine="ray")
    assert any("t.png" in str(each.message) for each in said)


def test_what_the_engine_cannot_take_is_one_line(tmp_path):
    with pytest.raises(LeadlineError, match=r"s3://b/x: is a URL.*--engine ray"):
        predict("s3://b/x", tmp_path)
    with pytest.raises(LeadlineError, match="writes to a folder"):
        predict("-", tmp_path, engine="ray")
    with pytest.raises(LeadlineError, match="engine 'dask': choose one of local, ray"):
        predict("a.jpg", tmp_path, engine="dask")
    with pytest.raises(LeadlineError, match=r"file:///nowhere/x: "):
        predict("file:///nowhere/x", tmp_path, engine="ray")


@pytest.mark.parametrize(
    ("processors", "share"),
    [
        ([1], (1, 1)),
        ([2], (1, 1)),
        ([8], (7, 1)),
        ([64], (8, 7)),
        ([64, 4], (3, 22)),
        ([0, 2], (1, 1)),
    ],
)
def test_a_processor_of_each_machine_is_left_to_ray(processors, share):
    nodes = [{"Alive": True, "Resources": {"CPU": float(count)}} for count in [*processors, 0]]
    assert _share([*nodes, {"Alive": False, "Resources": {"CPU": 9.0}}]) == share


def test_a_cluster_without_processors_is_one_line():
    with pytest.raises(LeadlineError, match="no machine of the cluster has a processor"):
        _share([{"Alive": True, "Resources": {}}])


KILLED = """
import sys
from leadline.inference import predict
photos, out = sys.argv[1:]
predict(photos, out, engine="ray", skip_existing=True, processing_area=3072)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_is_continued(tmp_path):
    """2,000 pictures; the first run dies after some hundred of them."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for number in range(2000):
        Image.fromarray(np.roll(pixels, number, 1)).save(photos / f"{number:04}.jpg")
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(photos), str(out)]
    first = subprocess.Popen(command, env=os.environ)
    while sum(1 for _ in out.glob("*.npy")) < 300 and first.poll() is None:
        pass
    first.kill()
    first.wait()
    there = {path: path.stat().st_mtime_ns for path in out.glob("*.npy")}
    assert 300 <= len(there) < 2000
    subprocess.run(command, check=True, timeout=1800)
    assert sum(1 for _ in out.glob("*.npy")) == 2000
    kept = sum(path.stat().st_mtime_ns == time for path, time in there.items())
    assert kept > 0.8 * len(there)  # what lacked its sidecar was done again
