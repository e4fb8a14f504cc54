"""The split lists and class mappings that ship equal the published files."""

import numpy as np

from leadline.datasets.facts import (
    eigen_test,
    eigen_train_drives,
    nyu_class_names,
    nyu_label_map,
    nyu_labeled_test,
)


def lines_of(path):
    return [line.split() for line in path.read_text().splitlines() if line.strip()]


def test_the_counts_are_the_published_ones():
    assert len(eigen_test()) == len(set(eigen_test())) == 697
    assert len(eigen_test(annotated=True)) == 652
    assert set(eigen_test(annotated=True)) < set(eigen_test())
    assert len({drive for drive, _ in eigen_test()}) == 28
    assert len(eigen_train_drives()) == 33
    assert not eigen_train_drives() & {drive for drive, _ in eigen_test()}
    assert len(set(nyu_labeled_test())) == 654
    assert (min(nyu_labeled_test()), max(nyu_labeled_test())) == (0, 1448)


def test_the_eigen_lists_are_the_published_ones(shared_data):
    splits = shared_data / "splits"
    drives = [
        (first.split("/")[1], int(first.split("/")[-1][:10]))
        for first, *_ in lines_of(splits / "kitti_eigen_test_697_monodepth.txt")
    ]
    assert list(eigen_test()) == drives
    annotated = lines_of(splits / "kitti_eigen_benchmark_test_652.txt")
    assert list(eigen_test(annotated=True)) == [(d.split("/")[1], int(n)) for d, n, _ in annotated]


def test_the_nyu_facts_are_the_published_ones(shared_data):
    from scipy.io import loadmat

    splits = loadmat(shared_data / "splits" / "nyu_splits.mat")
    assert list(nyu_labeled_test()) == (splits["testNdxs"].ravel().astype(int) - 1).tolist()
    forty = loadmat(shared_data / "splits" / "classMapping40.mat")
    thirteen = loadmat(shared_data / "splits" / "class13Mapping.mat")["classMapping13"][0, 0]
    to_40, to_13 = forty["mapClass"].ravel(), thirteen["labels13"].ravel()
    assert nyu_label_map(40)[1:].tolist() == to_40.tolist()
    assert nyu_label_map(13)[1:].tolist() == to_13[to_40 - 1].tolist()
    assert list(nyu_class_names(40)) == [str(name[0]) for name in forty["className"][0]]
    assert list(nyu_class_names(13)) == [str(name[0]) for name in thirteen["classNames"].ravel()]


def test_unlabelled_stays_unlabelled():
    assert [int(nyu_label_map(n)[0]) for n in (894, 40, 13)] == [0, 0, 0]
    assert np.array_equal(nyu_label_map(894), np.arange(895))
    assert nyu_class_names(40)[4] == "chair"
    assert nyu_label_map(40)[5] == 5  # label 5 of 894 is chair, and so is class 5 of 40
