"""`leadline doctor`: what is installed, what works, and how fast this machine is."""

from typing import Annotated

import typer

from leadline.cli.extras import EXTRA_OF, how_to_install
from leadline.cli.options import JsonOption
from leadline.cli.text import print_list
from leadline.inference.compiled_cache import CompiledCache
from leadline.inference.doctor import MachineState, RuntimeState, examine


def doctor_command(
    as_json: JsonOption = False,
    clear_cache: Annotated[
        bool, typer.Option("--clear-cache", help="Delete the cache of compiled models first.")
    ] = False,
) -> None:
    """Report what is installed, which runtimes work, how fast prediction is, and where caches are.

    Every runtime predicts one picture with the shipped model, and the results must agree. The exit
    status is 1 if prediction does not work.
    """
    if clear_cache:
        typer.echo(f"cache: removed {CompiledCache().clear() / 1e6:.0f} MB", err=as_json)
    state = examine(EXTRA_OF)
    print_list(as_json, state.to_dict, lambda: print_state(state))
    if not state.works:
        raise typer.Exit(1)


def print_state(state: MachineState) -> None:
    """Print the state of the machine, a line for each fact."""
    typer.echo(f"leadline {state.leadline}, Python {state.python}, {state.system}")
    typer.echo(f"processors: {state.processors}")
    for runtime in state.runtimes:
        typer.echo(f"{runtime.name:<12}{_runtime_in_words(runtime)}")
    if state.pictures_per_second is None:
        typer.echo("speed:      not measured: openvino, the default runtime, does not work")
    else:
        typer.echo(
            f"speed:      {state.pictures_per_second:.3g} pictures a second "
            f"(640x480, one by one, default runtime, {state.precision})"
        )
    for extra, modules in state.missing.items():
        names = ", ".join(modules)
        typer.echo(f"not installed: {names}: {how_to_install(extra)}")
    size = f"{state.cache_bytes / 1e6:.0f} MB"
    typer.echo(f"cache:      {state.cache or 'none'}" + (f" ({size})" if state.cache else ""))


def _runtime_in_words(runtime: RuntimeState) -> str:
    if runtime.version is None:
        return "missing"
    return f"{runtime.version}  {'works' if runtime.works else f'does not work: {runtime.fault}'}"
