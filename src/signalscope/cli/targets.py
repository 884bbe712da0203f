"""`signalscope targets`: check a targets file, or propose entries for one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from signalscope.cli._errors import UserError
from signalscope.instrumentation.targets._check import Checked
from signalscope.instrumentation.targets._check import check as check_file
from signalscope.instrumentation.targets._sources import NotReadableError
from signalscope.instrumentation.targets._suggest import suggest as propose
from signalscope.instrumentation.targets._suggest import to_toml

app = typer.Typer(
    help="Check and write targets files: they measure functions without a change of code.",
    no_args_is_help=True,
)
_out = Console(soft_wrap=True, highlight=False, emoji=False)
# Without emoji=False rich would print an emoji for `:100:` in `file.toml:100: path`.
_err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
#: How many functions of a pattern to show.
_SHOWN = 20


@app.command(no_args_is_help=True)
def check(
    file: Annotated[Path, typer.Argument(help="The targets file.")],
    imports: Annotated[
        bool,
        typer.Option(
            "--import", help="Import the modules instead of reading their source; this runs their code."
        ),
    ] = False,
) -> None:
    """Show which functions each entry finds and what it would record; fail if an entry is wrong.

    Modules are found as Python finds them, and in the current folder.
    """
    _search_current_folder()
    checked, problems = check_file(file, imports=imports)
    for entry in checked:
        _show(entry)
    problems = [*problems, *(problem for entry in checked for problem in entry.problems)]
    for problem in problems:
        _err.print(f"[red]error:[/red] {escape(str(problem))}")
    if problems:
        raise typer.Exit(1)
    functions = sum(len(entry.functions) for entry in checked)
    _out.print(
        f"{len(checked)} {'entry' if len(checked) == 1 else 'entries'}, "
        f"{functions} {'function' if functions == 1 else 'functions'}; no errors."
    )


@app.command("suggest", no_args_is_help=True)
def suggest_(
    package: Annotated[str, typer.Argument(help="The name of a package or module.")],
) -> None:
    """Read the source of a package, without an import, and print proposed entries to review."""
    _search_current_folder()
    try:
        entries, unread = propose(package)
    except NotReadableError as error:
        raise UserError(f"{error}; give a package or module as in `import NAME` [SS713]") from None
    for source in unread:
        _err.print(f"[yellow]not read:[/yellow] {escape(source)}")
    if not entries:
        _err.print(
            f"{package} has no function that looks like Greeks, a signal, cache, queue, query or service call [SS712]"
        )
        raise typer.Exit(1)
    sys.stdout.write(to_toml(package, entries))


def _show(checked: Checked) -> None:
    target = checked.target
    _out.print(f"[bold]{escape(target.path)}[/bold]  (line {target.line})")
    for function in checked.functions[:_SHOWN]:
        _out.print(f"  found     {escape(function.path)}")
        _out.print(f"            {escape(function.signature)}")
        if function.note:
            _out.print(f"            [yellow]{escape(function.note)}[/yellow]")
    if len(checked.functions) > _SHOWN:
        _out.print(f"            and {len(checked.functions) - _SHOWN} more")
    for place, name in enumerate(checked.records):
        _out.print(f"  {'' if place else 'records':10}{name}")
    shown = ", ".join(f"{key}: {value}" for key, value in checked.attributes.items())
    _out.print(f"  as        {target.kind}{escape(f' ({shown})') if shown else ''}")


def _search_current_folder() -> None:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
