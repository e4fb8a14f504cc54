"""No distribution of the page without the libraries it brings."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from fetch_vendor import fetch_vendor


class VendorHook(BuildHookInterface):
    """Fetch what is missing, and compare everything with its SHA-256."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run before a wheel or a source distribution is put together; not for editable ones."""
        if version != "editable":
            fetch_vendor()
