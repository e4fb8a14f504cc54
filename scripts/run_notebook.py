"""Run a notebook from the top, as who opens it would, and write it with what its cells show.

Run it as  python scripts/run_notebook.py examples/first_steps.ipynb  after a change of the
notebook, of the shipped model or of what a depth map shows. It runs in a copy of its folder.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FORMS = ("text/html", "image/jpeg", "image/png")
"""The better first."""


def run_notebook(path: Path) -> Any:
    """Return a notebook with all outputs made anew, in order; an error of a cell is raised."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(shutil.copytree(path.parent, Path(temporary) / path.parent.name))
        client = NotebookClient(
            notebook, timeout=300, resources={"metadata": {"path": str(copy)}}, record_timing=False
        )
        client.execute()
    for output in (each for cell in notebook.cells for each in cell.get("outputs", ())):
        keep_one_form(output.get("data", {}))
    return notebook


def keep_one_form(data: dict[str, Any]) -> None:
    """Leave out the pictures that a notebook holds of what it shows in a better form."""
    forms = [form for form in FORMS if form in data]
    for form in forms[1:]:
        del data[form]


def main() -> None:
    """Run the notebook named on the command line, and write it."""
    path = Path(sys.argv[1])
    notebook = run_notebook(path)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
