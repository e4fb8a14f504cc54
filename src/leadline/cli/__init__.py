"""The `leadline` command: one file a sub-command, imported when it is called."""

import sys
import warnings
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from leadline.cli.commands import COMMANDS

# Plain help: importing rich for it would take as long as everything else together.
STYLE: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
UsageError = typer.BadParameter.__bases__[0]
"""Typer's error for arguments that do not fit; Typer itself exports only this child of it."""


class LazyGroup(TyperGroup):
    """A group that knows its commands by `COMMANDS` and imports the one that is called."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # for suggestions

    def invoke(self, ctx: Any) -> Any:
        """Run the command, whose warnings are lines on stderr."""
        # Imported here: help needs no warnings.
        from leadline.cli.warning_lines import print_warnings

        with print_warnings():
            return super().invoke(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].location.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, typer.Typer):
            app = typer.Typer(**STYLE)
            app.command(cmd_name)(command)
            command = app
        return typer.main.get_command(command)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return what completes a word, the commands without importing them."""
        stubs: dict[str, Any] = {
            name: TyperCommand(name, help=entry.summary, add_help_option=False)
            for name, entry in COMMANDS.items()
        }
        table = TyperGroup(name="leadline", commands=stubs, add_help_option=False)
        names: list[Any] = table.shell_complete(typer.Context(table), incomplete)
        return names + super(TyperGroup, self).shell_complete(ctx, incomplete)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


app = typer.Typer(
    name="leadline",
    cls=LazyGroup,
    help="Metric depth from single photographs: predict, train, evaluate and export depth "
    "networks.",
    invoke_without_command=True,
    **{**STYLE, "add_completion": True},
)


def _print_version(requested: bool) -> None:
    if requested:
        from leadline import __version__
        from leadline.installed import RUNTIME_MODULES, installed_version

        typer.echo(f"leadline {__version__}")
        for name in RUNTIME_MODULES:
            typer.echo(f"{name} {installed_version(name) or 'is not installed'}")
        raise typer.Exit()


@app.callback()
def _options(
    context: typer.Context,
    version: bool = typer.Option(
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the versions of Leadline and of the runtimes, and exit.",
    ),
) -> None:
    """Metric depth from single photographs: predict, train, evaluate and export depth networks."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; a user error is one line on stderr and exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a file's name may be of any encoding
            stream.reconfigure(errors="backslashreplace")
    # What Pillow remarks on pictures says nothing that Leadline does not say in words of its own.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        if "" in sys.argv[1:]:
            # A path of no letters is the current folder, which nobody means.
            raise UsageError("an argument is empty; is a variable of the shell not set?")
        status = app(standalone_mode=False)
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        # Imported here: the message of a missing module is needed only where one is missing.
        from leadline.errors import readable

        line = _user_error(error)
        if line is None:
            raise
        print(readable(line), file=sys.stderr)
        status = 2
    sys.exit(status)


def _user_error(error: Exception) -> str | None:
    """Return what to print for an error that the user can correct, None for a fault of ours."""
    # Imported here: the message of a missing module is needed only where one is missing.
    from leadline.cli.extras import explain_missing
    from leadline.errors import LeadlineError, system_error

    if isinstance(error, ModuleNotFoundError):
        return f"leadline: error: {explain_missing(error)}"
    if isinstance(error, UsageError):
        return _usage_words(error)
    if isinstance(error, LeadlineError):
        return f"leadline: error: {error}"
    if isinstance(error, OSError):
        return f"leadline: error: {system_error(error)}"
    return None


def _usage_words(error: Any) -> str:
    """Return one line for arguments that do not fit; the help of commands that lack a word."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(error.format_message())
    message = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    path = "leadline" if error.ctx is None else error.ctx.command_path
    return f"leadline: error: {message}; see '{path} --help'"
