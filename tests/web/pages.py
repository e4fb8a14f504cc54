"""What the tests of the page share."""

import importlib.util
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "web" / "src" / "leadline_web" / "page"
VENDOR = ROOT / "web" / "src" / "leadline_web" / "vendor"
PINS = ROOT / "web" / "vendor.json"


def load_fetcher():
    """The script web/fetch_vendor.py as a module."""
    spec = importlib.util.spec_from_file_location("fetch_vendor", ROOT / "web" / "fetch_vendor.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def why_no_browser_tests() -> str:
    """Why the page cannot be tried in a browser here; empty where it can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    if shutil.which("chromium") is None:
        return "chromium is not installed (apt-get install chromium)"
    if not any(VENDOR.glob("*.wasm")) and shutil.which("npm") is None:
        return "the page's libraries are not here, and no npm to fetch them with"
    return ""
