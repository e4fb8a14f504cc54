"""Pack the `model/` folders of runs as release assets: one archive each, its card, its SHA-256.

    python benchmarks/pack_models.py RUNS/vgg19-fcn-a1 RUNS/densedepth-half -o assets [--max-mb 100]
    python benchmarks/pack_models.py --check assets

An archive NAME.zip holds the folder NAME with model.safetensors, config.json and README.md, the
card; unpacked, it is what `leadline predict --model NAME` takes. The same run gives the same bytes.
SHA256SUMS is what `sha256sum -c` reads; assets.json says of every archive what is in it.
"""

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.io.files import read_json
from leadline.training.run_folder import MODEL

WANTED = ("README.md", "config.json", "model.safetensors")
SUMS, CONTENTS = "SHA256SUMS", "assets.json"
MOMENT = (1980, 1, 1, 0, 0, 0)
"""The date of every packed file: archives of the same model are the same bytes."""


def model_folder(path: Path) -> Path:
    """Return the model folder of a run, or the folder itself where it is one.

    Errors: LeadlineError where a file is missing.
    """
    folder = path / MODEL if (path / MODEL).is_dir() else path
    missing = [name for name in WANTED if not (folder / name).is_file()]
    if missing:
        raise LeadlineError(f"{path}: no model to pack, {', '.join(missing)} not in {folder}")
    return folder


def pack(path: Path, out: Path, max_bytes: int) -> dict[str, Any]:
    """Write the archive of one model into `out` and return its entry of assets.json.

    Errors: LeadlineError where the model is larger than `max_bytes` or not whole.
    """
    folder, name = model_folder(path), path.resolve().name
    size = sum((folder / file).stat().st_size for file in WANTED)
    if size > max_bytes:
        raise LeadlineError(
            f"{path}: {size / 1e6:.0f} MB is more than --max-mb {max_bytes / 1e6:.0f}"
        )
    check_weights(folder / "model.safetensors")
    archive = out / f"{name}.zip"
    with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w") as file:
        for wanted in WANTED:
            info = zipfile.ZipInfo(f"{name}/{wanted}", MOMENT)
            info.external_attr = 0o644 << 16
            # Weights do not get smaller; a card does.
            stored = wanted.endswith(".safetensors")
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            file.writestr(info, (folder / wanted).read_bytes())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {
        "file": archive.name,
        "sha256": sha256(archive),
        "bytes": archive.stat().st_size,
        "architecture": config["architecture"],
        "encoder": config["options"].get("encoder"),
        "weights_sha256": sha256(folder / "model.safetensors"),
    }


def check_weights(path: Path) -> None:
    """Raise LeadlineError where weights cannot be read or do not fit the sum that they carry."""
    from leadline.io.checksums import verify_weights
    from leadline.models.encoders import read_state_dict

    verify_weights(path)
    read_state_dict(path)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_lists(entries: Sequence[dict[str, Any]], out: Path) -> None:
    """Write SHA256SUMS and assets.json; archives that lie in `out` from before stay in them."""
    before = []
    if (out / CONTENTS).is_file():
        before = read_json(out / CONTENTS, "list of archives")
    new = {entry["file"] for entry in entries}
    kept = [
        entry for entry in before if entry["file"] not in new and (out / entry["file"]).is_file()
    ]
    everything = sorted([*kept, *entries], key=lambda entry: entry["file"])
    with atomic_path(out / CONTENTS) as temporary:
        temporary.write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")
    with atomic_path(out / SUMS) as temporary:
        lines = [f"{entry['sha256']}  {entry['file']}\n" for entry in everything]
        temporary.write_text("".join(lines), encoding="utf-8")


def check(folder: Path) -> int:
    """Compare every archive in `folder` with SHA256SUMS; return how many do not fit.

    Errors: LeadlineError for a list that is damaged.
    """
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    wrong, named = 0, set()
    for number, line in enumerate(lines, 1):
        wanted, gap, name = line.partition("  ")
        if not gap:
            raise LeadlineError(
                f"{folder / SUMS}: line {number} is no sum and name; pack the models again"
            )
        named.add(name)
        path = folder / name
        fits = path.is_file() and sha256(path) == wanted
        wrong += not fits
        print(f"{name}: {'OK' if fits else 'missing' if not path.is_file() else 'DAMAGED'}")
    for path in sorted(folder.glob("*.zip")):
        if path.name not in named:
            wrong += 1
            print(f"{path.name}: not in {SUMS}")
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """Pack or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, help="run folders or model folders")
    parser.add_argument("-o", "--out", type=Path, default=Path("assets"))
    parser.add_argument("--max-mb", type=float, default=100.0, help="largest model that is packed")
    parser.add_argument(
        "--check", type=Path, metavar="FOLDER", help="compare with its sums instead"
    )
    options = parser.parse_args(arguments)
    try:
        if options.check is not None:
            return 1 if check(options.check) else 0
        if not options.runs:
            raise LeadlineError("name the runs to pack, or --check FOLDER")
        names = [run.resolve().name for run in options.runs]
        if len(set(names)) < len(names):
            raise LeadlineError(f"two runs have one name: {', '.join(sorted(names))}")
        options.out.mkdir(parents=True, exist_ok=True)
        entries = [pack(run, options.out, int(options.max_mb * 1e6)) for run in options.runs]
        write_lists(entries, options.out)
    except (LeadlineError, OSError) as error:
        print(f"pack_models: error: {error}", file=sys.stderr)
        return 2
    for entry in entries:
        print(f"{entry['file']}  {entry['bytes'] / 1e6:.1f} MB  {entry['sha256'][:12]}")
    print(f"next: gh release upload TAG {options.out}/*")
    return 0


if __name__ == "__main__":
    sys.exit(main())
