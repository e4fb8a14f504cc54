"""What the tests of the page share."""

import importlib.util
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "web" / "src" / "leadline_web" / "page"
VENDOR = ROOT / "web" / "src" / "leadline_web" / "vendor"
PINS = ROOT / "web" / "vendor.json"


def load_script(path):
    """A script of the repository as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_fetcher():
    """The script that brings the page's libraries."""
    return load_script(ROOT / "web" / "fetch_vendor.py")


def find_chromium() -> str | None:
    """The Chromium, or the Chrome, that is installed here."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def why_no_browser_tests() -> str:
    """Why the page cannot be tried in a browser here; empty where it can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    if find_chromium() is None:
        return "chromium is not installed (apt-get install chromium)"
    if not any(VENDOR.glob("*.wasm")) and shutil.which("npm") is None:
        return "the page's libraries are not here, and no npm to fetch them with"
    return ""
