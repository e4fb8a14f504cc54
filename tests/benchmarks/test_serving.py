"""Short runs of the campaigns against a server."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> str:
    """Run a script, and return what it prints."""
    command = [sys.executable, BENCHMARKS / script, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_hostile_requests_break_nothing():
    assert "500: 0, hangs: 0" in run("hostile_requests.py", "--requests", "160")


@pytest.mark.slow
def test_a_load_is_counted_as_clients_saw_it_and_sigterm_loses_nothing():
    printed = run("serving.py", "--rounds", "1", "--seconds", "3", "--clients", "1", "8")
    assert "'counters_equal': True" in printed
    [line] = [line for line in printed.splitlines() if line.startswith("SIGTERM")]
    assert "'status': 0" in line and "'lost': 0" in line
