"""The table of commands: where each one is, and its line in `leadline --help`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CommandEntry:
    """One command: `module:attribute` of a function or a `typer.Typer`, and what it does."""

    location: str
    summary: str


COMMANDS = {
    "predict": CommandEntry(
        "leadline.cli.predict:predict_command", "Predict metric depth of photographs."
    ),
    "video": CommandEntry("leadline.cli.video:video_command", "Predict the depth of a video."),
    "measure": CommandEntry(
        "leadline.cli.measure:measure_command", "Measure how far things are, and how far apart."
    ),
    "serve": CommandEntry("leadline.cli.serve:serve_command", "Answer photographs over HTTP."),
    "calibrate": CommandEntry(
        "leadline.cli.calibrate:calibrate_command", "Fit the scale of a depth map."
    ),
    "check-data": CommandEntry(
        "leadline.cli.check_data:check_data_command", "Check a data set before training on it."
    ),
    "convert": CommandEntry(
        "leadline.cli.convert:convert_command", "Convert depth files, or pack a data set."
    ),
    "expand": CommandEntry(
        "leadline.cli.expand:expand_command", "Write an augmented copy of a training split."
    ),
    "train": CommandEntry("leadline.cli.train:train_command", "Train a network and score it."),
    "runs": CommandEntry("leadline.cli.runs:runs_command", "List training runs."),
    "evaluate": CommandEntry(
        "leadline.cli.evaluate:evaluate_command", "Score predictions under a named protocol."
    ),
    "intervals": CommandEntry(
        "leadline.cli.intervals:intervals_command", "Fit the intervals of a model's uncertainty."
    ),
    "compare": CommandEntry(
        "leadline.cli.compare:compare_command", "Compare scores, image by image."
    ),
    "worlds": CommandEntry("leadline.cli.worlds:app", "Render rooms and streets with exact depth."),
    "export": CommandEntry(
        "leadline.cli.export:export_command", "Export a model to ONNX or OpenVINO."
    ),
    "push": CommandEntry("leadline.cli.push:push_command", "Send a model to the Hugging Face hub."),
    "benchmark": CommandEntry(
        "leadline.cli.benchmark:benchmark_command", "Time models in every runtime and precision."
    ),
    "doctor": CommandEntry(
        "leadline.cli.doctor:doctor_command", "Say what is installed, what works, and how fast."
    ),
    "web": CommandEntry("leadline.cli.web:web_command", "Write or open a page that predicts."),
    "models": CommandEntry("leadline.cli.models:models_command", "List architectures and weights."),
    "recipes": CommandEntry("leadline.cli.recipes:recipes_command", "List training recipes."),
    "layouts": CommandEntry(
        "leadline.cli.layouts:layouts_command", "List the data layouts that are read."
    ),
    "protocols": CommandEntry(
        "leadline.cli.protocols:protocols_command", "List evaluation protocols."
    ),
}
"""In the order of `leadline --help`."""
