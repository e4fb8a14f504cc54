"""The browser page with a model, as files."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import leadline
from leadline.errors import LeadlineError, one_line, size_words
from leadline.export.export_model import export_model
from leadline.inference.find_model import find_model, model_name
from leadline.inference.runtime import CONFIG_KEY, decode_config
from leadline.inference.runtime_config import RuntimeConfig
from leadline.io.atomic import atomic_path, check_writable
from leadline.io.checksums import verify_weights
from leadline.io.onnx_files import embed_weights, malformed_named, read_metadata
from leadline.viz.color import COLORMAPS, color_table
from leadline.weights import DEFAULT_MODEL

CARD = "README.md"
_NOT_FOR = "Do not use it for:"

PageFiles = dict[str, Path | bytes]
"""Files, or their content, by their address relative to the page."""


def page_files(model: str | Path = DEFAULT_MODEL) -> PageFiles:
    """Return all files of the page with a model, by their address relative to the page.

    `model` is as for `leadline.load`, but no OpenVINO file: browsers run ONNX, to which a run or a
    model folder is exported. The file `config.json` tells the page what it serves; its key `server`
    is null.

    Errors: ModuleNotFoundError without `leadline[web]`; LeadlineError for a model that does not
    exist, takes only photographs of one size or cannot become ONNX, or if the page's libraries are
    missing.

    >>> sorted(page_files())[:3]
    ['app.js', 'camera.js', 'colors.js']
    """
    path = find_model(model)
    graph = onnx_bytes(path)
    with malformed_named(path):
        metadata = read_metadata(graph)
    about = decode_config(path, metadata.get(CONFIG_KEY))
    if (size := RuntimeConfig.from_file(path, about).picture_size) is not None:
        raise LeadlineError(
            f"{path}: takes photographs of {size_words(size)} alone, and "
            "a page is given any; choose a model that takes any size"
        )
    files = _fixed_files()
    fixed = sum(_size(files[name]) for name in files if name.endswith(".wasm"))
    card = path.parent / CARD if path.is_file() else path / CARD
    config = {
        "name": model_name(model, path),
        "version": leadline.__version__,
        "model": dict(about),
        "about": about_model(card),
        "bytes": fixed + len(graph),
        "colors": {name: color_table(name).tobytes().hex() for name in COLORMAPS},
        "server": None,
    }
    return {**files, "model.onnx": graph, "config.json": json.dumps(config).encode()}


def write_page(folder: str | Path, model: str | Path = DEFAULT_MODEL) -> int:
    """Write the page with a model into `folder`; return the total size of its files.

    Errors: those of `page_files`; LeadlineError if the folder cannot be written.
    """
    folder = Path(folder)
    check_writable(folder)
    return write_files(folder, page_files(model))


def write_files(folder: Path, files: PageFiles) -> int:
    """Write the files of `page_files` into `folder`; return their total size.

    Errors: LeadlineError if the folder cannot be written.
    """
    size = 0
    for name, content in files.items():
        data = content_of(content)
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(data)
        size += len(data)
    return size


def content_of(file: Path | bytes) -> bytes:
    """Return the bytes of one of `page_files`. Errors: LeadlineError if it cannot be read."""
    if isinstance(file, bytes):
        return file
    # Not io.files.read_bytes, which reports a web page as a failed download.
    try:
        return file.read_bytes()
    except OSError as error:
        raise LeadlineError(
            f"{file}: cannot be read ({one_line(error)}); install leadline-web again"
        ) from error


def onnx_bytes(path: Path) -> bytes:
    """Return a model as one ONNX file.

    `path` is an ONNX file, maybe with external weights, or a model folder, which is
    exported with float16 weights; that needs `leadline[train]`.
    Errors: LeadlineError for an OpenVINO file, or a model that cannot be exported.
    """
    if path.suffix == ".xml":
        raise LeadlineError(
            f"{path}: browsers run ONNX, not OpenVINO's format; export the model as .onnx, or give "
            "its run folder"
        )
    if path.suffix == ".onnx":
        verify_weights(path)
        return embed_weights(path)
    with TemporaryDirectory() as folder:
        target = Path(folder) / "model.onnx"
        export_model(path, target, weights="fp16")
        return target.read_bytes()


def about_model(card: Path) -> list[str]:
    """Return what a model's card says about its use, in paragraphs, and general limits."""
    paragraphs = _paragraphs(card)
    lead = [text for text in paragraphs if "RGB photograph" in text]
    limits = [
        f"{_NOT_FOR} {listed.removeprefix('- ').replace(' - ', ' ')}"
        for text, listed in pairwise(paragraphs)
        if text == _NOT_FOR
    ]
    return [
        "Metres are estimates of a network from one photograph, along the direction of view. They "
        "are good for a look, an effect or a first guess, not for safety, building or evidence.",
        *lead[:1],
        *limits,
        "They follow the lens: where the file does not name it, set the field of view.",
    ]


def _paragraphs(card: Path) -> list[str]:
    if not card.is_file():
        return []
    text = card.read_text(encoding="utf-8").replace("`", "").replace("**", "")
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _fixed_files() -> PageFiles:
    """Return the files of the page and its libraries, without a model."""
    import leadline_web

    page, vendor = leadline_web.page_folder(), leadline_web.vendor_folder()
    libraries = {f"vendor/{path.name}": path for path in sorted(vendor.glob("*")) if path.is_file()}
    if not any(name.endswith(".wasm") for name in libraries):
        raise LeadlineError(
            f"{vendor}: the page's libraries are not here; in a checkout run  make web,  else "
            "pip install --force-reinstall leadline-web"
        )
    return {path.name: path for path in sorted(page.iterdir()) if path.is_file()} | libraries


def _size(file: Path | bytes) -> int:
    return len(file) if isinstance(file, bytes) else file.stat().st_size
