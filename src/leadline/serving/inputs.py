"""Extract the picture and its parameters from the bytes of a request."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from PIL import Image

from leadline.errors import LeadlineError, one_line, value_words
from leadline.io.files import DECODE_ERRORS
from leadline.io.photos import Photo, decode_photo
from leadline.io.pictures import AVIF, HEIF, is_heic, open_picture
from leadline.serving.parameters import DepthParameters, invalid, parse_parameters
from leadline.serving.problems import ProblemError

FILE_FIELD = "file"
MOST_PARTS = 20
_LONGEST_FIELD = 8000
_MOST_QUERY_FIELDS = 50
_DATA_URL = re.compile(r"data:[\w./+-]*;base64,")
_PATH = re.compile(rb"[\w ./\\:~%+-]{1,250}\.[A-Za-z0-9]{2,5}")
"""Matches a file name or address that was sent instead of a file's content."""
_TIFF = "TIFF"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"RIFF....WEBP", "WEBP"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM", "BMP"),
    (rb"II\*\0|MM\0\*|II\x2b\0\x08\0\0\0|MM\0\x2b\0\x08\0\0", _TIFF),
    (rb"P[1-6]\s", "PPM"),
    (rb"....ftyp(avi[fs]|mif1)", AVIF),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "JPEG2000"),
)
"""First bytes of accepted files, except HEIC: the kinds of `PICTURE_KINDS` with a signature."""


@dataclass(frozen=True)
class DepthRequest:
    """A request as received: its body, and the headers that describe the body."""

    body: bytes
    content_type: str
    query: str
    accept: str


def media_type_of(content_type: str) -> str:
    """Return the media type of a Content-Type header, in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def check_media_type(content_type: str) -> None:
    """Raise ProblemError 415 for a body that is neither a picture nor a form nor JSON."""
    media = media_type_of(content_type)
    if media in ("", "application/octet-stream", "multipart/form-data", "application/json"):
        return
    if not media.startswith("image/"):
        raise ProblemError(
            415,
            f"{value_words(media)} is no picture: send its bytes as image/jpeg, image/png, ..., a "
            f"form (multipart/form-data) with a field {FILE_FIELD!r} (curl: -F file=@photo.jpg), "
            "or JSON with 'inputs' in base64",
            "media type",
        )


def read_request(request: DepthRequest) -> tuple[bytes, DepthParameters]:
    """Return the bytes of the picture in a request, and its parameters.

    Errors: ProblemError 400 for a body that cannot be parsed, 422 for invalid content.
    """
    media = media_type_of(request.content_type)
    pairs = _filled_in(_query_pairs(request.query))
    picture = request.body
    if media == "multipart/form-data":
        picture, fields = _read_form(request.content_type, request.body)
        pairs += _filled_in(fields)
    elif media == "application/json":
        picture, values = _read_json(request.body)
        pairs += values
    if not picture:
        raise invalid("there is no picture in the request: it has no bytes")
    return picture, parse_parameters(pairs)


def _filled_in(fields: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    """Drop parameters without a value, which HTML forms send for empty fields."""
    return [each for each in fields if each[1] != "" or each[0] not in DepthParameters.model_fields]


def _query_pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_QUERY_FIELDS
        )
    except ValueError as error:
        raise ProblemError(400, f"the query cannot be read: {error}", "request") from None


def _read_form(content_type: str, body: bytes) -> tuple[bytes, list[tuple[str, object]]]:
    """Return the file and the other fields of a form."""
    fields: list[tuple[str, object]] = []
    files: list[bytes] = []
    for name, content in _form_parts(content_type, body):
        if name == FILE_FIELD:
            files.append(content)
        elif len(content) > _LONGEST_FIELD:
            raise invalid(
                f"the field {value_words(name)} has {len(content):,} bytes; the picture is sent "
                f"as {FILE_FIELD!r}"
            )
        else:
            fields.append((name, content.decode("utf-8", errors="replace")))
    if len(files) != 1:
        raise invalid(f"the form has {len(files)} fields {FILE_FIELD!r}; give one picture")
    return files[0], fields


def _form_parts(content_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of every part of a form."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    parts = _FormParts()
    try:
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not boundary:
            raise ProblemError(400, "the form states no boundary", "request")
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_part_data": parts.data,
                "on_part_end": parts.end,
                "on_end": parts.close,
            },
        )
        parser.write(body)
    except FormParserError as error:
        raise ProblemError(400, f"the form cannot be parsed: {error}", "request") from None
    if not parts.is_closed:
        raise ProblemError(400, "the form is cut short: its last boundary is missing", "request")
    for disposition, content in parts.done:
        name = parse_options_header(disposition)[1].get(b"name", b"")
        yield name.decode("utf-8", errors="replace"), content


class _FormParts:
    """Collects (Content-Disposition, content) of each part from the form parser's callbacks."""

    def __init__(self) -> None:
        self.done: list[tuple[bytes, bytes]] = []
        self.is_closed = False
        self._name, self._value = bytearray(), bytearray()
        self._disposition, self._content = b"", bytearray()

    def begin(self) -> None:
        if len(self.done) >= MOST_PARTS:
            raise invalid(f"the form has more than {MOST_PARTS} fields")
        self._disposition, self._content = b"", bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def end(self) -> None:
        self.done.append((self._disposition, bytes(self._content)))

    def close(self) -> None:
        self.is_closed = True


def _read_json(body: bytes) -> tuple[bytes, list[tuple[str, object]]]:
    """Return the picture and the parameters of `{"inputs": BASE64, "parameters": {...}}`."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ProblemError(400, f"the body is no JSON: {reason}", "request") from None
    if not isinstance(content, dict) or not isinstance(content.get("inputs"), str):
        raise invalid('expected {"inputs": "<the picture in base64>", "parameters": {...}}')
    others = content.keys() - {"inputs", "parameters"}
    parameters = content.get("parameters", {})
    if others or not isinstance(parameters, dict):
        wrong = sorted(others) or ["parameters"]
        raise invalid(f"{value_words(wrong[0])}: parameters belong into the object 'parameters'")
    return _from_base64(content["inputs"]), list(parameters.items())


def _from_base64(text: str) -> bytes:
    """Decode base64, which may have line breaks (RFC 2045) or be a data URL."""
    found = _DATA_URL.match(text)
    letters = "".join(text[found.end() if found else 0 :].split())
    try:
        return base64.b64decode(letters, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(
            f"inputs: {value_words(text[:60])} is no base64; give the bytes of a picture so, URLs "
            "and paths are never read"
        ) from None


def read_picture(data: bytes, most_pixels: int) -> Photo:
    """Decode the photograph in the bytes of a request.

    Errors: ProblemError 415 for bytes that are no picture, 413 for more than `most_pixels`, before
    any is decoded, 422 for a damaged one.
    """
    kind = _kind_of(data)
    width, height = _stated_size(data, kind)
    if width * height > most_pixels:
        raise ProblemError(
            413,
            f"the picture has {width} x {height} pixels, more than {most_pixels:,}",
            "picture size",
        )
    try:
        return decode_photo(data)
    except LeadlineError as error:
        raise invalid(str(error)) from None


def _kind_of(data: bytes) -> str:
    """Return Pillow's name of a picture's format, by its first bytes."""
    if is_heic(data):
        return HEIF
    for pattern, kind in _SIGNATURES:
        if re.match(pattern, data, re.DOTALL):
            return kind
    if _PATH.fullmatch(data):
        raise ProblemError(
            415,
            f"{value_words(data.decode('ascii'))} is a name and no picture: send the bytes of the "
            "file (curl: -F file=@photo.jpg, with the @)",
            "media type",
        )
    raise ProblemError(
        415,
        "the bytes are no picture that is read here: send JPEG, PNG, WebP, TIFF, AVIF, HEIC, GIF, "
        "BMP, PPM or JPEG 2000",
        "media type",
    )


def _stated_size(data: bytes, kind: str) -> tuple[int, int]:
    """Return (width, height) from the header of a picture."""
    if kind == "WEBP" and data[12:16] == b"VP8X" and len(data) >= 30:
        # Not by Pillow, which allocates the whole canvas when it opens the file.
        width = 1 + int.from_bytes(data[24:27], "little")
        return width, 1 + int.from_bytes(data[27:30], "little")
    if kind == HEIF:
        return _heif_size(data)
    try:
        with open_picture(data, kind) as image:
            return image.size
    except Image.DecompressionBombError as error:
        raise ProblemError(413, str(error), "picture size") from None
    except DECODE_ERRORS as error:
        raise invalid(f"the picture is damaged or cut short ({one_line(error)})") from None


def _heif_size(data: bytes) -> tuple[int, int]:
    try:
        import pi_heif
    except ImportError:
        raise ProblemError(
            415, "HEIC is not read here: send JPEG, or install leadline[heic]", "media type"
        ) from None
    try:
        size = pi_heif.open_heif(data, convert_hdr_to_8bit=False).size
    except DECODE_ERRORS as error:
        raise invalid(f"the picture is damaged or cut short ({one_line(error)})") from None
    return int(size[0]), int(size[1])
