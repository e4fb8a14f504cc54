"""Bring the libraries that the page uses into its folder, as vendor.json pins them.

The npm client fetches each package; every file is compared with its SHA-256. Nothing is fetched
where all files are there already. Run it as  python web/fetch_vendor.py  (or  make web).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PINS = HERE / "vendor.json"
TARGET = HERE / "src" / "leadline_web" / "vendor"


def fetch_vendor(target: Path = TARGET) -> list[Path]:
    """Make every file of vendor.json lie in `target`, and return them.

    Errors: SystemExit without npm, where it fails, or for a file that is not the pinned one.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = []
    for package in json.loads(PINS.read_text(encoding="utf-8"))["packages"]:
        pinned = {target / Path(name).name: entry for name, entry in package["files"].items()}
        files += pinned
        if not all(_is_pinned(path, entry) for path, entry in pinned.items()):
            _unpack(f"{package['name']}@{package['version']}", package["files"], target)
    return files


def _is_pinned(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _unpack(package: str, files: dict[str, str], target: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        tarfile.open(_npm_pack(package, Path(folder))) as archive,
    ):
        for name, sha256 in files.items():
            member = archive.extractfile(f"package/{name}")
            content = b"" if member is None else member.read()
            found = hashlib.sha256(content).hexdigest()
            if found != sha256:
                sys.exit(f"{package}: {name} has SHA-256 {found}, not {sha256} of {PINS.name}")
            (target / Path(name).name).write_bytes(content)


def _npm_pack(package: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        sys.exit(f"{package}: npm is not installed; install Node.js, then run this again")
    command = [npm, "pack", "--silent", "--pack-destination", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or not archives:
        sys.exit(f"{package}: npm could not fetch it ({done.stderr.strip()[-300:]})")
    return archives[0]


if __name__ == "__main__":
    for file in fetch_vendor():
        print(f"{file.relative_to(HERE)}: {file.stat().st_size:,} bytes")
