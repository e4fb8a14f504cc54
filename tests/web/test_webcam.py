"""The script of the page's camera, in Node.js: what is asked for, shown and let go."""

import json
import shutil
import subprocess

import pytest

from tests.web.pages import PAGE

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")

# A camera whose permission waits for `answers`, and that gives a picture at once; `log` is what the
# page is told. `turns` lets everything that can go on do so.
STAGE = """
const {Webcam} = await import(process.argv[1]);
const log = [], answers = [], streams = [];
const getUserMedia = () => new Promise((allow, refuse) => {
  const track = {isOn: true, stop() { this.isOn = false; }};
  const stream = {getTracks: () => [track], track};
  const give = () => { streams.push(stream); allow(stream); };
  answers.push({give, refuse: (name) => refuse(Object.assign(new Error('no'), {name}))});
});
Object.defineProperty(globalThis, 'navigator', {value: {mediaDevices: {getUserMedia}}});
let count = 0;
let bitmapOf = async () => ({});
globalThis.createImageBitmap = (video) => bitmapOf(video);
globalThis.requestAnimationFrame = (then) => setTimeout(then, 1);
const turns = () => new Promise((then) => setTimeout(then, 20));
const video = {srcObject: null, play: async () => {}};
const webcam = new Webcam(video, {
  predict: async () => ({number: ++count}),
  show: () => log.push('show'),
  drop: () => log.push('drop'),
  tell: () => {},
});
const errors = [];
const start = () => webcam.start().catch((error) => errors.push(error.message));
const lights = () => streams.map(({track}) => track.isOn);
"""
END = "process.stdout.write(JSON.stringify(result)); process.exit(0);"


def run(script):
    """What `result` is after the script."""
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", STAGE + script + END, (PAGE / "webcam.js").as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_starts_only_the_last_one_keeps_its_camera(order):
    result = run(f"""
        start(); start();
        for (const each of {list(order)}) {{ answers[each].give(); await turns(); }}
        const running = lights();
        webcam.stop();
        const result = {{running, stopped: lights(), errors}};
    """)
    assert result["running"] == [each == 1 for each in order]
    assert result["stopped"] == [False, False]
    assert result["errors"] == []


def test_what_is_allowed_after_a_stop_is_let_go_unseen():
    result = run("""
        start();
        webcam.stop();
        answers[0].give();
        await turns();
        const result = {lights: lights(), log, source: video.srcObject, errors};
    """)
    assert result == {"lights": [False], "log": [], "source": None, "errors": []}


def test_a_refusal_is_said_unless_it_comes_after_a_stop():
    result = run("""
        start();
        answers[0].refuse('NotAllowedError');
        await turns();
        const said = errors.splice(0);
        start();
        webcam.stop();
        answers[1].refuse('NotAllowedError');
        await turns();
        const result = {said, later: errors};
    """)
    assert result["said"] == ["The camera was not allowed; allow it for this page."]
    assert result["later"] == []


def test_a_picture_on_its_way_at_a_stop_is_dropped():
    result = run("""
        let go;
        start();
        answers[0].give();
        await turns();
        bitmapOf = () => new Promise((then) => { go = () => then({}); });
        while (!go) await turns();
        await turns();
        webcam.stop();
        const shown = log.length;
        go();
        await turns();
        const result = {shown, log: log.slice(shown), errors};
    """)
    assert result["shown"] > 0
    assert result["log"] == ["drop"]
    assert result["errors"] == []
