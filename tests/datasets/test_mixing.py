"""Several data sets as one: what is drawn how often, in which order, with which labels."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from leadline.datasets.mixing import MixedDataset, Part, draw_epoch
from leadline.datasets.open import open_data
from leadline.errors import LeadlineError
from tests.conftest import write_pairs


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Data sets of 3 and 8 pairs."""
    folder = tmp_path_factory.mktemp("mixing")
    return [open_data(write_pairs(folder / str(n), n, (24, 32), seed=n)) for n in (3, 8)]


def mixed(two, first=None, second=None):
    return MixedDataset.from_parts([Part("a", two[0], first), Part("b", two[1], second)])


def test_samples_are_those_of_the_parts_under_names_of_their_own(two):
    data = mixed(two)
    assert len(data) == 11
    assert len({data.sample_id(index) for index in range(11)}) == 11
    assert [data.part_number(index) for index in (2, 3)] == [0, 1]
    for index, (part, inner) in ((1, (0, 1)), (7, (1, 4))):
        np.testing.assert_array_equal(data[index].image, two[part][inner].image)
        np.testing.assert_array_equal(data[index].depth, two[part][inner].depth)
        assert data[index].id == f"{'ab'[part]}/{two[part].sample_id(inner)}"
        assert data.files(index) == two[part].files(inner)


def test_each_part_keeps_its_own_range(two):
    near = MixedDataset.from_parts([Part("a", two[0].within(0, 2.0)), Part("b", two[1])])
    assert near[0].depth.max() <= 2.0 < near[3].depth.max()
    assert near.within(0, 1.5)[3].depth.max() <= 1.5


def test_by_default_an_epoch_visits_every_sample_once(two):
    shares = mixed(two).shares()
    for epoch in range(3):
        rows = draw_epoch(shares, 5, epoch)
        assert sorted(rows[:, 1].tolist()) == list(range(11))
        assert set(rows[:, 0]) == {epoch}


def test_weights_say_how_much_each_part_gives(two):
    shares = mixed(two, 2.0, 1.0).shares()
    assert [share.drawn for share in shares] == [7, 4]
    drawn = [draw_epoch(shares, 5, epoch) for epoch in range(6)]
    seen = Counter(int(index) for rows in drawn for index in rows[:, 1])
    # 42 draws of 3 samples, and 24 of 8: a whole number of passes, so all equally often.
    assert [seen[index] for index in range(3)] == [14] * 3
    assert [seen[index] for index in range(3, 11)] == [3] * 8
    every = [tuple(row) for rows in drawn for row in rows.tolist()]
    assert len(set(every)) == len(every)  # each with an augmentation of its own


def test_the_order_depends_on_seed_and_epoch_alone(two):
    shares = mixed(two, 2.0, 1.0).shares()
    np.testing.assert_array_equal(draw_epoch(shares, 5, 4), draw_epoch(shares, 5, 4))
    assert not np.array_equal(draw_epoch(shares, 5, 4), draw_epoch(shares, 6, 4))
    assert not np.array_equal(draw_epoch(shares, 5, 4)[:, 1], draw_epoch(shares, 5, 5)[:, 1])
    first = draw_epoch(shares, 5, 0)[:, 1] < 3
    assert first[:7].sum() < 7  # the parts are shuffled into each other


def test_a_part_too_light_to_be_drawn_is_an_error(two):
    with pytest.raises(LeadlineError, match=r"a has a weight of 0\.001"):
        mixed(two, 0.001, 1.0).shares()


def test_labels_of_another_set_count_as_absent(two):
    unlabelled = MixedDataset.from_parts([Part("a", two[0], is_labelled=False), Part("b", two[1])])
    labels = unlabelled[0].labels
    assert labels is not None
    assert (labels == -1).all()
    assert unlabelled[5].labels is None
    assert unlabelled.without_labels()[0].labels is None


def test_a_subset_keeps_its_parts(two):
    few = mixed(two).subset([0, 4, 9])
    assert [share.indices.tolist() for share in few.shares()] == [[0], [1, 2]]
    assert few.scenes() == [replace(few, items=few.items[k : k + 1]).scenes()[0] for k in range(3)]
