"""Progress on a terminal and elsewhere."""

import io
import sys

from leadline.cli.progress import Progress


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self):
        return True


def test_in_a_narrow_terminal_count_and_time_left_are_whole(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with Progress("train", 12000, "steps", 3000) as progress:
        for _ in range(3):
            progress.advance("loss 1.166, 122.7 images/s, 1% data wait, 11.3 GiB")
    shown = terminal.getvalue()
    assert "3003/12000" in shown
    assert "1% data wait, 11.3 GiB" in shown
    assert "…" not in shown


def test_elsewhere_a_line_says_the_same(capsys):
    with Progress("train", 2, "steps") as progress:
        progress.advance("loss 1.000")
        progress.advance("loss 0.500")
    line = capsys.readouterr().err
    assert line.startswith("train: 2/2 steps, ")
    assert line.endswith("0:00 left loss 0.500\n")
