"""The command line: `app` has the commands of this package, and those of other packages' entry points.

An entry point in the group ``signalscope.commands`` adds a command. It has the command's name and refers to a
`typer.Typer` with ``add_completion=False``. It is loaded when the command runs, or when the help lists it.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from signalscope import __version__
from signalscope.cli import targets
from signalscope.cli._errors import UserError
from signalscope.cli._extensions import import_module
from signalscope.cli.console import console
from signalscope.cli.contract import contract
from signalscope.cli.dashboards import dashboards
from signalscope.cli.generate import generate
from signalscope.contract import ContractError


class _Commands(TyperGroup):
    """The commands of this package, then those of entry points."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_entry_points())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _entry_points():
            return own
        entry_point = _entry_points()[cmd_name]
        try:
            return typer.main.get_command(entry_point.load())
        except Exception as error:  # the code of another package may raise anything
            what = f"{entry_point.value}: {type(error).__name__}: {error}"
            raise UserError(f"the command {cmd_name} cannot be loaded: {what} [SS702]") from None


def _entry_points() -> dict[str, EntryPoint]:
    return {command.name: command for command in entry_points(group="signalscope.commands")}


app = typer.Typer(
    name="signalscope",
    cls=_Commands,
    help="Production monitoring for options-signal services, from the function call to the pager.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(contract)
app.command()(generate)
app.command()(console)
app.add_typer(dashboards, name="dashboards")
app.add_typer(targets.app, name="targets")


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    imports: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="MODULE", help="First import a module that extends the contract."),
    ] = None,
) -> None:
    for name in imports or ():
        import_module(name, f"--import {name}", Path.cwd())
    if version:
        Console(emoji=False).print(__version__)
        raise typer.Exit


def run() -> None:
    """Run the command line; an error that the user can correct ends it with a message and exit status 1."""
    try:
        app(prog_name="signalscope")
    except (UserError, ContractError) as error:
        Console(stderr=True, emoji=False).print(
            f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True
        )
        sys.exit(1)
