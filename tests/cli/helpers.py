"""Running the real command: in a process of its own, as a user does, or in this one."""

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from leadline.cli import main

RUN = "import sys; from leadline.cli import main; sys.argv[0] = 'leadline'; main()"


def leadline(
    *arguments: object, cwd: Path | None = None, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `leadline ARGUMENTS`, Python code `before` it; return its status, stdout and stderr."""
    result = subprocess.run(
        [sys.executable, "-c", before + RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )
    result.stderr = _without_novelty(result.stderr)
    return result


def _without_novelty(text: str) -> str:
    """Leave out the line about unusual pictures: most that tests make are unlike any photograph.

    tests/inference/test_predict_novelty.py is about that line.
    """
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if " unlike those that " not in line)


def leadline_here(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the same command in this process: nothing is imported or loaded anew."""
    out, err, old = io.StringIO(), io.StringIO(), sys.argv
    words = ["leadline", *map(str, arguments)]
    sys.argv = words
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = old
    status = int(end.value.code or 0)
    said = _without_novelty(err.getvalue())
    return subprocess.CompletedProcess(words, status, out.getvalue(), said)


def fails_in_one_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check for exit status 2 and one line on stderr that holds every word."""
    assert result.returncode == 2, result
    lines = [line for line in result.stderr.splitlines() if line.startswith("leadline: error:")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0], lines[0]
