"""For the site: the examples of docstrings as code, which Markdown would take for quotations."""

from typing import Any

import griffe


def fence_examples(text: str) -> str:
    r"""Return a docstring whose `>>>` paragraphs stand in fences.

    >>> print(fence_examples("One.\n\n>>> 1 + 1\n2"))
    One.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        f"```pycon\n{each}\n```" if each.startswith(">>> ") else each for each in paragraphs
    )


class Examples(griffe.Extension):
    """Fences the examples of everything that is documented."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = fence_examples(obj.docstring.value)
