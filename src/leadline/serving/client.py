"""A client for `leadline serve`, which needs the light install only."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings
from email.message import Message
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.depth.depth_map import DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, LeadlineWarning, one_line, printable
from leadline.inference.camera import CameraSource, CameraUse, PhotoCamera
from leadline.inference.predictor import Prediction
from leadline.io.files import DECODE_ERRORS, read_bytes
from leadline.io.metadata import Metadata
from leadline.io.photos import explain_decode_errors, photo_of_image, png_bytes
from leadline.serving.headers import unescape_header

PictureLike = Path | str | bytes | NDArray[np.uint8] | Image.Image
"""A path, the bytes of a picture file, (H,W,3) uint8 RGB or a Pillow image."""

_METADATA_HEADER = "Leadline-Metadata"
_WARNING_HEADER = "Leadline-Warning"
_WARNING_SEPARATOR = " | "
_LONGEST_WAIT = 60.0
_BUSY = 503
_TAG_ORIENTATION = 0x0112


class Client:
    """Predicts depth on a server when called with a photograph, like a `Predictor`.

    `model` is one of the server's; by default its first. `timeout` is that of one attempt, in
    seconds. If the server is busy, a call waits as long as the server requests and tries again,
    `retries` times. The file of a path is sent unchanged, including its EXIF block. A client can be
    used from any number of threads.

    >>> depth_map = Client("http://127.0.0.1:8000")("photo.jpg", fov=60)
    >>> depth_map.at(x=320, y=240)
    2.41
    """

    def __init__(self, url: str, model: str | None = None, timeout: float = 60.0, retries: int = 5):
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise LeadlineError(f"{url}: give the address of a server, as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self.model = model
        self.timeout = timeout
        self.retries = retries

    def __call__(
        self,
        image: PictureLike,
        intrinsics: Intrinsics | None = None,
        *,
        fov: float | None = None,
        camera: str | None = None,
    ) -> DepthMap:
        """Return the depth of one photograph in metres, at its own size, with its camera.

        It includes the uncertainty, if the model predicts one. See `predict`.
        """
        return self._predict(image, intrinsics, fov, camera).depth

    def predict(
        self,
        image: PictureLike,
        intrinsics: Intrinsics | None = None,
        *,
        fov: float | None = None,
        camera: str | None = None,
    ) -> Prediction:
        """Return the server's prediction as by `Predictor.predict`: depth, camera, labels, novelty.

        `intrinsics`, `fov` (degrees across) and `camera` (auto, ignore) are as in
        `leadline.predict`.
        Warns (LeadlineWarning) of the server's warnings: a picture unlike the training data, a lens
        in the file that is implausible.
        Errors: LeadlineError for a picture that cannot be read here, with the server's message if
        it refuses the request, and if the server does not answer.
        """
        return self._predict(image, intrinsics, fov, camera)

    def _predict(
        self,
        image: PictureLike,
        intrinsics: Intrinsics | None,
        fov: float | None,
        camera: str | None,
    ) -> Prediction:
        given = {
            "model": self.model,
            "intrinsics": None if intrinsics is None else json.dumps(intrinsics.to_dict()),
            "fov": None if fov is None else repr(float(fov)),
            "camera": camera,
        }
        query = urllib.parse.urlencode({k: v for k, v in given.items() if v is not None})
        body, headers = self._post(f"{self.url}/v1/depth?{query}", _picture_bytes(image))
        prediction = _prediction(self.url, body, headers)
        heard = printable(unescape_header(headers.get(_WARNING_HEADER, "")))
        for warning in filter(None, heard.split(_WARNING_SEPARATOR)):
            warnings.warn(f"{self.url}: {warning}", LeadlineWarning, stacklevel=3)
        return prediction

    def models(self) -> list[dict[str, Any]]:
        """Return the server's description of its models."""
        body, _ = self._send(urllib.request.Request(f"{self.url}/v1/models"))
        try:
            return list(json.loads(body)["models"])
        except (ValueError, LookupError, TypeError) as error:
            raise _no_answer(self.url) from error

    def _post(self, url: str, picture: bytes) -> tuple[bytes, Message]:
        headers = {
            "Accept": "application/x-npz",
            "Content-Type": "application/octet-stream",
        }
        return self._send(urllib.request.Request(url, picture, headers, method="POST"))

    def _send(self, request: urllib.request.Request) -> tuple[bytes, Message]:
        """Return the body and the headers of an answer, retrying if necessary."""
        for attempt in range(self.retries + 1):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    return response.read(), response.headers
            except urllib.error.HTTPError as error:
                detail = _detail(error)
                wait = _seconds_to_wait(error.headers) if error.code == _BUSY else None
                if wait is None or attempt == self.retries:
                    raise LeadlineError(f"{self.url}: {detail}") from None
            except (OSError, HTTPException) as error:
                reason = getattr(error, "reason", error)
                words = one_line(reason) if isinstance(reason, BaseException) else str(reason)
                raise LeadlineError(
                    f"{self.url}: does not answer ({words}); is 'leadline serve' running there, "
                    "and does it take pictures that large?"
                ) from None
            time.sleep(wait)
        raise AssertionError("unreachable")


def _seconds_to_wait(headers: Message) -> float | None:
    try:
        return min(max(0.0, float(headers["Retry-After"])), _LONGEST_WAIT)
    except (TypeError, ValueError):
        return None


def _detail(error: urllib.error.HTTPError) -> str:
    """Return a server's explanation for refusing a request."""
    try:
        return str(json.loads(error.read())["detail"])
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return f"status {error.code} ({error.reason})"


def _picture_bytes(image: PictureLike) -> bytes:
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | Path):
        return read_bytes(Path(image), "photo")
    if isinstance(image, np.ndarray):
        return png_bytes(image)
    named, buffer = Path("picture"), BytesIO()
    with explain_decode_errors(named, "photo"):
        exif = _upright_exif(image)
        plain = Image.fromarray(photo_of_image(image, named).pixels)
    plain.save(buffer, format="PNG", exif=exif, compress_level=1)
    return buffer.getvalue()


def _upright_exif(image: Image.Image) -> bytes:
    """Return the EXIF block of a picture for its upright pixels, b"" if it is damaged."""
    exif = Image.Exif()
    try:
        exif.load(image.getexif().tobytes())
        exif.pop(_TAG_ORIENTATION, None)
        return exif.tobytes()
    except DECODE_ERRORS:
        return b""


def _prediction(url: str, body: bytes, headers: Message) -> Prediction:
    """Decode the prediction in an answer."""
    failures: tuple[type[Exception], ...] = (LeadlineError, *DECODE_ERRORS)
    try:
        with np.load(BytesIO(body), allow_pickle=False) as archive:
            fields = {name: np.asarray(archive[name]) for name in archive.files}
        texts = json.loads(headers[_METADATA_HEADER])
        about = Metadata.from_text(Path(url), {key: str(value) for key, value in texts.items()})
        said = about.provenance
        depth = DepthMap.from_metres(
            fields["depth"],
            intrinsics=about.intrinsics,
            provenance=said,
            uncertainty=fields.get("uncertainty"),
            interval_factors=json.loads(str(fields.get("interval_factors", "{}"))),
        )
        use, scale = cast(CameraUse, said["camera_use"]), float(said["camera_scale"])
        camera = PhotoCamera(about.intrinsics, cast(CameraSource, said["camera"]), use, scale)
        novelty = float(fields["novelty"]) if "novelty" in fields else None
    except failures as error:
        raise _no_answer(url) from error
    return Prediction(depth, camera, fields.get("labels"), novelty)


def _no_answer(url: str) -> LeadlineError:
    return LeadlineError(f"{url}: does not answer as 'leadline serve'; is the address right?")
