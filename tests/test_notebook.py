"""The example notebook: it runs from the top, and shows what it says it shows."""

import re
import shutil

import nbformat
import pytest
from scripts.run_notebook import run_notebook

from tests.test_docs import LINK, ROOT

PATH = ROOT / "examples" / "first_steps.ipynb"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def shown(notebook):
    """What every cell printed, and the kinds of what it showed."""
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
    texts = [each["text"] for each in outputs if "text" in each]
    return texts, [sorted(each.get("data", ())) for each in outputs]


def check_printed(found, expected):
    """The same words, and numbers that differ by the rounding of another machine at most."""
    assert [NUMBER.sub("#", text) for text in found] == [NUMBER.sub("#", text) for text in expected]
    numbers = [
        [float(each) for each in NUMBER.findall("".join(texts))] for texts in (found, expected)
    ]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.01, abs=0.02)


def test_its_cells_print_what_it_holds(tmp_path, monkeypatch, capsys):
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for name in ("room.jpg", "room.json", "room_depth.png"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in cells:
        exec(compile(cell.source, PATH.name, "exec"), names)
    check_printed([capsys.readouterr().out], ["".join(shown(notebook)[0])])
    assert "torch" not in "".join(cell.source for cell in cells)
    for link in LINK.findall("".join(cell.source for cell in notebook.cells)):
        assert (PATH.parent / link).is_file()


@pytest.mark.slow
def test_it_runs_from_cleared_outputs():
    stored = nbformat.read(PATH, as_version=4)
    notebook = run_notebook(PATH)
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in stored.cells]
    check_printed(shown(notebook)[0], shown(stored)[0])
    assert shown(notebook)[1] == shown(stored)[1]
    assert ["text/html", "text/plain"] in shown(stored)[1]  # the depth map in colours
