"""``signalscope fault``: break a part of the running demo on purpose, or repair it."""

from __future__ import annotations

import json
import urllib.request
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signalscope.cli._errors import UserError, needs_extra
from signalscope.demo.faults import FAULTS, Fault, UnknownFaultError, find
from signalscope.demo.stack import state

app = typer.Typer(add_completion=False)
_out = Console(emoji=False, highlight=False)


class Switch(StrEnum):
    """The two states of a fault."""

    ON = "on"
    OFF = "off"


@app.command(no_args_is_help=True)
def fault(
    name: Annotated[str, typer.Argument(help="A fault, or `list`.")],
    switch: Annotated[Switch | None, typer.Argument(help="on or off")] = None,
) -> None:
    """Break a part of the running demo on purpose, or repair it.

    `signalscope fault list` shows every fault, and the alerts to expect.
    """
    if name == "list":
        _out.print(_table())
        _out.print("\nsignalscope fault NAME on|off")
        return
    try:
        chosen = find(name)
        if switch is None:
            raise UserError(f"on or off is missing: signalscope fault {name} on [SS738]")
        running = state.read()
    except (UnknownFaultError, state.NoDemoError) as error:
        raise UserError(str(error)) from None
    base = running["service"] if chosen.where == "service" else running["dependencies"]["control"]
    _put(f"{base}/demo/faults/{name}", {"on": switch is Switch.ON})
    if switch is Switch.OFF:
        _out.print(f"{name} is off.")
    elif "prometheus" not in running:
        _out.print(f"{name} is on. {chosen.effect}\nThe demo runs without Prometheus: no alert fires.")
    else:
        _out.print(f"{name} is on. {chosen.effect}")
        for alert, seconds in _expected(chosen):
            _out.print(f"Expect the alert [bold]{alert}[/bold] within {seconds} s.")
    where = running["console"] if "prometheus" in running else f"{running['service']}/health"
    _out.print(f"Watch {where}")


def _table() -> Table:
    """Return a table of two columns: a narrow terminal then breaks no name of an alert."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fault", no_wrap=True, style="bold")
    table.add_column("effect, and alerts to expect")
    for known in FAULTS.values():
        expected = [f"[yellow]{alert}[/yellow] within {seconds} s" for alert, seconds in _expected(known)]
        table.add_row(known.name, "\n".join((known.effect, *expected)))
    return table


def _expected(fault: Fault) -> list[tuple[str, int]]:
    with needs_extra("demo"):
        from signalscope.mixin.alerts import expected_seconds  # noqa: PLC0415  # its packages are an extra

    return [(alert, expected_seconds(alert)) for alert in fault.alerts]


def _put(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310  # an http URL of the running demo
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  # see above
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise UserError(f"the demo does not answer at {url}: {reason} [SS736]") from None
