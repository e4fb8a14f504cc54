"""HTML pages: one file, nothing from elsewhere, whatever names the data has."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from leadline.datasets.open import open_data
from leadline.evaluation import compare
from leadline.evaluation.report import plots
from leadline.evaluation.report.case_pictures import case_rows, choose_cases, read_samples
from leadline.evaluation.report.pages import write_comparison, write_report
from leadline.evaluation.result import Result
from tests.evaluation.results import edit_result, write_named_pairs, write_result

HOSTILE = [
    "000<script>alert(1)<script>.png",
    '001" onerror="alert(1)".png',
    "002'><img src=x onerror=alert(1)>.png",
    "003{{ 7*7 }}{% raw %}&amp;.png",
]
ATTRIBUTES_THAT_LOAD = {"src", "href", "srcset", "action", "data", "poster", "background"}
VOID = {"meta", "img", "line", "circle"}


class Page(HTMLParser):
    """Every element with its attributes; checks that elements close in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def check_page(text):
    """Parse a page and check what every page promises."""
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ATTRIBUTES_THAT_LOAD & set(attributes):
            assert attributes[name].startswith("data:image/jpeg;base64,")
        assert "url(" not in (attributes.get("style") or "")
    policy = next(meta for meta in page.all("meta") if "http-equiv" in meta)
    assert policy["content"].startswith("default-src 'none'")
    assert page.elements[0] == ("html", {"lang": "en"})
    assert len(page.all("title")) >= 1 and len(page.all("h1")) == 1
    assert all(image.get("alt") for image in page.all("img"))
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in page.all("svg"))
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(headings))
    return page


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Results on images whose names try to be markup, by a model whose name does."""
    root = tmp_path_factory.mktemp("hostile")
    data = write_named_pairs(root / "data", HOSTILE)
    for name, factor in (("a", 1.1), ("b", 1.3)):
        model = f"</title><script>alert('{name}')</script>"
        write_result(root / name, data, lambda number, f=factor: f + number / 20, model=model)
    return [Result.load(root / name) for name in ("a", "b")], open_data(data)


def test_a_report_is_inert_and_loads_nothing(hostile, tmp_path):
    (first, _), data = hostile
    write_report(tmp_path / "report.html", first, data)
    page = check_page((tmp_path / "report.html").read_text(encoding="utf-8"))
    text = "".join(page.text)
    for name in (*HOSTILE, first.model):
        assert name in text  # shown as it is, every sign of it
    assert first.protocol_label in text and first.protocol.source in text
    assert len(page.all("img")) % 4 == 0 and page.all("img")
    assert len(page.all("svg")) == 2  # spread over images, error by distance


def test_a_comparison_is_inert_and_loads_nothing(hostile, tmp_path):
    results, data = hostile
    samples = read_samples(results, choose_cases(results, 4), data)
    rows = case_rows(results, samples, one_range=True)
    comparison = compare(results, mixed=True)
    write_comparison(tmp_path / "compare.html", comparison, rows, errors=True)
    page = check_page((tmp_path / "compare.html").read_text(encoding="utf-8"))
    text = "".join(page.text)
    for name in (*HOSTILE, *comparison.labels):
        assert name in text
    assert len(page.all("img")) == 4 * (2 + 2 * 2)
    assert len(page.all("svg")) == 1


def test_a_report_shows_what_was_measured_and_only_that(pairs, tmp_path):
    write_result(tmp_path / "plain", pairs, lambda number: 1.1, ranges=False)
    edit_result(
        tmp_path / "plain",
        semantic={"pixel_accuracy": 0.625, "mean_iou": 0.25},
        baselines={"mean map": {"abs_rel": 0.777}},
        missing_share=0.0125,
    )
    write_report(tmp_path / "r.html", Result.load(tmp_path / "plain"), open_data(pairs))
    page = check_page((tmp_path / "r.html").read_text(encoding="utf-8"))
    text = " ".join(" ".join(page.text).split())
    assert "By true distance" not in text and "boundary F1" not in text
    assert len(page.all("svg")) == 1
    assert "mean IoU of classes 0.250" in text
    assert "mean map - - - 0.777" in text
    assert "1.25 % of the scored pixels have no prediction" in text


def test_an_image_without_a_scored_pixel_is_said_to_be_one(pairs, tmp_path):
    write_result(tmp_path / "r", pairs, lambda number: 1.1)
    file = tmp_path / "r" / "per_image.csv"
    lines = file.read_text().splitlines()
    lines[2] = lines[2].split(",")[0] + ",0,0" + "," * (len(lines[0].split(",")) - 3)
    file.write_text("\n".join(lines) + "\n")
    result = Result.load(tmp_path / "r")
    assert np.isnan(result.table.value("rgb/001.png", "abs_rel"))
    (tmp_path / "r" / "cases" / "1.npz").unlink()
    write_report(tmp_path / "r.html", result, open_data(pairs))
    check_page((tmp_path / "r.html").read_text(encoding="utf-8"))


def test_a_histogram_counts_as_numpy_does():
    values = np.random.default_rng(5).gamma(2.0, 0.1, 200)
    svg = str(plots.histogram(values, "abs_rel"))
    bins = re.findall(r"<title>([\d.e-]+) to ([\d.e-]+): (\d+) images</title>", svg)
    edges = [float(low) for low, _, _ in bins] + [float(bins[-1][1])]
    assert [int(count) for _, _, count in bins] == np.histogram(values, edges)[0].tolist()
    assert sum(int(count) for _, _, count in bins) == 200
    assert f"mean {values.mean():.3f}" in svg and f"median {np.median(values):.3f}" in svg


@pytest.mark.parametrize("values", [[0.0], [0.2, 0.2], [1e-9, 2e-9], [0.1, 900.0], [5e4] * 3])
def test_a_histogram_of_odd_values_counts_them_all(values):
    svg = str(plots.histogram(np.array(values), "abs_rel"))
    counts = [int(count) for count in re.findall(r": (\d+) images</title>", svg)]
    assert sum(counts) == len(values)
    assert "nan" not in svg and len(counts) <= 60


def test_the_legend_of_curves_covers_none_of_them():
    names = ("oracle", "uncertainty", "depth", "constant")
    same = dict.fromkeys(names, (0.1, 0.2, 0.3))
    svg = str(plots.curves([0, 0.5, 1], same, "share", "abs_rel"))
    lines = [
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall(r'polyline [^>]*points="([^"]*)"', svg)
    ]
    drawn, legend = lines[::2], lines[1::2]
    lowest = max(up for line in legend for _, up in line)
    assert lowest < min(up for line in drawn for _, up in line) - 5
    starts = [line[0][0] for line in legend]
    letters = [36 + 7 * len(name) for name in names]
    ends = [start + width for start, width in zip(starts, letters, strict=True)]
    following = [*starts[1:], plots.LANDSCAPE[0]]
    assert all(end < start for end, start in zip(ends, following, strict=True))


def test_bars_are_as_high_as_their_values():
    svg = str(plots.bars([0, 1, 2, 5], [0.1, None, 0.4], "abs_rel", "distance, m"))
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"><title>', svg)]
    assert heights == [pytest.approx(heights[1] / 4, abs=0.2), heights[1]]
    assert "2 to 5: 0.400" in svg and "1 to 2" not in svg
