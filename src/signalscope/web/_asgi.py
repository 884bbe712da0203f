"""The ASGI middleware for applications without an instrumentor of their own, and what it shares with the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from signalscope.recording._state import live
from signalscope.users._context import watch_caller
from signalscope.web._measurement import (
    CLIENT_CLOSED,
    MEASUREMENT,
    SERVER_ERROR,
    Measurement,
    Recorders,
    measurement_in,
    of_route,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiMeasurement(Measurement):
    """The measurement of one request of an ASGI application."""

    __slots__ = ("scope",)

    def __init__(self, recorders: Recorders, scope: Scope) -> None:
        self.scope = scope
        super().__init__(recorders, scope["method"])

    def header_tier(self, name: str) -> str:
        """Return the value of a request header; empty without it."""
        wanted = name.encode("latin-1")
        for header, value in self.scope["headers"]:
            if header == wanted:
                return str(value.decode("latin-1"))
        return ""

    def sender(self, send: Send) -> Send:
        """Wrap `send`: remember the status, and end the measurement after the last part of the response."""

        async def sending(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                self.status = message["status"]
            await send(message)
            if kind == "http.response.pathsend" or (
                kind == "http.response.body" and not message.get("more_body")
            ):
                self.end(SERVER_ERROR)

        return sending


class AsgiMetrics:
    """ASGI middleware that measures each HTTP request once; WebSocket and lifespan events pass through unchanged.

    For FastAPI and Starlette use `signalscope.fastapi`, and for Django its instrumentor, which know the routes.

    Args:
        app: The ASGI application.
        endpoint: Returns the route template of a request from its scope, after the application has answered. It must
            have few values, never the path itself. Without it every request has the endpoint ``unmatched``, unless
            an instrumented framework inside the application sets its route.
        tier_header: The name of a request header with the user's tier; by default that of
            SIGNALSCOPE_USER_TIER_HEADER.

    Examples:
        >>> from signalscope.web import AsgiMetrics
        >>> async def app(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 200, "headers": []})
        ...     await send({"type": "http.response.body", "body": b"hello"})
        >>> measured = AsgiMetrics(app, endpoint=lambda scope: "/greeting")
    """

    def __init__(
        self, app: AsgiApp, endpoint: Callable[[Scope], str] | None = None, tier_header: str | None = None
    ) -> None:
        self.app = app
        self._recorders = Recorders(tier_header)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on, and record it if it is an HTTP request."""
        is_measured = scope["type"] == "http" and (live.on or live.is_enabled())
        if not is_measured or measurement_in(scope) is not None:
            await self.app(scope, receive, send)
            return
        await measure_asgi(_Request(self._recorders, scope, self._endpoint), self.app, receive, send)


async def measure_asgi(request: AsgiMeasurement, app: AsgiApp, receive: Receive, send: Send) -> None:
    """Call an application, and record the request.

    Args:
        request: The measurement.
        app: The application.
        receive: Returns the next event of the connection.
        send: Sends an event.
    """
    request.scope[MEASUREMENT] = request
    is_closed = False

    async def receiving() -> Message:
        nonlocal is_closed
        message = await receive()
        is_closed = is_closed or message["type"] == "http.disconnect"
        return message

    try:
        with watch_caller() as request.caller:
            await app(request.scope, receiving, request.sender(send))
    except asyncio.CancelledError:
        request.end(CLIENT_CLOSED)
        raise
    except BaseException:
        request.end(CLIENT_CLOSED if is_closed else SERVER_ERROR, broken=True)
        raise
    request.end(CLIENT_CLOSED if is_closed else SERVER_ERROR)


class _Request(AsgiMeasurement):
    __slots__ = ("_endpoint",)

    def __init__(self, recorders: Recorders, scope: Scope, endpoint: Callable[[Scope], str] | None) -> None:
        self._endpoint = endpoint
        super().__init__(recorders, scope)

    def find_route(self) -> tuple[str, str] | None:
        if self.route is None or self._endpoint is None:
            return self.route
        return of_route(self._endpoint(self.scope))
