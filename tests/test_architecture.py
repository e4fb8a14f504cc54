"""The rules of the house, held by a test: who imports whom, and that nothing lies about unused."""

import ast
from functools import cache
from pathlib import Path

import leadline

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "leadline"

FLOORS = (
    ("cli",),
    ("training",),
    ("export",),
    ("evaluation",),
    ("inference",),
    ("data_checks",),
    ("models", "datasets", "metrics"),
    ("worlds",),
    ("io", "viz"),
    ("depth", "recipes", "weights"),
    ("errors",),
)
"""From the top down: a room imports only from rooms below it."""

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""(importing module, imported module): the reason why this one may go uphill."""


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


def room(module: str) -> str:
    """The room of a module: the first name below the package."""
    return module.split(".")[1] if "." in module else ""


def floor_of(module: str) -> int:
    """The floor of a module, 0 being the top."""
    return next(number for number, rooms in enumerate(FLOORS) if room(module) in rooms)


def test_every_room_has_a_floor():
    rooms = {room(name) for name in modules()} - {"", "__main__"}
    assert rooms <= {each for floor in FLOORS for each in floor}


def test_rooms_import_only_from_rooms_below():
    uphill = [
        f"{name} imports {target}"
        for name in modules()
        if room(name) not in ("", "__main__")
        for target in sorted(imports(name))
        if room(target) not in ("", room(name))
        and floor_of(target) <= floor_of(name)
        and (name, target) not in EXCEPTIONS
    ]
    assert not uphill, "\n".join(uphill)


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


def test_every_public_name_of_the_package_opens():
    assert all(hasattr(leadline, name) for name in leadline.__all__)
    assert set(leadline.__all__) <= set(dir(leadline))
