"""Running the real command in a process of its own, as a user does."""

import subprocess
import sys
from pathlib import Path

RUN = "import sys; from leadline.cli import main; sys.argv[0] = 'leadline'; main()"


def leadline(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `leadline ARGUMENTS` and return its status, stdout and stderr."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def fails_in_one_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check for exit status 2 and one line on stderr that holds every word."""
    assert result.returncode == 2, result
    lines = [line for line in result.stderr.splitlines() if line.startswith("leadline: error:")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0], lines[0]
