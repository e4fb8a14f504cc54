"""The pages that people read: links lead somewhere, snippets are Python, versions agree."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import leadline
from leadline.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_are_python(page):
    for language, code in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            compile(code, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_rows_stand_in_tables(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head = table.splitlines()[:2]
        assert re.fullmatch(r"\|[-:| ]+\|", head[-1]), f"rows without a head: {head[0]}"


def test_every_page_is_reached_from_the_readme():
    linked = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    missing = [page.name for page in PAGES if page.parent.name == "docs"
               and not any(link.startswith(f"docs/{page.name}") for link in linked)]  # fmt: skip
    assert not missing


def test_commands_in_the_pages_exist():
    for page in PAGES:
        for language, code in FENCE.findall(page.read_text(encoding="utf-8")):
            if language in ("", "bash"):
                for word in re.findall(r"(?:^|; |\| )leadline ([a-z][a-z-]+)", code, re.MULTILINE):
                    assert word in COMMANDS, f"{page.name}: leadline {word}"


def test_versions_systems_and_licences_agree():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == leadline.__version__
    assert citation["license"] == project["license"]
    assert f"## {leadline.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    matrix = ci["jobs"]["light"]["strategy"]["matrix"]
    versions = [line.rpartition(" ")[2] for line in project["classifiers"] if ":: 3." in line]
    assert matrix["python"] == versions
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}


def test_the_dockerfile_copies_what_the_package_is_made_of_and_starts_the_server():
    import shlex
    import tomllib

    text = (ROOT / "examples" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line[:1] not in ("", "#")]
    steps = [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]
    by_name = dict(steps)
    copied = {
        each for name, words in steps if name == "COPY" and "--from" not in words
        for each in shlex.split(words)[:-1]
    }  # fmt: skip
    assert all((ROOT / each).exists() for each in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"}
    assert needed | {each.partition("/")[0] for each in wheel} <= copied
    assert "serve" in project["project"]["optional-dependencies"]
    assert any("'.[serve]'" in words for name, words in steps if name == "RUN")
    assert all(re.search(r":\d[\w.-]+", words) for name, words in steps if name == "FROM")
    assert by_name["USER"] not in ("", "root", "0")
    assert '"/healthz", summary' in (ROOT / "src/leadline/serving/app.py").read_text()
    assert "/healthz" in by_name["HEALTHCHECK"]
    assert by_name["ENTRYPOINT"] == '["leadline", "serve", "--host", "0.0.0.0"]'


def test_the_dockerfile_passes_its_linter(tmp_path):
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("hadolint is installed by leadline[dev] on Linux on x86-64")
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN cd /tmp\n")
    for path, status in ((ROOT / "examples/docker/Dockerfile", 0), (bad, 1)):
        done = subprocess.run([linter, path], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout


def test_no_module_that_only_linux_has_is_imported_without_a_way_round():
    only_unix = re.compile(r"^import (fcntl|resource|pwd|grp|termios)\b", re.MULTILINE)
    found = [
        path.name
        for path in (ROOT / "src").rglob("*.py")
        if only_unix.search(path.read_text(encoding="utf-8"))
    ]
    assert not found
    calls = [
        path.name
        for path in (ROOT / "src").rglob("*.py")
        if "sched_getaffinity" in path.read_text(encoding="utf-8")
    ]
    assert calls == ["processors.py"]  # which has a way round
    assert sys.platform == "win32" or "fcntl" in (ROOT / "src/leadline/io/locks.py").read_text()
