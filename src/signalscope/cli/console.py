"""``signalscope console``: show the dashboards without Grafana."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signalscope.cli._errors import UserError, base_url, needs_extra
from signalscope.cli._extensions import ConfigOption, load_config

_out = Console(emoji=False)


def console(  # noqa: PLR0917  # each is an option on the command line
    prometheus: Annotated[
        str,
        typer.Option(envvar="SIGNALSCOPE_PROMETHEUS_URL", show_envvar=False, help="Prometheus' base URL."),
    ],
    dashboards: Annotated[
        Path | None, typer.Option(help="A folder of Grafana dashboards; default: those of the configuration.")
    ] = None,
    config: ConfigOption = None,
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="The port to listen on, on this machine only.")
    ] = 8080,
    scrape: Annotated[int, typer.Option(min=1, help="Seconds between two scrapes of your Prometheus.")] = 15,
    traces: Annotated[str | None, typer.Option(help="URL of a trace, with {trace_id} in it.")] = None,
) -> None:
    """Show the dashboards in a browser, with data from Prometheus, without Grafana.

    The console listens on the loopback interface only and forwards only reading
    queries. Give the URL of Prometheus here or in SIGNALSCOPE_PROMETHEUS_URL.
    """
    with needs_extra("console"):
        from signalscope.console import _boards, _runbooks  # noqa: PLC0415  # its packages are an extra
        from signalscope.console.app import HOST, Settings, serve  # noqa: PLC0415  # see above
    address = base_url("--prometheus", prometheus, "http://127.0.0.1:9090")
    if traces is not None and "{trace_id}" not in traces:
        raise UserError(f"--traces {traces}: put {{trace_id}} where the id of the trace goes [SS720]")
    loaded = load_config(config)
    try:
        boards = _boards.from_config(loaded) if dashboards is None else _boards.from_folder(dashboards)
    except _boards.BoardError as error:
        raise UserError(str(error)) from None
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UserError(f"port {port}: {reason}; choose another port with --port [SS721]") from None
    _out.print(
        f"[bold]http://{HOST}:{port}[/bold]   {len(boards.list())} dashboards, data from {address}; Ctrl-C stops it"
    )
    runbooks = _runbooks.from_config(loaded)
    serve(Settings(address, boards, scrape_seconds=scrape, traces=traces, runbooks=runbooks), port)
