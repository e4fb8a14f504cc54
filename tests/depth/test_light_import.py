import subprocess
import sys


def test_importing_the_room_stays_light() -> None:
    """OpenCV costs 0.3 s and torch seconds; a command that needs neither must not wait."""
    code = (
        "import sys, leadline.depth;"
        "heavy = {'cv2', 'OpenEXR', 'torch', 'scipy', 'matplotlib'} & set(sys.modules);"
        "rooms = {m.split('.')[1] for m in sys.modules if m.startswith('leadline.')};"
        "print(sorted(heavy), sorted(rooms))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['depth']"
