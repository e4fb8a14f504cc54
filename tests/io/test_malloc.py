"""How the C library keeps memory: a thread has that of the last picture for the next one."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, threading
import numpy as np
from leadline.io.malloc import keep_freed_memory

def page_faults():
    for megabytes in (1, 8, 2, 4, 6, 3):
        first = np.ones(megabytes << 17)
        second = first * 2
        third = first + second
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt

def work():
    counts = [page_faults() for _ in range(4)]
    print(counts[3] - counts[1])

keep_freed_memory(128 << 20)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_arrays_of_another_size_cause_no_page_faults():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert int(done.stdout) < 100, done.stderr  # 10,650 without it
