"""The options with which a command says how its data is laid out."""

from collections.abc import Sequence
from typing import Annotated

import typer

LayoutOption = Annotated[
    str, typer.Option(help="Layout of the data ('leadline layouts' lists them); auto detects it.")
]
DataOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--data-option",
        metavar="KEY=VALUE",
        help="Option of the layout (see 'leadline layouts'); repeatable.",
    ),
]


def parse_data_options(given: Sequence[str] | None) -> dict[str, str]:
    """Return `key=value` texts as a dict."""
    from leadline.errors import LeadlineError

    options = {}
    for text in given or ():
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise LeadlineError(
                f"--data-option {text!r}: expected key=value, for instance camera=3"
            )
        options[key] = value
    return options
