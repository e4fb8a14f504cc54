"""The one exception a user is meant to read, and the words that such messages share."""

import difflib
import errno
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

LONGEST_VALUE = 80
LONGEST_MESSAGE = 1200
_LONG_QUOTE = re.compile(r"'(?!leadline )([^']{161,})'")
_LONG_WORD = re.compile(r"[^\s']{321,}")
"""A path or a value that no quotes end; whole paths are shorter, but those that nobody meant."""


class LeadlineError(Exception):
    """Something the user can correct: the message names the file, the value and the remedy.

    The command line prints it as one line and exits with status 2. Very long quoted values are cut,
    and control characters are escaped.
    """

    def __init__(self, message: str = ""):
        super().__init__(readable(str(message)))


class LeadlineWarning(UserWarning):
    """Something the user should know although the work goes on.

    The command line prints it as one line on stderr.
    """


@contextmanager
def warnings_taken_by(take: Callable[[str], bool]) -> Iterator[None]:
    """Give the text of every LeadlineWarning, of all threads, to `take` inside the block.

    What `take` returns False for, and every other warning, is shown as before.
    """
    with warnings.catch_warnings():
        show_other = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, LeadlineWarning) or not take(str(message)):
                show_other(message, category, filename, lineno, file, line)

        warnings.simplefilter("always", LeadlineWarning)
        warnings.showwarning = show
        yield


_IN_MEMORY = re.compile(r"\s*<[\w.]+ object at 0x[0-9a-fA-F]+>")


def one_line(error: BaseException) -> str:
    """Return the message of `error` with every run of white space, line breaks too, as one space.

    Without objects in memory, which Pillow names where a file is none on disk. Falls back to the
    name of the exception's class where it has no message.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(_IN_MEMORY.sub("", str(error)).split()) or type(error).__name__


def system_error(error: OSError) -> str:
    """Return what the system refused in words, without its number: the file, why, and a remedy."""
    name = "" if error.filename is None else f"{value_words(str(error.filename))}: "
    if error.errno == errno.ENAMETOOLONG:
        return f"{name}the name is too long for this system; give a shorter one"
    return f"{name}{error.strerror or one_line(error)}"


def readable(text: str) -> str:
    """Return a message without what nobody reads: control characters, long values, a flood."""
    text = _LONG_QUOTE.sub(lambda match: f"'{match[1][:LONGEST_VALUE]}...'", text)
    text = _LONG_WORD.sub(lambda match: f"{match[0][:LONGEST_VALUE]}...{match[0][-40:]}", text)
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[:800]} ... {text[-300:]}"
    return printable(text)


def printable(text: str) -> str:
    """Return text with control characters, and bytes of a name in no encoding, written out."""
    return "".join(
        each
        if each.isprintable() or each == "\n"
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def value_words(value: object) -> str:
    """Return the repr of a value that somebody gave, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'slope'?" for a name close to a known one, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f", did you mean {near[0]!r}?" if near else ""


def check_seed(seed: int) -> None:
    """Raise LeadlineError for a seed below 0."""
    if seed < 0:
        raise LeadlineError(f"seed {seed}: give 0 or more")


def size_words(shape: Sequence[int]) -> str:
    """Return the size of an (H, W, ...) array as a picture's is written: "640x480"."""
    return f"{shape[1]}x{shape[0]}"


def plural(count: int, noun: str) -> str:
    """Return "1 image" or "12 images"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
