"""Training curves of several runs in one picture."""

import numpy as np
import pytest
from PIL import Image

from leadline.depth.errors import LeadlineError
from leadline.training.curves import draw_curves, moving_mean, read_curves
from tests.cli.helpers import fails_in_one_line, leadline


def write_run(folder, losses, loss="l1"):
    folder.mkdir()
    lines = ["step,epoch,loss,lr,val_delta1,val_abs_rel,val_rmse"]
    lines += [f"{10 * (i + 1)},0,{value},0.001,,," for i, value in enumerate(losses)]
    lines.append(f"{10 * len(losses)},0,,,0.5,0.25,1.5")
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    (folder / "recipe.yaml").write_text(f"loss: [{{name: {loss}, weight: 1.0}}]\n")
    return folder


def test_a_series_holds_the_steps_that_have_a_value(tmp_path):
    run = read_curves(write_run(tmp_path / "run", [0.9, 0.6, 0.3]))
    assert run.label == "run"
    assert [list(part) for part in run.series("loss")] == [[10, 20, 30], [0.9, 0.6, 0.3]]
    assert [list(part) for part in run.series("val_rmse")] == [[30], [1.5]]


def test_the_moving_mean_is_the_mean_of_neighbours():
    assert moving_mean(np.array([1.0, 2.0, 6.0, 1.0]), 3) == pytest.approx([3.0, 3.0])
    assert list(moving_mean(np.array([4.0]), 3)) == [4.0]


def test_two_runs_are_drawn_in_one_picture_with_their_names(tmp_path):
    runs = [write_run(tmp_path / name, [0.9, 0.5, 0.2]) for name in ("slow", "fast")]
    result = leadline("curves", *runs, "-o", tmp_path / "curves.png")
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1100, 704)
        colors = set(
            np.asarray(picture.convert("RGB")).reshape(-1, 3).view("u1,u1,u1").ravel().tolist()
        )
    assert {(31, 119, 180), (255, 127, 14)} <= colors  # matplotlib's first two


def test_losses_of_different_recipes_are_said_not_to_compare(tmp_path):
    runs = [read_curves(write_run(tmp_path / loss, [0.9, 0.5], loss)) for loss in ("l1", "l2")]
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_curves(runs, tmp_path / "differ.svg")
        draw_curves(runs[:1], tmp_path / "one.svg")
    assert "not comparable" in (tmp_path / "differ.svg").read_text()
    assert "not comparable" not in (tmp_path / "one.svg").read_text()


def test_what_is_wrong_is_one_line(tmp_path):
    with pytest.raises(LeadlineError, match="not a run folder"):
        read_curves(tmp_path)
    run = write_run(tmp_path / "run", ["half"])
    with pytest.raises(LeadlineError, match=r"metrics\.csv: not a table"):
        read_curves(run)
    (run / "metrics.csv").write_text("step,epoch,loss\n")
    fails_in_one_line(leadline("curves", run, "-o", tmp_path / "c.png"), "no numbers yet")
