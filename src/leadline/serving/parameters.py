"""The parameters of a request beside its picture."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadline.errors import LeadlineError, value_words
from leadline.inference.camera import CameraMode, GivenCamera
from leadline.inference.outputs import OutputOptions
from leadline.io.cameras import declared_camera
from leadline.serving.problems import ProblemError
from leadline.viz.color import ColorMap

FormatName = Literal[
    "png16", "npy", "npy-float16", "npy-mm", "npz", "json",
    "color-png", "color-jpeg", "color-webp", "glb", "mesh", "ply",
]  # fmt: skip

_LONGEST_CAMERA = 4000
_CAMERA = Path("intrinsics")
"""Name of a request's camera in messages, in place of a file."""


class DepthParameters(BaseModel):
    """The parameters of a request, from its query, its form fields or its JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(None, description="One of /v1/models; by default the first.")
    format: FormatName | None = Field(None, description="In place of the header Accept.")
    fov: float | None = Field(
        None, gt=0, lt=180, allow_inf_nan=False, description="Horizontal field of view, degrees."
    )
    intrinsics: str | list[Any] | dict[str, Any] | None = Field(
        None,
        description="The camera in pixels: 'fx fy cx cy', nine numbers (K row by row), or JSON of "
        "these or of {fx, fy, cx, cy, width, height}, which is scaled to the picture.",
    )
    camera: CameraMode = Field(
        "auto", description="auto: metres follow the focal length; ignore: for point clouds only."
    )
    cmap: ColorMap = Field("turbo", description="Colour map.")
    range: str = Field("auto", max_length=60, description="Metres of the colours: auto, or A,B.")
    bar: bool = Field(True, description="Draw the scale in metres beside the colours.")

    def given_camera(self) -> GivenCamera:
        """Return the camera stated in the request.

        Errors: ProblemError 422 for two cameras, or an invalid one.
        """
        if self.intrinsics is None:
            return GivenCamera(None, self.fov)
        if self.fov is not None:
            raise invalid("give fov or intrinsics, not both")
        try:
            return GivenCamera(declared_camera(_CAMERA, _camera_content(self.intrinsics)))
        except LeadlineError as error:
            raise invalid(str(error)) from None

    def color_limits(self) -> tuple[float | None, float | None]:
        """Return the ends of the colours in metres, None where they follow from the picture.

        Errors: ProblemError 422 for an invalid range.
        """
        try:
            return OutputOptions(color=True, color_range=self.range).limits
        except LeadlineError as error:
            raise invalid(f"range: {error}") from None

    def check_colors(self, format: FormatName) -> None:
        """Raise ProblemError 422 for colour parameters with a `format` without colours."""
        given = self.model_fields_set & {"cmap", "range", "bar"}
        if given and not format.startswith("color"):
            raise invalid(
                f"{min(given)}: is about colours, and {format} has none; leave it out, or give "
                "format=color-png"
            )


def _camera_content(given: str | list[Any] | dict[str, Any]) -> list[Any] | dict[str, Any]:
    """Return the numbers or the mapping of a camera, never a text, which would name a file."""
    if not isinstance(given, str):
        return given
    if len(given) > _LONGEST_CAMERA:
        raise LeadlineError(f"{_CAMERA}: {len(given):,} characters are no camera")
    try:
        if given.lstrip()[:1] in ("[", "{"):
            content = json.loads(given)
            return content if isinstance(content, list | dict) else []
        return [float(word) for word in given.replace(",", " ").replace(";", " ").split()]
    except (ValueError, RecursionError):
        raise LeadlineError(
            f"{_CAMERA}: {value_words(given)} is no camera; give 'fx fy cx cy' in pixels, nine "
            "numbers, or JSON"
        ) from None


def invalid(detail: str) -> ProblemError:
    """Return the problem of a request with invalid content."""
    return ProblemError(422, detail, "content")


def parse_parameters(pairs: Iterable[tuple[str, object]]) -> DepthParameters:
    """Parse the parameters of (name, value) pairs from all parts of a request.

    Errors: ProblemError 422 for one that is repeated, unknown or invalid.
    """
    every = list(pairs)
    for name, count in Counter(name for name, _ in every).items():
        if count > 1:
            raise invalid(f"{value_words(name)} is given {count} times; give it once")
    try:
        return DepthParameters.model_validate(dict(every))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        if first["type"] == "extra_forbidden":
            known = ", ".join(DepthParameters.model_fields)
            raise invalid(f"{value_words(name)} is no parameter; there are {known}") from None
        raise invalid(f"{name}: {first['msg']}, got {value_words(first['input'])}") from None
