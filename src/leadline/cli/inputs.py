"""What the file commands share: options, and the list of skipped inputs."""

import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from leadline.errors import LeadlineError
from leadline.io.formats import writable_formats
from leadline.io.jobs import Failure, JobResults

MAX_LISTED = 5
"""More files than that with one fault are one line with their number."""

FORMATS = "|".join(writable_formats())

FormatOption = Annotated[
    str,
    typer.Option(
        metavar=FORMATS,
        help="Format of the depth file: png16 holds integer units, grey16 inverse depth, the "
        "others metres.",
    ),
]


def check_needed(option: str, given: object, need: str, present: object) -> None:
    """Raise LeadlineError for an option that has a meaning only beside another one."""
    # Not `in (None, False)`, which 0 is as well.
    is_given, is_present = (value is not None and value is not False for value in (given, present))
    if is_given and not is_present:
        raise LeadlineError(f"{option} needs {need}; give that, or leave {option} out")


def list_failures(results: JobResults[Any]) -> None:
    """Print what was skipped or not drawn, and end with status 1, if anything was."""
    if results.failures:
        print(f"leadline: {len(results.failures)} of {len(results)} skipped:", file=sys.stderr)
        _print_faults(results.failures)
    if results.undrawn:
        count = len(results.done) + results.existing
        print(f"leadline: {len(results.undrawn)} of {count} not drawn:", file=sys.stderr)
        _print_faults(results.undrawn)
    if results.failures or results.undrawn:
        raise typer.Exit(1)


def _print_faults(failures: Iterable[Failure]) -> None:
    """Print one line a failure; many with one fault are one line."""
    by_fault: defaultdict[str, list[Failure]] = defaultdict(list)
    for failure in failures:
        by_fault[failure.message.removeprefix(f"{failure.source}: ")].append(failure)
    for fault, alike in by_fault.items():
        if len(alike) > MAX_LISTED:
            first = alike[0].source
            print(f"  {len(alike)} files, the first {first}: {fault}", file=sys.stderr)
            continue
        for failure in alike:
            print(f"  {failure.message}", file=sys.stderr)
