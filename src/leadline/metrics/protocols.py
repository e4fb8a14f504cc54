"""The named protocols and custom ones: YAML files of the fields of `Protocol`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, nearest, one_line, value_words
from leadline.io.yaml_files import parse_yaml, read_yaml
from leadline.metrics.protocol import Protocol

SUFFIXES = (".yaml", ".yml")
NYU = "nyu"
NYU_SIZE = (480, 640)


class ShippedProtocols(Mapping[str, Protocol]):
    """The protocols of the package by name, each read from its file when it is asked for."""

    def __getitem__(self, name: str) -> Protocol:
        if name not in _shipped_names():
            raise KeyError(name)
        return _read_shipped(name)

    def __contains__(self, name: object) -> bool:
        return name in _shipped_names()

    def __iter__(self) -> Iterator[str]:
        return iter(_shipped_names())

    def __len__(self) -> int:
        return len(_shipped_names())


PROTOCOLS = ShippedProtocols()


@cache
def _shipped_names() -> tuple[str, ...]:
    files = resources.files("leadline.protocols").iterdir()
    return tuple(sorted(Path(file.name).stem for file in files if file.name.endswith(SUFFIXES)))


@cache
def _read_shipped(name: str) -> Protocol:
    file = resources.files("leadline.protocols") / f"{name}.yaml"
    content = parse_yaml(file.read_bytes(), f"protocol {name}", "protocol")
    return _parse(content, f"protocol {name}")


def get_protocol(name: str) -> Protocol:
    """Return the protocol called `name`, or the one described by the YAML file `name`."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if Path(name).suffix in SUFFIXES:
        return read_protocol(Path(name))
    raise LeadlineError(
        f"protocol {name!r} is not known{nearest(name, PROTOCOLS)}; choose one of "
        f"{', '.join(PROTOCOLS)}, auto, or a .yaml file"
    )


def protocol_for(size: tuple[int, int], dataset: str = "") -> Protocol:
    """Return what `auto` means for truth of `size` (H, W) of a published `dataset`.

    nyu-eigen if the data is NYU ("nyu") at its own size, 480x640; else full.
    """
    return get_protocol("nyu-eigen" if dataset == NYU and size == NYU_SIZE else "full")


def aligned(protocol: Protocol, method: str, space: str = "depth") -> Protocol:
    """Return `protocol` with another alignment, which its name says."""
    return replace(
        protocol,
        name=f"{protocol.name}+{method}-{space}",
        alignment=method,
        alignment_space=space,
    )


def read_protocol(path: Path) -> Protocol:
    """Read a custom protocol: fields of `Protocol` in YAML, `base` naming one to start from.

    `base` is a protocol's name, or a file beside this one. `name` and `source` are the file's own:
    without `base`, min_depth and max_depth are needed too.
    Errors: LeadlineError naming the file, and for an unknown key the nearest known one.
    """
    return _read_file(path, ())


def _read_file(path: Path, based_on_it: tuple[Path, ...]) -> Protocol:
    """Read a custom protocol; `based_on_it` are the files that it is to be the base of."""
    if any(path.resolve() == other.resolve() for other in based_on_it):
        names = ", ".join(map(str, (*based_on_it, path)))
        raise LeadlineError(f"{path}: is its own base ({names}); name another base in one of them")

    def read_base(name: str) -> Protocol:
        if name not in PROTOCOLS and Path(name).suffix in SUFFIXES:
            return _read_file(path.parent / name, (*based_on_it, path))
        return get_protocol(name)

    protocol = _parse(read_yaml(path, "protocol"), str(path), read_base)
    if protocol.name in (*PROTOCOLS, "auto"):
        raise LeadlineError(
            f"{path}: {protocol.name!r} is a protocol of Leadline's own; give yours another name"
        )
    return protocol


def _parse(
    content: Any, origin: str, read_base: Callable[[str], Protocol] = get_protocol
) -> Protocol:
    if not isinstance(content, dict):
        raise LeadlineError(
            f"{origin}: expected a mapping of protocol fields, such as name: my-crop"
        )
    known = {field.name for field in fields(Protocol)}
    for key in content:
        if key not in known | {"base"}:
            raise LeadlineError(
                f"{origin}: unknown key {key!r}{nearest(str(key), known)}; "
                f"known: {', '.join(sorted(known))}"
            )
    base = content.pop("base", None)
    needed = {"name", "source"} | (set() if base else {"min_depth", "max_depth"})
    if missing := sorted(needed - set(content)):
        raise LeadlineError(f"{origin}: {', '.join(missing)} is missing")
    if base:
        content = {**asdict(read_base(str(base))), **content}
    return _validated(origin, content)


def _validated(origin: str, content: dict[str, Any]) -> Protocol:
    # Not at the top: pydantic takes longer to import than everything else here.
    from pydantic import TypeAdapter, ValidationError

    try:
        # As JSON, because strictness there means types, not that a list is no tuple.
        return TypeAdapter(Protocol).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise LeadlineError(
            f"{origin}: {key} is {value_words(first['input'])}; "
            f"{one_line(ValueError(first['msg']))}"
        ) from None
    except TypeError as error:  # a YAML date or set
        raise LeadlineError(f"{origin}: {one_line(error)}; give numbers, text or lists") from None
    except LeadlineError as error:
        raise LeadlineError(f"{origin}: {error}") from None
