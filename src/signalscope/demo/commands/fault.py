"""``signalscope fault``: break a part of the running demo on purpose, or repair it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signalscope.cli._errors import UserError, needs_extra
from signalscope.demo import control
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
    wait: Annotated[bool, typer.Option("--wait", help="After on: wait until the alerts fire.")] = False,
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
    begun = time.time()
    if control.switch(chosen, switch is Switch.ON, running, _out.print) and switch is Switch.ON:
        _tell(chosen, running)
        if wait and "prometheus" in running:
            _wait(chosen, running["prometheus"], begun)
    where = running["console"] if "prometheus" in running else f"{running['service']}/health"
    _out.print(f"Watch {where}")


def _tell(fault: Fault, running: Mapping[str, Any]) -> None:
    if "prometheus" not in running:
        _out.print("The demo runs without Prometheus: no alert fires.")
        return
    for alert, seconds in _expected(fault):
        _out.print(f"Expect the alert [bold]{alert}[/bold] within {seconds} s.")
    if fault.collateral:
        _out.print(f"These may fire as well: {', '.join(fault.collateral)}.")


def _wait(fault: Fault, prometheus: str, begun: float) -> None:
    """Wait for the alerts of a fault, and print when each fired.

    Raises:
        UserError: An alert has not fired in time.
    """
    missing = dict(_expected(fault))
    with control.AlertWatch(prometheus) as watch:
        while missing:
            firing = {episode.name for episode in watch.firing()}
            seconds = time.time() - begun
            for alert in firing & set(missing):
                _out.print(f"{alert} fires after {seconds:.0f} s (promised: {missing.pop(alert)} s).")
            if late := [alert for alert, promised in missing.items() if seconds > promised + 10]:
                raise UserError(f"{', '.join(late)}: not firing {seconds:.0f} s after the fault [SS745]")
            time.sleep(control.POLL_SECONDS)


def _table() -> Table:
    """Return a table of two columns: a narrow terminal then breaks no name of an alert."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fault", no_wrap=True, style="bold")
    table.add_column("effect, and alerts to expect")
    for known in FAULTS.values():
        expected = [f"[yellow]{alert}[/yellow] within {seconds} s" for alert, seconds in _expected(known)]
        collateral = [f"[dim]perhaps {alert}[/dim]" for alert in known.collateral]
        table.add_row(known.name, "\n".join((known.effect, *expected, *collateral)))
    return table


def _expected(fault: Fault) -> list[tuple[str, int]]:
    with needs_extra("demo"):
        from signalscope.demo.promises import promises  # noqa: PLC0415  # its packages are an extra

    return [*promises(fault).items()]
