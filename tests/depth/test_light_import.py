import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("room", "below"),
    [
        ("depth", ["depth", "errors"]),
        ("io", ["depth", "errors", "io"]),
        ("viz", ["depth", "errors", "viz"]),
    ],
)
def test_importing_the_lower_rooms_stays_light(room: str, below: list[str]) -> None:
    """OpenCV costs 0.3 s and torch seconds; a command that needs neither must not wait."""
    code = (
        f"import sys, leadline.{room};"
        "heavy = {'cv2', 'OpenEXR', 'torch', 'scipy', 'matplotlib'} & set(sys.modules);"
        "rooms = {m.split('.')[1] for m in sys.modules if m.startswith('leadline.')};"
        "print(sorted(heavy), sorted(rooms))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"[] {below}"
