"""Text in headers, which are ASCII: escaped by the server, unescaped by the client."""

from __future__ import annotations


def escape_header(text: str) -> str:
    r"""Escape text for a header: non-ASCII characters as in Python's strings, and backslashes.

    >>> escape_header("深度 C:\\runs")
    '\\u6df1\\u5ea6 C:\\\\runs'
    """
    return text.encode("unicode_escape").decode("ascii")


def unescape_header(text: str) -> str:
    r"""Undo `escape_header`; text of another origin is returned unchanged.

    >>> unescape_header("\\u6df1\\u5ea6")
    '深度'
    """
    try:
        return text.encode("ascii").decode("unicode_escape")
    except UnicodeError:
        return text
