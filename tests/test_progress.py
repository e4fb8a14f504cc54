"""`track`: one name and one type for the progress of every call, each loop with its true number."""

import ast
import io
from functools import partial

import numpy as np
import pytest

import leadline
from leadline.datasets.packing import PackOptions, pack_shards
from leadline.datasets.shard_check import check_shards
from leadline.evaluation.predictions import PredictedMaps
from tests.progress import Recorder
from tests.test_architecture import functions


class Constant:
    """Two metres everywhere."""

    def predict(self, sample):
        return PredictedMaps(np.full(sample.depth.shape, 2, np.float32))


def test_every_call_counts_what_it_does(pairs, tmp_path):
    def loops(call, *arguments, **options):
        progress = Recorder()
        call(*arguments, track=progress, **options)
        return progress.loops

    assert loops(leadline.check_data, pairs) == [
        ("check headers", 24, 24, "files"),
        ("check pairs", 12, 12, "pairs"),
    ]
    copies = leadline.ExpandOptions(per_image=2)
    expanded = tmp_path / "expanded"
    assert loops(leadline.expand, pairs, expanded, copies, val_fraction=0.25) == [
        ("expand", 30, 30, "pairs")  # nine and two copies of each; three stay as they are
    ]
    assert loops(leadline.evaluate, Constant(), expanded, protocol="full") == [
        ("baselines from 27 of 27 training images", 27, 27, "images"),
        ("evaluate", 3, 3, "images"),
    ]
    shards = tmp_path / "shards"
    assert loops(pack_shards, expanded, shards, PackOptions()) == [
        ("pack train", 27, 27, "images"),
        ("pack val", 3, 3, "images"),
    ]
    assert loops(check_shards, shards) == [
        ("verify train", 1, 1, "blocks"),
        ("verify val", 1, 1, "blocks"),
    ]
    depth = sorted((expanded / "val" / "depth").iterdir())
    assert loops(leadline.convert, depth, tmp_path / "npy", format="npy") == [
        ("convert", 3, 3, "files")
    ]


def test_a_bar_of_tqdm_is_a_track(pairs):
    tqdm = pytest.importorskip("tqdm").tqdm
    file = io.StringIO()
    leadline.check_data(pairs, track=partial(tqdm, file=file))
    assert "check pairs: 100%" in file.getvalue() and "12/12" in file.getvalue()


def test_progress_has_one_name_everywhere():
    """`track` by keyword in public functions, and of no other type."""
    others = []
    for module, function in functions():
        arguments = function.args
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            of_type = each.annotation is not None and ast.unparse(each.annotation) == "Track"
            by_keyword = each in arguments.kwonlyargs or function.name.startswith("_")
            if of_type != (each.arg == "track") or (of_type and not by_keyword):
                others.append(f"{module}.{function.name}: {each.arg}")
    assert not others
