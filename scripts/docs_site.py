"""For the site (mkdocs.yml): the pages that are not in docs/, made when it is built.

README and the other pages of the repository, the notebook, the models' cards, the help of every
command, the names of every package for the reference, and each file that a page links to, shown as
it is.
"""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import griffe
import typer
from mkdocs.structure.files import File, Files

from leadline.cli import app
from leadline.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGES = (
    "depth", "inference", "io", "viz", "datasets", "data_checks", "metrics", "evaluation", "models",
    "hub", "worlds",
)  # fmt: skip
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "examples/first_steps.ipynb": "first-steps.md",
    "src/leadline/weights/crisp-nyu/README.md": "cards/crisp-nyu.md",
    "src/leadline/weights/crisp-street/README.md": "cards/crisp-street.md",
    "src/leadline/weights/compact-nyu/README.md": "cards/compact-nyu.md",
}
"""Pages outside docs/, and where the site has them."""
LINK = re.compile(r"(\]\()([^)\s#]+)([^)\s]*\))")
HELP_WIDTH = 96


def place_of(path: Path) -> str | None:
    """Return where the site has a file or folder of the repository, None where it has not."""
    if not path.exists() or not path.is_relative_to(ROOT):
        return None
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    name = path.relative_to(ROOT).as_posix()
    return PAGES.get(name, f"source/{name}.md")


def linked(text: str, page: Path) -> list[Path]:
    """Return the files and folders of the repository that a page links to."""
    targets = [(page.parent / link[1]).resolve() for link in LINK.findall(text)]
    return [target for target in targets if place_of(target) is not None]


def with_links_of_the_site(text: str, page: Path, place: str) -> str:
    """Return a page's text with links that hold where the site has it."""

    def moved(link: re.Match[str]) -> str:
        target = place_of((page.parent / link[2]).resolve())
        if target is None:
            return link[0]
        return link[1] + os.path.relpath(target, Path(place).parent).replace(os.sep, "/") + link[3]

    return LINK.sub(moved, text)


def shown(path: Path) -> str:
    """Return a page that shows a file of the repository, or lists a folder of it."""
    title = f"# {path.relative_to(ROOT).as_posix()}\n\n"
    if path.is_dir():
        return title + "\n".join(f"- `{each.name}`" for each in sorted(path.iterdir()))
    language = {".py": "python", ".yaml": "yaml", ".json": "json"}.get(path.suffix, "text")
    return f"{title}````{language}\n{path.read_text(encoding='utf-8')}\n````\n"


def text_of(path: Path) -> str:
    """Return a page as Markdown, a notebook with what its cells show."""
    text = path.read_text(encoding="utf-8")
    return text if path.suffix != ".ipynb" else notebook_page(json.loads(text))


def notebook_page(notebook: dict[str, Any]) -> str:
    """Return a notebook as Markdown."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [shown_output(output) for output in cell.get("outputs", ())]
    return "\n\n".join(parts)


def shown_output(output: dict[str, Any]) -> str:
    """Return what a cell shows: HTML, a picture or text."""
    data = output.get("data", {})
    if "text/html" in data:
        return "".join(data["text/html"])
    for kind in ("image/jpeg", "image/png"):
        if kind in data:
            picture = "".join(data[kind]).replace("\n", "")
            return f'<img alt="What the cell shows" src="data:{kind};base64,{picture}">'
    text = "".join(output.get("text", data.get("text/plain", ""))).rstrip()
    return f"```text\n{text}\n```"


def commands_page() -> str:
    """Return the help of every command."""
    parts = ["# Commands", "The help of every command, as `leadline COMMAND --help` prints it."]
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="leadline")
    for name in COMMANDS:
        parts += helps(group.get_command(context, name), ("leadline", name))
    return "\n\n".join(parts)


def helps(command: Any, words: tuple[str, ...]) -> list[str]:
    """Return the heading and the help of a command, and those of the commands inside it."""
    context = typer.Context(command, info_name=" ".join(words), max_content_width=HELP_WIDTH)
    context.terminal_width = HELP_WIDTH
    parts = [f"{'#' * len(words)} {' '.join(words)}", f"```text\n{command.get_help(context)}\n```"]
    for name, each in getattr(command, "commands", {}).items():
        parts += helps(each, (*words, name))
    return parts


@cache
def package() -> Any:
    """Return Leadline as griffe reads it, without importing it."""
    return griffe.load("leadline", search_paths=[str(ROOT / "src")], resolve_aliases=True)


def reference_page(name: str) -> str:
    """Return the reference of a package's public names; "" is `leadline` itself."""
    module = package()[name] if name else package()
    names = [str(each) for each in module.exports if not str(each).startswith("_")]
    elsewhere = [each for each in names if name and each in package().members]
    names = [each for each in names if each not in elsewhere]
    parts = [f"# {module.path}", module.docstring.value if module.docstring and name else ""]
    call = f"from {module.path} import ..." if name else "import leadline"
    parts.append(f"```python\n{call}\n```")
    if elsewhere:
        links = [f"[{each}](leadline.md#{package()[each].canonical_path})" for each in elsewhere]
        parts.append(f"On the page of [leadline](leadline.md): {', '.join(sorted(links))}.")
    return "\n\n".join([*parts, *(f"::: {module[each].canonical_path}" for each in sorted(names))])


def generated() -> dict[str, str]:
    """Return {place on the site: text} of every page that is not in docs/."""
    texts = {place: text_of(ROOT / name) for name, place in PAGES.items()}
    pages = {page: page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")}
    pages |= {ROOT / name: texts[place] for name, place in PAGES.items()}
    for page, text in pages.items():
        for target in linked(text, page):
            place = place_of(target)
            if place is not None and place.startswith("source/"):
                texts[place] = shown(target)
    texts["commands.md"] = commands_page()
    for name in ("", *PACKAGES):
        texts[f"api/{name or 'leadline'}.md"] = reference_page(name)
    return texts


def on_files(files: Files, config: Any) -> Files:
    """Add what is not in docs/ (called by MkDocs)."""
    for place, text in generated().items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make a page's links those of the site (called by MkDocs)."""
    place = page.file.src_uri
    if place.startswith(("source/", "api/")) or place == "commands.md":
        return markdown
    origin = {site: ROOT / name for name, site in PAGES.items()}.get(place, DOCS / place)
    return with_links_of_the_site(markdown, origin, place)
