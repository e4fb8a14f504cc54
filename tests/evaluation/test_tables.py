"""The same comparison as text: every format says the same numbers and escapes what it must."""

import json
import re

import pytest

from leadline.evaluation import compare
from leadline.evaluation.report import tables
from leadline.evaluation.result import Result
from tests.evaluation.results import write_result

HOSTILE = r"50%_best & <b>|x|$y$ \ {z} ~#^*"


@pytest.fixture(scope="module")
def comparison(pairs, tmp_path_factory):
    root = tmp_path_factory.mktemp("tables")
    for name, factor in (("first", 1.1), ("second", 1.25)):
        write_result(root / name, pairs, lambda number, f=factor: f + number / 1000, model=name)
    results = [Result.load(root / name) for name in ("first", "second")]
    return compare(results, labels=["first", HOSTILE], metrics=("abs_rel", "delta1"))


def test_every_format_holds_every_number(comparison):
    numbers = {
        tables.number(value.number) for row in comparison.rows for value in row.values.values()
    }
    numbers |= {
        tables.signed(each.mean).lstrip("+-")
        for found in comparison.differences.values()
        for each in found.values()
    }
    for name in ("terminal", "markdown", "latex"):
        text = tables.TEXT_FORMATS[name](comparison)
        assert numbers <= set(re.findall(r"\d\.\d{3}", text)), name
        assert comparison.protocol.split()[0] in text


def test_terminal_columns_are_aligned_and_the_best_is_starred(comparison):
    lines = tables.terminal(comparison).splitlines()
    first = next(line for line in lines if line.startswith("first "))
    second = next(line for line in lines if line.startswith(HOSTILE))
    assert "0.105*" in first and "*" not in second[len(HOSTILE) :]
    assert first.index("0.105") == second.index("0.255")


def test_markdown_is_one_table_and_shows_hostile_names_literally(comparison):
    lines = tables.markdown(comparison).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    unescaped = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    assert set(unescaped) == {4}  # a name's own bars would add columns
    assert any(r"\<b\>" in row for row in rows)
    assert "**0.105**" in "\n".join(rows)


def test_latex_balances_its_braces_and_escapes_hostile_names(comparison):
    text = tables.latex(comparison)
    depth = 0
    for sign in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if sign == "{" else -1
        assert depth >= 0
    assert depth == 0
    row = next(line for line in text.splitlines() if line.startswith(r"50\%"))
    assert r"\_best \& \textless{}b\textgreater{}" in row
    assert len(re.findall(r"(?<!\\)&", row)) == 2
    assert r"\textbf{0.105}" in text
    for name in re.findall(r"\\begin\{(\w+)\}", text):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")


def test_every_latex_row_fills_its_tabular_and_commands_are_known(comparison):
    text = tables.latex(comparison)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    parts = re.findall(r"\\begin\{tabular\}\{(lc*)\}\n(.*?)\\end\{tabular\}", body, re.S)
    assert len(parts) == 2  # the scores and the paired test
    for columns, content in parts:
        lines = content.splitlines()
        rules = [line for line in lines if re.fullmatch(r"\\(top|mid|bottom)rule", line)]
        assert (rules[0], rules[-1]) == (r"\toprule", r"\bottomrule")
        rows = [line for line in lines if line not in rules]
        assert rows
        for row in rows:
            assert row.endswith(r" \\"), row
            spans = [int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", row)]
            assert len(re.findall(r"(?<!\\)&", row)) + sum(spans) == len(columns) - 1, row
            assert len(re.findall(r"(?<!\\)\$", row)) % 2 == 0, row
    # Outside tabulars and escapes no sign is left that TeX takes for its own.
    prose = re.sub(r"\\begin\{tabular\}.*?\\end\{tabular\}", "", body, flags=re.S)
    assert not re.search(r"(?<!\\)[&%#_~]", prose)
    standard = {
        "begin", "end", "toprule", "midrule", "bottomrule", "multicolumn", "emph", "textbf",
        "footnotesize", "tiny", "setlength", "tabcolsep", "linewidth", "uparrow", "downarrow",
        "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar",
    }  # fmt: skip
    assert set(re.findall(r"\\([a-zA-Z]+)", body)) <= standard


def test_json_holds_the_full_precision(comparison):
    content = json.loads(tables.as_json(comparison))
    expected = comparison.rows[0].values["abs_rel"].number
    assert content["rows"][0]["values"]["abs_rel"]["number"] == expected
    assert content["differences"][HOSTILE]["abs_rel"]["p"] == (
        comparison.differences[HOSTILE]["abs_rel"].p
    )


def test_a_small_difference_is_not_printed_as_none():
    shown = [tables.signed(value) for value in (0.0, 0.0004, -3.2e-5, 0.0123, -1.5)]
    assert shown == ["+0.000", "+4e-04", "-3e-05", "+0.012", "-1.500"]
