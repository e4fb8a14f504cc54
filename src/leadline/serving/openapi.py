"""The description of `POST /v1/depth`, whose body is parsed by hand, in `/openapi.json`."""

from __future__ import annotations

from typing import Any

from leadline.serving.answers import FORMATS
from leadline.serving.inputs import FILE_FIELD
from leadline.serving.parameters import DepthParameters
from leadline.serving.problems import MEDIA_TYPE

_PROBLEMS = {
    "400": "The query, the form or the JSON cannot be parsed.",
    "404": "No such model.",
    "406": "Accept names none of the formats.",
    "408": "The request did not arrive in time.",
    "413": "Too many bytes or pixels.",
    "415": "No picture.",
    "422": "A damaged picture, or a parameter that is not possible.",
    "503": "Too many requests wait, or the deadline passed; Retry-After says when to come back.",
}


def describe_depth() -> dict[str, Any]:
    """Return the operation's parameters, request body and responses."""
    schema = DepthParameters.model_json_schema()
    properties: dict[str, Any] = schema["properties"]
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {FILE_FIELD: {"type": "string", "format": "binary"}, **properties}
    inputs = {"type": "string", "format": "byte", "description": "The picture in base64."}
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": each}
            for name, each in properties.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": binary,
                "application/octet-stream": binary,
                "multipart/form-data": {
                    "schema": {"type": "object", "required": [FILE_FIELD], "properties": form}
                },
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["inputs"],
                        "properties": {"inputs": inputs, "parameters": schema},
                    }
                },
            },
        },
        "responses": {
            "200": {
                "description": "Depth, planar z along the optical axis; 0 is unknown.",
                "content": {row.content_type: _content(name) for name, row in FORMATS.items()},
            },
            **{status: _problem(about) for status, about in _PROBLEMS.items()},
        },
    }


def _content(name: str) -> dict[str, Any]:
    if name != "json":
        return {"schema": {"type": "string", "format": "binary", "title": name}}
    depth = {
        "shape": {"type": "array", "items": {"type": "integer"}, "description": "Height, width."},
        "encoding": {"const": "png16"},
        "unit": {"const": "m"},
        "scale": {"type": "number", "description": "Values over this number are metres."},
        "data": {"type": "string", "format": "byte"},
    }
    members = {
        "model": {"type": "string"},
        "depth": {"type": "object", "properties": depth},
        "camera": {"type": "object"},
        "provenance": {"type": "object"},
        "uncertainty": {"type": "object", "description": "Of models that state it."},
        "labels": {"type": "object", "description": "Of models that tell classes."},
        "novelty": {
            "type": "number",
            "description": "Of models that state it: above 1 for a picture unlike those that the "
            "model was trained on, whose metres may be wrong.",
        },
        "warnings": {"type": "array", "items": {"type": "string"}},
        "request_id": {"type": "string"},
    }
    return {"schema": {"type": "object", "properties": members}}


def _problem(about: str) -> dict[str, Any]:
    return {"description": about, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
