"""The one exception a user is meant to read, and the words that such messages share."""

import difflib
from collections.abc import Iterable, Sequence


class LeadlineError(Exception):
    """Something the user can correct: the message names the file, the value and the remedy.

    The command line prints it as one line and exits with status 2.
    """


class LeadlineWarning(UserWarning):
    """Something the user should know although the work goes on.

    The command line prints it as one line on stderr.
    """


def one_line(error: BaseException) -> str:
    """Return the message of `error` with every run of white space, line breaks too, as one space.

    Falls back to the name of the exception's class where it has no message.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'slope'?" for a name close to a known one, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f", did you mean {near[0]!r}?" if near else ""


def size_words(shape: Sequence[int]) -> str:
    """Return the size of an (H, W, ...) array as a picture's is written: "640x480"."""
    return f"{shape[1]}x{shape[0]}"


def plural(count: int, noun: str) -> str:
    """Return "1 image" or "12 images"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
