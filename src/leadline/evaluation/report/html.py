"""Self-contained HTML pages: templates, and pictures as data URIs; no external resources."""

from __future__ import annotations

import base64
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline import __version__
from leadline.evaluation.report.tables import number, p_value, signed, with_arrow
from leadline.io.atomic import write_text
from leadline.viz.color import color_table
from leadline.viz.panels import ERROR_LIMIT, error_table

if TYPE_CHECKING:
    from jinja2 import Environment

PICTURE_WIDTH = 400
JPEG_QUALITY = 85


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates; all values except `Markup` are escaped."""
    # Imported for pages only, since it takes a third of this package's import time.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("leadline.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        number=number,
        signed=signed,
        p_value=p_value,
        with_arrow=with_arrow,
        data_uri=data_uri,
        shown_size=shown_size,
    )
    templates.globals.update(
        depth_gradient=_gradient(color_table("turbo")[::-1]),
        error_gradient=_gradient(error_table()),
        error_percent=f"{100 * ERROR_LIMIT:.0f}",
    )
    return templates


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill `template` and write it as UTF-8."""
    text = environment().get_template(template).render(version=__version__, **values)
    write_text(path, text)


def data_uri(picture: NDArray[np.uint8]) -> str:
    """Return (H,W,3) uint8 as a JPEG data URI, at most `PICTURE_WIDTH` wide."""
    size = (shown_size(picture, 0), shown_size(picture, 1))
    image = Image.fromarray(picture)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BOX)
    buffer = BytesIO()
    # Full chroma resolution, since subsampling smears the edges of depth colours.
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def shown_size(picture: NDArray[np.uint8], axis: int) -> int:
    """Return the width (axis 0) or height (axis 1) of a picture on the page."""
    height, width = int(picture.shape[0]), int(picture.shape[1])
    shown = min(width, PICTURE_WIDTH)
    return shown if axis == 0 else max(1, round(height * shown / width))


def _gradient(table: NDArray[np.uint8]) -> str:
    stops = table[np.linspace(0, 255, 17).round().astype(int)]
    return f"linear-gradient(to right, {', '.join(f'#{r:02x}{g:02x}{b:02x}' for r, g, b in stops)})"
