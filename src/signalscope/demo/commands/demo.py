"""``signalscope demo``: run the reference service under load, with the whole pipeline."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signalscope.cli._errors import UserError, needs_extra

app = typer.Typer(add_completion=False)


@app.command()
def demo(  # noqa: PLR0917  # each is an option on the command line
    duration: Annotated[
        float | None, typer.Option(min=1, help="Seconds to run; default: until Ctrl-C.")
    ] = None,
    endpoints: Annotated[Path | None, typer.Option(help="Write the parts' URLs to this JSON file.")] = None,
    history: Annotated[
        str | None, typer.Option(help="Fill Prometheus with generated history of this length, such as 30d.")
    ] = None,
    load: Annotated[float, typer.Option(min=0, help="Requests per second, on average.")] = 20.0,
    service_port: Annotated[int | None, typer.Option(help="Port of the service (8000).")] = None,
    console_port: Annotated[int | None, typer.Option(help="Port of the console (8080).")] = None,
    prometheus_port: Annotated[int | None, typer.Option(help="Port of Prometheus (9090).")] = None,
    alertmanager_port: Annotated[int | None, typer.Option(help="Port of Alertmanager (9093).")] = None,
) -> None:
    """Run the reference service under load, with the whole pipeline."""
    with needs_extra("demo"):
        from signalscope.binaries import BinaryError  # noqa: PLC0415  # only this command needs it
        from signalscope.demo.stack import past, ports, run, state  # noqa: PLC0415  # its packages are an extra
        from signalscope.demo.stack._processes import PartError  # noqa: PLC0415  # see above
    if endpoints is not None and not endpoints.absolute().parent.is_dir():
        raise UserError(f"--endpoints {endpoints}: {endpoints.absolute().parent} is not a folder [SS730]")
    if endpoints is not None and (endpoints.is_dir() or not os.access(endpoints.absolute().parent, os.W_OK)):
        raise UserError(f"--endpoints {endpoints}: this file cannot be written; choose another one [SS730]")
    try:
        seconds = 0 if history is None else past.parse(history)
    except past.PastError as error:
        raise UserError(str(error)) from None
    if not math.isfinite(load):
        raise UserError(f"--load {load:g}: give a number of requests per second [SS731]")
    wanted = {
        "service": service_port,
        "console": console_port,
        "prometheus": prometheus_port,
        "alertmanager": alertmanager_port,
    }
    try:
        run.run(
            Console(emoji=False),
            duration=duration,
            endpoints=endpoints,
            load=load,
            ports=wanted,
            history=seconds,
        )
    except (PartError, ports.PortError, BinaryError, state.StateError) as error:
        raise UserError(str(error)) from None
    except OSError as error:  # for example a full disk
        raise UserError(f"{error.filename or 'the demo'}: {error.strerror or error} [SS739]") from None
