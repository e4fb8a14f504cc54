"""Pictures as a client would send them, and servers to send them to."""

from io import BytesIO

import numpy as np
from PIL import Image

from leadline.inference import Predictor
from leadline.serving.app import create_app
from leadline.serving.options import ServeOptions

EXIF_FOCAL_35MM = 0xA405


def picture(size: tuple[int, int] = (48, 64), kind: str = "PNG", seed: int = 0, **options) -> bytes:
    """A picture file of (height, width) pixels, smooth colours with grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    buffer = BytesIO()
    coarse.resize(size[::-1], Image.Resampling.BICUBIC).save(buffer, kind, **options)
    return buffer.getvalue()


def lens(millimetres: int, orientation: int = 1) -> bytes:
    """An EXIF block with a 35 mm-equivalent focal length, of a picture that lies as it says."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[EXIF_FOCAL_35MM] = millimetres
    return exif.tobytes()


def app_of(predictor: Predictor, **options):
    """An application and its service, every model of which is `predictor`."""
    app, service = create_app(ServeOptions(**{"workers": 2, **options}))
    service.models._load = lambda _source: predictor
    return app, service
