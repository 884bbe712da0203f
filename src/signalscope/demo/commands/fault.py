"""``signalscope fault``: break a part of the running demo on purpose, or repair it."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from urllib.error import HTTPError

import typer
from rich.console import Console
from rich.table import Table

from signalscope.cli._errors import UserError, needs_extra
from signalscope.demo.faults import FAULTS, SERVICE_DOWN, Fault, UnknownFaultError, Where, find
from signalscope.demo.stack import state

app = typer.Typer(add_completion=False)
_out = Console(emoji=False, highlight=False)

#: Seconds to wait for an answer and for the new state; the service needs longer to start again.
_PATIENCE, _PATIENCE_TO_START = 30.0, 100.0


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
    if _switch(chosen, switch is Switch.ON, running) and switch is Switch.ON:
        _tell(chosen, running)
        if wait and "prometheus" in running:
            _wait(chosen, running["prometheus"], begun)
    where = running["console"] if "prometheus" in running else f"{running['service']}/health"
    _out.print(f"Watch {where}")


def _switch(fault: Fault, on: bool, running: Mapping[str, Any]) -> bool:
    """Switch a fault, wait until its server reports the new state, and return True if the state has changed.

    Raises:
        UserError: The fault cannot be switched now, or the server does not report the new state in time.
    """
    states = _states(fault, running)
    active = [known for known, is_on in states.items() if is_on]
    if not on and not states[fault.name]:
        others = f"; on: {', '.join(active)}" if active else "; no other fault is on there either"
        raise UserError(f"{fault.name} is not on, so it cannot be switched off{others} [SS743]")
    if on and states[fault.name]:
        _out.print(f"{fault.name} was already on.")
        return False
    for other in active:
        if on and fault.excludes(FAULTS[other]):
            raise UserError(
                f"{fault.name} and {other} exclude each other, and {other} is on; "
                f"run `signalscope fault {other} off` first [SS744]"
            )
    begun = time.monotonic()
    base, patience = _base(fault.where, running), _PATIENCE
    if fault.name == SERVICE_DOWN and not on:
        _out.print("The service starts again …")
        patience = _PATIENCE_TO_START
    _ask(f"{base}/demo/faults/{fault.name}", {"on": on})
    while _ask(f"{base}/demo/faults")[fault.name] is not on:
        if time.monotonic() - begun > patience:
            raise UserError(
                f"{fault.name} is still {'off' if on else 'on'} after {patience:.0f} s; "
                f"see the logs in {running['logs']} [SS736]"
            )
        time.sleep(0.2)
    seconds = time.monotonic() - begun
    late = f" (the demo needed {seconds:.0f} s)" if seconds > 2 else ""
    _out.print(f"{fault.name} is {'on' if on else 'off'}{late}." + (f" {fault.effect}" if on else ""))
    return True


def _states(fault: Fault, running: Mapping[str, Any]) -> dict[str, bool]:
    """Return which faults are on, of those that a fault may exclude."""
    if fault.where == "dependencies":
        return _ask(f"{_base('dependencies', running)}/demo/faults")
    states = _ask(f"{_base('supervisor', running)}/demo/faults")
    if not states[SERVICE_DOWN]:  # otherwise the service does not answer
        states |= _ask(f"{_base('service', running)}/demo/faults")
    elif fault.where == "service":
        states |= {fault.name: False}
    return states


def _base(where: Where, running: Mapping[str, Any]) -> str:
    base: str = running["dependencies"]["control"] if where == "dependencies" else running[where]
    return base


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
    query = urllib.parse.urlencode({"query": 'ALERTS{alertstate="firing"}'})
    while missing:
        firing = {
            row["metric"]["alertname"] for row in _ask(f"{prometheus}/api/v1/query?{query}")["data"]["result"]
        }
        seconds = time.time() - begun
        for alert in firing & set(missing):
            _out.print(f"{alert} fires after {seconds:.0f} s (promised: {missing.pop(alert)} s).")
        if late := [alert for alert, promised in missing.items() if seconds > promised + 10]:
            raise UserError(f"{', '.join(late)}: not firing {seconds:.0f} s after the fault [SS745]")
        time.sleep(1)


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
        from signalscope.mixin.alerts import expected_seconds  # noqa: PLC0415  # its packages are an extra

    return [(alert, expected_seconds(alert)) for alert in fault.alerts]


def _ask(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the answer of a server of the demo; repeat the request while the server does not answer.

    Raises:
        UserError: The server has not answered in time, or has refused the request.
    """
    headers, method = {"Content-Type": "application/json"}, "GET" if body is None else "PUT"
    data = None if body is None else json.dumps(body).encode()
    ask = partial(urllib.request.Request, url, data, headers, method=method)
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(ask(), timeout=10) as answer:  # noqa: S310  # an http URL of the running demo
                content: dict[str, Any] = json.load(answer)
                return content
        except HTTPError as error:
            with error:
                detail = error.read().decode(errors="replace")
            if error.code < 500:
                raise UserError(f"{url}: {detail} [SS736]") from None
            reason: object = error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
        if time.monotonic() > end:
            raise UserError(
                f"the demo has not answered for {_PATIENCE:.0f} s at {url}: {reason}; "
                "repeat the command: it says if the fault is on [SS736]"
            )
        time.sleep(0.5)
