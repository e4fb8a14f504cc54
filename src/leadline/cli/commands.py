"""The table of commands: where each one is, and its line in `leadline --help`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CommandEntry:
    """One command: `module:attribute` of a function or a `typer.Typer`, and what it does."""

    location: str
    summary: str


COMMANDS = {
    "predict": CommandEntry(
        "leadline.cli.predict:predict_command", "Predict metric depth for photographs."
    ),
    "video": CommandEntry("leadline.cli.video:video_command", "Predict the depth of a video."),
    "measure": CommandEntry(
        "leadline.cli.measure:measure_command",
        "Measure how far away things are, and how far apart.",
    ),
    "serve": CommandEntry("leadline.cli.serve:serve_command", "Serve depth predictions over HTTP."),
    "calibrate": CommandEntry(
        "leadline.cli.calibrate:calibrate_command", "Correct a depth map with known distances."
    ),
    "check-data": CommandEntry(
        "leadline.cli.check_data:check_data_command", "Check a data set before training on it."
    ),
    "convert": CommandEntry(
        "leadline.cli.convert:convert_command",
        "Convert depth files, or pack a data set into shards.",
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
        "leadline.cli.intervals:intervals_command",
        "Calibrate the uncertainty intervals of a model.",
    ),
    "compare": CommandEntry(
        "leadline.cli.compare:compare_command", "Compare evaluation results image by image."
    ),
    "worlds": CommandEntry(
        "leadline.cli.worlds:app", "Render synthetic rooms and streets with exact depth."
    ),
    "export": CommandEntry(
        "leadline.cli.export:export_command", "Export a model to ONNX or OpenVINO."
    ),
    "push": CommandEntry(
        "leadline.cli.push:push_command", "Upload a model to the Hugging Face hub."
    ),
    "benchmark": CommandEntry(
        "leadline.cli.benchmark:benchmark_command",
        "Measure the speed of models in every runtime and precision.",
    ),
    "doctor": CommandEntry(
        "leadline.cli.doctor:doctor_command", "Check the installation: runtimes, speed and caches."
    ),
    "web": CommandEntry(
        "leadline.cli.web:web_command", "Write or open a web page that predicts in the browser."
    ),
    "models": CommandEntry(
        "leadline.cli.models:models_command",
        "List architectures and shipped models; verify weights.",
    ),
    "recipes": CommandEntry("leadline.cli.recipes:recipes_command", "List training recipes."),
    "layouts": CommandEntry(
        "leadline.cli.layouts:layouts_command", "List the supported data layouts."
    ),
    "protocols": CommandEntry(
        "leadline.cli.protocols:protocols_command", "List evaluation protocols."
    ),
}
"""In the order of `leadline --help`."""
