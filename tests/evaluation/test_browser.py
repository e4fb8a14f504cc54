"""The pages in a real browser: no console message, light and dark, wide and narrow."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.datasets.open import open_data
from leadline.evaluation import compare
from leadline.evaluation.report.case_pictures import case_rows, choose_cases, read_samples
from leadline.evaluation.report.pages import write_comparison, write_report
from leadline.evaluation.result import Result
from tests.evaluation.results import write_result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
LIGHT, DARK = 1, 0  # Blink's preferredColorScheme

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


def photograph(page: Path, picture: Path, width: int, scheme: int) -> tuple[np.ndarray, list[str]]:
    """Open `page` from its file, save a screenshot, return it and what the console said."""
    result = subprocess.run(
        [
            str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--enable-logging=stderr", f"--blink-settings=preferredColorScheme={scheme}",
            f"--window-size={width},3000", f"--screenshot={picture}", page.resolve().as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert picture.is_file(), result.stderr
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    return pixels, [line for line in result.stderr.splitlines() if ":CONSOLE" in line]


@pytest.fixture(scope="module")
def pages(pairs, tmp_path_factory):
    root = tmp_path_factory.mktemp("pages")
    for name, factor in (("good", 1.1), ("poor", 1.3)):
        write_result(root / name, pairs, lambda number, f=factor: f + number / 50, model=name)
    results = [Result.load(root / name) for name in ("good", "poor")]
    data = open_data(pairs)
    write_report(root / "report.html", results[0], data)
    samples = read_samples(results, choose_cases(results, 3), data)
    rows = case_rows(results, samples, one_range=True)
    write_comparison(root / "compare.html", compare(results), rows, errors=True)
    return root


@pytest.mark.parametrize("page", ["report", "compare"])
@pytest.mark.parametrize("width", [500, 1200])
@pytest.mark.parametrize(("scheme", "name"), [(LIGHT, "light"), (DARK, "dark")])
def test_a_page_opens_without_a_console_message(pages, page, width, scheme, name):
    picture = pages / f"{page}-{width}-{name}.png"
    pixels, console = photograph(pages / f"{page}.html", picture, width, scheme)
    assert console == []
    paper = pixels[2, 2].mean()
    assert paper > 240 if name == "light" else paper < 40
    assert np.any(np.ptp(pixels.astype(int), axis=-1) > 150)  # depth colours arrived


def test_a_console_message_would_have_been_noticed(pages):
    broken = pages / "broken.html"
    text = (pages / "report.html").read_text(encoding="utf-8")
    broken.write_text(text.replace("<main>", "<main><img src='https://example.org/x.png'>"))
    _, console = photograph(broken, pages / "broken.png", 800, LIGHT)
    assert any("Content Security Policy" in line for line in console)
