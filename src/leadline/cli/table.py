"""Tables of scores for the terminal: plain text, aligned, the same when piped."""

from collections.abc import Mapping, Sequence


def score_table(rows: Mapping[str, Mapping[str, float]], metrics: Sequence[str]) -> str:
    """Return one line a row, one column a metric, four significant digits or three decimals."""
    width = max(len(name) for name in rows)
    head = " " * width + "".join(f"  {name:>8}" for name in metrics)
    lines = [
        f"{name:<{width}}" + "".join(f"  {values[metric]:8.3f}" for metric in metrics)
        for name, values in rows.items()
    ]
    return "\n".join([head, *lines])
