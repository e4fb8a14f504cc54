"""The page of `leadline web`: its files, and the libraries that it brings, as they are served.

No code runs from here; `leadline.web` adds the model.
"""

from pathlib import Path

__version__ = "0.1.0"

_HERE = Path(__file__).parent


def page_folder() -> Path:
    """Return the folder of the page itself: index.html and what belongs to it."""
    return _HERE / "page"


def vendor_folder() -> Path:
    """Return the folder of the libraries, which the page expects as `vendor/` beside it."""
    return _HERE / "vendor"
