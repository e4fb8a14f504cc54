"""Tables of scores for the terminal: plain text, aligned, the same when piped."""

from collections.abc import Collection, Mapping, Sequence


def score_table(rows: Mapping[str, Mapping[str, float]], metrics: Sequence[str]) -> str:
    """Return one line a row, one column a metric, in as many decimals as comparisons have."""
    from leadline.evaluation.report.tables import number  # with all of evaluation behind it

    width = max(len(name) for name in rows)
    head = " " * width + "".join(f"  {name:>8}" for name in metrics)
    lines = [
        f"{name:<{width}}" + "".join(f"  {number(values[metric]):>8}" for metric in metrics)
        for name, values in rows.items()
    ]
    return "\n".join([head, *lines])


def text_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] = ()
) -> str:
    """Return aligned columns of text, two spaces apart; the columns in `numbers` end together."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
