"""The documentation as a site: every page and public name is in it, and every link leads on."""

import os
import re
import subprocess
import sys

import pytest
from scripts.check_site import dead_links
from scripts.docs_examples import fence_examples
from scripts.docs_site import PAGES as MADE
from scripts.docs_site import notebook_page, with_links_of_the_site

import leadline
from leadline.cli.commands import COMMANDS
from leadline.weights import shipped_models
from tests.test_docs import ROOT


def test_every_page_has_a_place_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r": (\S+\.md)$", text[text.index("\nnav:") :], re.MULTILINE)
    assert len(named) == len(set(named))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} | set(MADE.values())
    assert pages <= set(named)
    assert {f"cards/{name}.md" for name in shipped_models()} <= set(named)
    assert {name for name in named if "/" not in name} <= pages | {"commands.md"}


def test_links_hold_where_the_site_has_a_page():
    text = "[a](docs/data.md#units) ![b](docs/images/room.png) [c](https://x.org) [e](CHANGELOG.md)"
    assert with_links_of_the_site(text, ROOT / "README.md", "index.md") == (
        "[a](data.md#units) ![b](images/room.png) [c](https://x.org) [e](changelog.md)"
    )
    card = "[a](../../../../docs/data.md) [b](../../../../benchmarks/rows.py)"
    place = "src/leadline/weights/crisp-nyu/README.md"
    assert with_links_of_the_site(card, ROOT / place, MADE[place]) == (
        "[a](../data.md) [b](../source/benchmarks/rows.py.md)"
    )


def test_a_notebook_becomes_a_page_with_what_its_cells_show():
    outputs = [
        {"output_type": "stream", "text": ["1 m\n"]},
        {"data": {"text/html": ["<div>map</div>"], "text/plain": "DepthMap"}},
        {"data": {"image/png": "aGk=\n", "text/plain": "Image"}},
        {"data": {"text/plain": "3"}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# One\n", "[a](../docs/data.md)"]},
        {"cell_type": "code", "source": "x = 1", "outputs": outputs},
    ]
    assert notebook_page({"cells": cells}).split("\n\n") == [
        "# One\n[a](../docs/data.md)",
        "```python\nx = 1\n```",
        "```text\n1 m\n```",
        "<div>map</div>",
        '<img alt="What the cell shows" src="data:image/png;base64,aGk=">',
        "```text\n3\n```",
    ]


def test_examples_of_docstrings_are_fenced_and_other_text_is_not():
    assert fence_examples("One.\n\n>>> 1\n1\n\nTwo > one.") == (
        "One.\n\n```pycon\n>>> 1\n1\n```\n\nTwo > one."
    )


def test_a_dead_link_a_missing_name_and_a_foreign_script_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="b.html#there">1</a><a href="b.html#gone">2</a>'
        '<a href="c.html">3</a><a href="#here">4</a><script src="https://x.org/y.js"></script>'
    )
    (tmp_path / "b.html").write_text('<h1 id="there">b</h1><a href="https://x.org">5</a>')
    dead, followed = dead_links(tmp_path)
    assert dead == ["a.html: b.html#gone", "a.html: c.html", "a.html: loads https://x.org/y.js"]
    assert followed == 4


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_has_no_dead_link(tmp_path):
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    dead, followed = dead_links(tmp_path / "site")
    assert not dead
    assert followed > 1000
    commands = (tmp_path / "site" / "commands.html").read_text(encoding="utf-8")
    assert all(f'id="leadline-{name}"' in commands for name in COMMANDS)
    reference = (tmp_path / "site" / "api" / "leadline.html").read_text(encoding="utf-8")
    names = [name for name in leadline.__all__ if not name.startswith("_")]
    assert all(re.search(rf'id="leadline\.[\w.]*\b{name}"', reference) for name in names)
