"""Check options given by name in a recipe against the signature of their target."""

import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from leadline.errors import LeadlineError, nearest, value_words


def check_options(
    call: Callable[..., Any],
    options: Mapping[str, Any],
    *,
    key: str,
    given: Collection[str],
) -> None:
    """Refuse options that are not parameters of `call`, or have another type than declared.

    `key` is the place of the options in a recipe ("model.options"); `given` names the parameters
    that Leadline sets itself and no recipe may set.
    Errors: LeadlineError that names the key, the value and the known options.
    """
    target = call.__init__ if inspect.isclass(call) else call
    types = typing.get_type_hints(target)
    parameters = inspect.signature(call).parameters
    known = sorted(name for name in parameters if name not in given)
    for name, value in options.items():
        if name not in known:
            raise LeadlineError(
                f"unknown key '{key}.{name}'{nearest(name, known)}; "
                f"known: {', '.join(known) or 'none'}"
            )
        try:
            TypeAdapter(types.get(name, Any), config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            raise LeadlineError(
                f"{key}.{name} = {value_words(value)}: {error.errors()[0]['msg']}"
            ) from error
    for name in known:
        if name not in options and parameters[name].default is inspect.Parameter.empty:
            raise LeadlineError(f"{key}.{name} is missing: it has no default")
