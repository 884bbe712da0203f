"""The five external services: HTTP servers in one process, each with its own port.

``python -m signalscope.demo.stack.dependencies --ports '{"ticker_service": 9001, ..., "control": 9000}'``

The control port shows and switches faults: ``GET /demo/faults``, and ``PUT /demo/faults/NAME`` with
``{"on": true}``. The module imports little, so that the demo starts quickly.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from signalscope.demo.faults import DEPENDENCIES, FAULTS, UnknownFaultError, find
from signalscope.demo.stack._processes import stop_at_signals

SLOW_SECONDS = 2.5

_CONTROL = "control"
#: Service -> method and path of each of its operations.
_OPERATIONS = {
    "ticker_service": ("GET /quotes/{symbol}",),
    "marketplace_service": ("GET /entitlements/{tier}",),
    "config_service": ("GET /config",),
    "alert_service": ("POST /alerts", "GET /receipts"),
    "comms_service": ("POST /messages", "GET /receipts"),
}


@dataclass
class DependencyServer:
    """An external service: a server that can be slow, fail, or be down.

    Attributes:
        name: The name of the service, one of `DEPENDENCIES`.
        port: The port; 0 takes a free port and keeps it.
        host: The address to listen on; the loopback interface, except in containers.
        slow: True to answer calls 2.5 s late.
        failing: True to answer calls with 503.
    """

    name: str
    port: int
    host: str = "127.0.0.1"
    slow: bool = False
    failing: bool = False
    _server: uvicorn.Server | None = None
    _task: asyncio.Task[None] | None = None
    _sequence: int = 0
    _random: random.Random = field(default_factory=random.Random)

    async def open(self) -> None:
        """Start to listen; do nothing if the server already listens.

        Raises:
            OSError: The port is taken.
        """
        if self._task is not None:
            return
        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        self._server = _Server(self._app())
        self._task = asyncio.create_task(self._server.serve([listener]), name=self.name)
        while not self._server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Close the listening socket and all connections."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
            # uvicorn keeps a connection that it accepted while it stopped; such a connection would be answered.
            for connection in self._server.server_state.connections:
                connection.transport.abort()
        self._server = self._task = None

    async def switch(self, mode: str | None, on: bool) -> None:
        """Switch a fault.

        Args:
            mode: ``down``, ``slow`` or ``failing``.
            on: True to switch it on.
        """
        if mode == "down":
            await (self.close() if on else self.open())
        elif mode == "slow":
            self.slow = on
        else:
            self.failing = on

    def is_on(self, mode: str | None) -> bool:
        """Return True if a fault is on."""
        return {"down": self._task is None, "slow": self.slow}.get(mode or "", self.failing)

    def _app(self) -> Starlette:
        operations = (operation.split() for operation in _OPERATIONS[self.name])
        calls = [Route(path, self._answer, methods=[method]) for method, path in operations]
        return Starlette(routes=[Route("/health", _health), *calls])

    async def _answer(self, request: Request) -> Response:
        await asyncio.sleep(self._random.lognormvariate(-5.5, 0.6))  # 4 ms in the median
        if self.slow:
            await asyncio.sleep(SLOW_SECONDS)
        if self.failing:
            return JSONResponse({"error": "switched to failing"}, 503)
        self._sequence += 1
        return JSONResponse(_body(self.name, request, self._sequence))


def _body(name: str, request: Request, sequence: int) -> dict[str, object]:
    match name:
        case "ticker_service":
            return {"symbol": request.path_params["symbol"], "spread": 0.0004, "sequence": sequence}
        case "marketplace_service":
            return {"premium": request.path_params["tier"] in ("professional", "enterprise")}
        case "config_service":
            return {"version": 1, "hold_below": 0.25}
        case _ if request.method == "GET":
            return {"delivered": sequence}
        case _:
            return {"accepted": True, "number": sequence}


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Server(uvicorn.Server):
    """A server that does not handle signals: the process has several servers and handles them itself."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
                ws="none",
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise OSError(f"cannot listen on port {port}: {os.strerror(error.errno or 0)} [SS741]") from None


def control_app(servers: dict[str, DependencyServer]) -> Starlette:
    """Return the application of the control port.

    Args:
        servers: The external services by name.
    """

    async def show(_: Request) -> Response:
        return JSONResponse(
            {
                fault.name: servers[fault.dependency].is_on(fault.mode)
                for fault in FAULTS.values()
                if fault.dependency is not None
            }
        )

    async def switch(request: Request) -> Response:
        try:
            fault = find(request.path_params["name"], "dependencies")
            on = (await request.json())["on"]
        except UnknownFaultError as error:
            return JSONResponse({"detail": str(error)}, 404)
        except (ValueError, KeyError, TypeError):
            on = None
        if not isinstance(on, bool):
            return JSONResponse({"detail": 'the body must be {"on": true} or {"on": false} [SS742]'}, 422)
        await servers[str(fault.dependency)].switch(fault.mode, on)
        return JSONResponse({fault.name: on})

    return Starlette(
        routes=[
            Route("/health", _health),
            Route("/demo/faults", show),
            Route("/demo/faults/{name}", switch, methods=["PUT"]),
        ]
    )


def parse_ports(text: str) -> dict[str, int]:
    """Return the port of each service from the text of ``--ports``.

    Args:
        text: A JSON object, or ``name=port,name=port``.

    Raises:
        ValueError: The text has neither form, a service is missing, or a name is unknown.

    Example:
        >>> parse_ports(
        ...     "ticker_service=1,marketplace_service=2,config_service=3,alert_service=4,comms_service=5,control=6"
        ... )["control"]
        6
    """
    if text.lstrip().startswith("{"):
        ports = {str(name): int(port) for name, port in json.loads(text).items()}
    else:
        pairs = (part.partition("=") for part in text.split(",") if part)
        ports = {name.strip(): int(port) for name, _, port in pairs}
    if set(ports) != {*DEPENDENCIES, _CONTROL}:
        raise ValueError(f"--ports must name {', '.join((*DEPENDENCIES, _CONTROL))}, each once [SS740]")
    return ports


async def _run(ports: dict[str, int], host: str) -> None:
    stop = stop_at_signals()
    servers = {name: DependencyServer(name, ports[name], host) for name in DEPENDENCIES}
    for server in servers.values():
        await server.open()
    listener = _listen(host, ports[_CONTROL])
    control = _Server(control_app(servers))
    serving = asyncio.create_task(control.serve([listener]))
    bound = {name: server.port for name, server in servers.items()} | {_CONTROL: listener.getsockname()[1]}
    print(json.dumps({"ready": bound}), flush=True)  # noqa: T201  # the parent process reads it
    await stop.wait()
    control.should_exit = True
    await asyncio.gather(serving, *(server.close() for server in servers.values()))


def main(arguments: list[str] | None = None) -> None:
    """Run the five services until SIGINT or SIGTERM.

    Args:
        arguments: Arguments of the command line; None for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m signalscope.demo.stack.dependencies", description=__doc__
    )
    parser.add_argument("--ports", required=True, help="JSON, or name=port,...; 0 takes a free port")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_run(parse_ports(options.ports), options.host))
    except (ValueError, OSError) as error:
        parser.exit(2, f"signalscope.demo.stack.dependencies: {error}\n")


if __name__ == "__main__":
    main()
