"""The command line: ``contract``, ``generate``, ``demo``, ``fault``, and the commands of `_commands`."""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import traceback
import urllib.error
import urllib.request
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import signalscope.demo.service.instruments  # noqa: F401  # the thresholds family, an example of extend
from signalscope import __version__
from signalscope.cli import targets
from signalscope.cli._errors import UserError
from signalscope.cli.console import console
from signalscope.cli.dashboards import dashboards
from signalscope.contract._model import ContractError
from signalscope.contract._render import render_table, to_markdown, to_semconv_yaml

__all__ = ["app", "run"]

app = typer.Typer(
    name="signalscope",
    help="Production monitoring for options-signal services, from the function call to the pager.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(console)
app.add_typer(dashboards, name="dashboards")
app.add_typer(targets.app, name="targets")
_out = Console(emoji=False)
_err = Console(stderr=True, emoji=False)


class Format(StrEnum):
    """How the contract is shown."""

    TABLE = "table"
    MARKDOWN = "markdown"
    SEMCONV = "semconv"


class Switch(StrEnum):
    """What to do with a fault."""

    ON = "on"
    OFF = "off"


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    imports: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="MODULE", help="Import a module that extends the contract, first."),
    ] = None,
) -> None:
    for name in imports or ():
        _import(name)
    if version:
        _out.print(__version__)
        raise typer.Exit


@app.command()
def contract(
    format: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = Format.TABLE,  # noqa: A002  # the option's name
) -> None:
    """Print every metric: its kind, labels, allowed values and buckets."""
    if format is Format.TABLE:
        render_table(_out)
    else:
        sys.stdout.write(to_markdown() if format is Format.MARKDOWN else to_semconv_yaml())


@app.command()
def generate(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A TOML file with your own thresholds.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write below.")] = Path(),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a file is not up to date.")
    ] = False,
) -> None:
    """Write the rules, dashboards, runbooks, docs and configuration of servers."""
    try:
        from signalscope.config import ConfigError, load  # noqa: PLC0415  # see above
        from signalscope.mixin import generate as generator  # noqa: PLC0415  # pydantic is an extra
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed; pip install 'signalscope[mixin]'") from None
    try:
        loaded = load(config)
    except ConfigError as error:
        raise UserError(str(error)) from None
    if check:
        stale = generator.differences(loaded, out)
        if stale:
            raise UserError(f"not up to date: {', '.join(stale)}; run `signalscope generate`")
        _out.print("Everything is up to date.")
        return
    try:
        changed = generator.generate(loaded, out)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    for path in changed:
        _out.print(f"wrote {escape(str(path))}", highlight=False, soft_wrap=True)
    if not changed:
        _out.print("Everything is up to date.")


@app.command()
def demo(  # noqa: PLR0917  # each is an option on the command line
    duration: Annotated[
        float | None, typer.Option(min=1, help="Seconds to run for; else until Ctrl-C.")
    ] = None,
    endpoints: Annotated[Path | None, typer.Option(help="A file that gets what runs where, as JSON.")] = None,
    load: Annotated[float, typer.Option(min=0, help="Requests per second, on average.")] = 20.0,
    service_port: Annotated[int | None, typer.Option(help="Port of the service (8000).")] = None,
    console_port: Annotated[int | None, typer.Option(help="Port of the console (8080).")] = None,
    prometheus_port: Annotated[int | None, typer.Option(help="Port of Prometheus (9090).")] = None,
    alertmanager_port: Annotated[int | None, typer.Option(help="Port of Alertmanager (9093).")] = None,
) -> None:
    """Run the reference service under load, with the whole pipeline."""
    try:
        from signalscope import binaries  # noqa: PLC0415  # its packages are an extra
        from signalscope.demo.stack import ports, run, state  # noqa: PLC0415  # its packages are an extra
        from signalscope.demo.stack._processes import PartError  # noqa: PLC0415  # see above
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed; pip install 'signalscope[demo]'") from None
    if endpoints is not None and not endpoints.absolute().parent.is_dir():
        raise UserError(f"--endpoints {endpoints}: there is no folder {endpoints.absolute().parent}")
    if endpoints is not None and (endpoints.is_dir() or not os.access(endpoints.absolute().parent, os.W_OK)):
        raise UserError(f"--endpoints {endpoints}: no file can be written there")
    if not math.isfinite(load):
        raise UserError(f"--load {load:g}: give a number of requests per second")
    asked = {
        "service": service_port,
        "console": console_port,
        "prometheus": prometheus_port,
        "alertmanager": alertmanager_port,
    }
    try:
        run.run(_out, duration=duration, endpoints=endpoints, load=load, ports=asked)
    except (PartError, ports.PortError, binaries.BinaryError, state.StateError) as error:
        raise UserError(str(error)) from None
    except OSError as error:  # no room for data
        raise UserError(f"{error.filename or 'the demo'}: {error.strerror or error}") from None


@app.command(no_args_is_help=True)
def fault(
    name: Annotated[str, typer.Argument(help="A fault, or `list`.")],
    switch: Annotated[Switch | None, typer.Argument(help="on or off")] = None,
) -> None:
    """Break a part of the running demo on purpose, or mend it.

    `signalscope fault list` shows all of them, and the alerts to expect.
    """
    from signalscope.demo.stack import faults, state  # noqa: PLC0415  # only this command needs them

    try:
        if name == "list":
            _out.print(_fault_table(faults.FAULTS))
            _out.print("\nsignalscope fault NAME on|off", highlight=False)
            return
        found = faults.find(name)
        if switch is None:
            raise UserError(f"say what to do with it: signalscope fault {name} on (or off)")
        running = state.read()
    except (faults.UnknownFaultError, state.NoDemoError) as error:
        raise UserError(str(error)) from None
    base = running["service"] if found.where == "service" else running["dependencies"]["control"]
    _put(f"{base}/demo/faults/{name}", {"on": switch is Switch.ON})
    _out.print(
        f"{name} is {switch.value}. {found.effect}" if switch is Switch.ON else f"{name} is off.",
        highlight=False,
    )
    if switch is Switch.ON and "prometheus" not in running:
        _out.print("The demo runs without Prometheus: no alert fires.", highlight=False)
    elif switch is Switch.ON:
        for alert, seconds in _expected(found):
            _out.print(f"Expect the alert [bold]{alert}[/bold] within {seconds} s.", highlight=False)
    where = running["console"] if "prometheus" in running else f"{running['service']}/health"
    _out.print(f"Watch {where}", highlight=False)


def _import(name: str) -> None:
    """Import a module of the user's, from the present folder too, as `python -m` would."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(f"--import {name}: there is no module {error.name!r} here or installed") from None
    except ContractError:
        raise
    except SyntaxError as error:
        raise UserError(f"--import {name}: {error.filename}:{error.lineno}: {error.msg}") from None
    except Exception as error:  # whatever the user's module does
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UserError(
            f"--import {name}: {last.filename}:{last.lineno}: {type(error).__name__}: {error}"
        ) from None
    finally:
        sys.path.pop(0)


def _fault_table(known: dict[str, Any]) -> Table:
    """Two columns, so that names of alerts stay whole and beside their times on narrow terminals."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fault", no_wrap=True, style="bold")
    table.add_column("what it does, and which alerts to expect")
    for each in known.values():
        expected = [f"[yellow]{alert}[/yellow] within {seconds} s" for alert, seconds in _expected(each)]
        table.add_row(each.name, "\n".join((each.effect, *expected)))
    return table


def _expected(found: Any) -> list[tuple[str, int]]:
    from signalscope.mixin.alerts import expected_seconds  # noqa: PLC0415  # only this command needs it

    return [(alert, expected_seconds(alert)) for alert in found.alerts]


def _put(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310  # an http URL of the running demo
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  # see above
    except (urllib.error.URLError, OSError) as error:
        raise UserError(f"the demo does not answer at {url}: {getattr(error, 'reason', error)}") from None


def run() -> None:
    """The command line; mistakes of the user end with one line and exit status 1."""
    try:
        app(prog_name="signalscope")
    except (UserError, ContractError) as error:
        _err.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
