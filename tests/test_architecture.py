"""The rules of docs/architecture.md: which package imports which, and that nothing is unused."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import leadline
from leadline.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "leadline"

LAYERS = (
    ("cli",),
    ("serving",),
    ("hub",),
    ("web",),
    ("training",),
    ("export",),
    ("evaluation",),
    ("inference",),
    ("data_checks",),
    ("models", "datasets", "metrics"),
    ("worlds",),
    ("io", "viz"),
    ("depth", "protocols", "recipes", "weights"),
    ("errors", "installed", "progress"),
)
"""From the top down: a package imports only from packages below it."""

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""(importing module, imported module): the reason why this one may go upwards."""


MAX_STATEMENTS = 15
MAX_LINES = 50

IDLE = {
    "cli.worlds.render_command": "a command of the group",
    "cli.worlds.show_command": "a command of the group",
    "datasets.densedepth.REMEDY": "imported under another name",
    "datasets.facts.nyu_class_names": "the names of the classes that labels count",
    "datasets.fingerprints.KnownPhotographs.from_photographs": "scripts/ship_model.py takes them",
    "datasets.pairs.open_pairs": "public name of the package",
    "metrics.protocol.Comparison.answered": "the earlier name of has_prediction",
    "worlds.camera.Camera.with_focal": "one scene through another lens",
    "worlds.example_room.SENSOR": "facts of the demo's room, for its script",
    "worlds.example_room.NAMED_POINTS": "facts of the demo's room, for its script",
    "worlds.scene.Scene.instance_name": "what an instance is, for who looks at a scene",
}
"""Public names that nothing in the package uses, and why they are there."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name."""
    trees = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


def imports(name: str) -> set[str]:
    """The modules of the package that `name` imports, lazily and for types alone as well."""
    imported = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                imported.add(inner if inner in modules() else node.module)
    return {each for each in imported if each.split(".")[0] == "leadline"} - {name}


def package(module: str) -> str:
    """The package of a module: the first name below `leadline`."""
    return module.split(".")[1] if "." in module else ""


def layer_of(module: str) -> int:
    """The layer of a module, 0 being the top."""
    return next(number for number, packages in enumerate(LAYERS) if package(module) in packages)


def test_every_package_has_a_layer():
    packages = {package(name) for name in modules()} - {"", "__main__"}
    assert packages <= {each for layer in LAYERS for each in layer}


def test_packages_import_only_from_packages_below():
    upwards = [
        f"{name} imports {target}"
        for name in modules()
        if package(name) not in ("", "__main__")
        for target in sorted(imports(name))
        if package(target) not in ("", package(name))
        and layer_of(target) <= layer_of(name)
        and (name, target) not in EXCEPTIONS
    ]
    assert not upwards, "\n".join(upwards)


def test_every_exception_is_still_needed():
    assert all(target in imports(name) for name, target in EXCEPTIONS)


def test_no_module_imports_itself_by_way_of_others():
    graph = {name: imports(name) - {"leadline"} for name in modules()}

    def reaches(start: str) -> set[str]:
        seen: set[str] = set()
        stack = list(graph[start])
        while stack:
            name = stack.pop()
            if name not in seen:
                seen.add(name)
                stack += graph.get(name, ())
        return seen

    # A package's own __init__ that gathers names from its modules is no circle of theirs.
    circles = [name for name in graph if name in reaches(name)]
    assert not circles, "\n".join(circles)


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function and method with the name of its module."""
    return [
        (name, node)
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def body_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """The statements of a function behind its docstring."""
    has_docstring = ast.get_docstring(function) is not None
    return function.body[1 if has_docstring else 0 :]


def test_a_function_fits_on_a_screen():
    long = []
    for name, function in functions():
        body = body_of(function)
        lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
        if lines > MAX_LINES:
            long.append(f"{name}.{function.name}: {lines} lines")
    assert not long, "\n".join(long)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_is_options_one_call_and_printing(command):
    module, _, attribute = COMMANDS[command].location.partition(":")
    bodies = [
        body_of(node)
        for node in modules()[module].body
        if isinstance(node, ast.FunctionDef) and node.name == attribute
    ]
    for body in bodies:
        statements = [
            node for part in body for node in ast.walk(part) if isinstance(node, ast.stmt)
        ]
        assert len(statements) <= MAX_STATEMENTS, f"{command}: {len(statements)} statements"


def definitions() -> dict[str, str]:
    """Public functions, classes, methods and constants: {name: where it is defined}."""
    defined = {}
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined[node.name] = f"{module}.{node.name}"
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        defined[target.id] = f"{module}.{target.id}"
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                defined[node.target.id] = f"{module}.{node.target.id}"
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        defined[inner.name] = f"{module}.{node.name}.{inner.name}"
    return {name: where for name, where in defined.items() if not name.startswith("_")}


def uses() -> dict[str, int]:
    """How often a name is read in the package: as a name, an attribute, a keyword or a text."""
    count: dict[str, int] = defaultdict(int)
    for tree in modules().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                count[node.id] += 1
            elif isinstance(node, ast.Attribute):
                count[node.attr] += 1
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                for word in re.findall(r"\w+", node.value):
                    count[word] += " " not in node.value
    return count


def exported(module: str) -> set[str]:
    """The names in a package's `__all__`, which a text in the package therefore repeats."""
    for node in modules()[module].body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return {str(name) for name in ast.literal_eval(node.value)}
    return set()


def overrides_a_library() -> set[str]:
    """Methods that a framework calls: torch, pydantic, typer, torchmetrics, uvicorn, http."""
    http = {"do_GET", "do_HEAD", "log_message"}
    uvicorn = {"handle_exit", "on_tick", "connection_made"}
    return uvicorn | http | {
        "forward", "update", "compute", "get_command", "format_commands", "set_epoch",
    }  # fmt: skip


def test_no_public_name_is_for_tests_alone():
    used = uses()
    in_all: dict[str, int] = defaultdict(int)
    for module in modules():
        for name in exported(module):
            in_all[name] += 1
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    documented = " ".join(page.read_text(encoding="utf-8") for page in pages)
    words = set(re.findall(r"\w+", documented))
    idle = [
        where
        for name, where in definitions().items()
        if used[name] <= in_all[name] and name not in words | overrides_a_library()
    ]
    idle = [where for where in idle if where.removeprefix("leadline.") not in IDLE]
    assert not idle, "\n".join(idle)


def test_every_public_name_of_the_package_opens():
    assert all(hasattr(leadline, name) for name in leadline.__all__)
    assert set(leadline.__all__) <= set(dir(leadline))
