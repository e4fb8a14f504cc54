"""What is installed beside Leadline, found without importing it."""

from importlib import metadata
from importlib.util import find_spec

RUNTIME_MODULES = ("openvino", "onnxruntime", "torch")
"""The engines that run models, by the names of their modules."""


def installed_version(module: str) -> str | None:
    """Return the version of an installed module, "?" where it has none, None where it is missing.

    >>> installed_version("numpy") is None, installed_version("no_such_module")
    (False, None)
    """
    if find_spec(module) is None:
        return None
    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:  # a module of a package with another name
        return "?"


def require_module(module: str) -> None:
    """Raise what importing `module` would, where it is not installed, without importing it.

    >>> require_module("numpy")
    """
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def is_installed(module: str) -> bool:
    """Return whether a module can be found.

    >>> is_installed("numpy"), is_installed("no_such_module")
    (True, False)
    """
    try:
        return find_spec(module) is not None
    except ValueError:  # its entry in sys.modules is None
        return False
