"""The `leadline` command: one file a sub-command, each importing what it needs when it runs."""

import sys

import typer

from leadline.cli.calibrate import calibrate_command
from leadline.cli.check_data import check_data_command
from leadline.cli.compare import compare_command
from leadline.cli.convert import convert_command
from leadline.cli.evaluate import evaluate_command
from leadline.cli.expand import expand_command
from leadline.cli.export import export_command
from leadline.cli.lists import (
    layouts_command,
    models_command,
    protocols_command,
    recipes_command,
)
from leadline.cli.predict import predict_command
from leadline.cli.runs import runs_command
from leadline.cli.train import train_command

app = typer.Typer(
    name="leadline",
    help="One photograph in, metres out: predict, train, evaluate and export depth networks.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: importing rich for it would take as long as everything else together.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("predict")(predict_command)
app.command("calibrate")(calibrate_command)
app.command("check-data")(check_data_command)
app.command("convert")(convert_command)
app.command("train")(train_command)
app.command("runs")(runs_command)
app.command("evaluate")(evaluate_command)
app.command("compare")(compare_command)
app.command("expand")(expand_command)
app.command("export")(export_command)
app.command("models")(models_command)
app.command("recipes")(recipes_command)
app.command("layouts")(layouts_command)
app.command("protocols")(protocols_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from leadline import __version__

        typer.echo(f"leadline {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """One photograph in, metres out: predict, train, evaluate and export depth networks."""


def main() -> None:
    """Run the command line; a user error is one line on stderr and exit status 2."""
    try:
        app()
    except KeyboardInterrupt:
        print("leadline: stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        line = _user_error(error)
        if line is None:
            raise
        print(f"leadline: error: {line}", file=sys.stderr)
        sys.exit(2)


def _user_error(error: Exception) -> str | None:
    """Return the one line for an error that the user can mend, None for a fault of ours."""
    # Imported here: numpy, which comes with it, would double the time of --help.
    from leadline.cli.extras import explain_missing
    from leadline.errors import LeadlineError

    if isinstance(error, ModuleNotFoundError):
        return explain_missing(error)
    if isinstance(error, LeadlineError | OSError):
        return str(error)
    return None
