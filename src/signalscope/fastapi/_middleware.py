"""The ASGI middleware that measures the API of an application: durations, counts, requests in progress.

It needs Starlette only, like the launcher.
"""

from __future__ import annotations

import asyncio
import os
from time import perf_counter

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalscope.contract import METHODS
from signalscope.fastapi._routes import Groups, is_for_signalscope, route_of
from signalscope.recording import Recorder, get_instrument, group, internal_error
from signalscope.recording._state import live
from signalscope.users._context import UNKNOWN, Caller, watch_caller

_DURATION = "signal_service.api.request.duration"
_REQUESTS = "signal_service.api.requests"
_CONCURRENT = "signal_service.concurrent_requests"
_METHODS = frozenset(METHODS)
#: Combinations of attribute values whose recorders one middleware keeps.
_REMEMBERED = 2_000
#: The status of a request whose client closed the connection before the response, as nginx logs it.
_CLIENT_CLOSED = 499
_SERVER_ERROR = 500
#: Key of a scope whose request is measured, so that nested middlewares count it once.
_MEASURED = "signalscope.measured"


class ApiMetrics:
    """Measures every HTTP request of an application once; other connections pass through.

    Args:
        app: The application, or the rest of its middleware.
        tier_header: Name of a request header with the caller's tier, for services that do not use
            `signalscope.user_context`; by default SIGNALSCOPE_USER_TIER_HEADER.

    Examples:
        >>> from fastapi import FastAPI
        >>> from signalscope.fastapi import ApiMetrics
        >>> app = FastAPI()
        >>> app.add_middleware(ApiMetrics, tier_header="X-User-Tier")
    """

    def __init__(self, app: ASGIApp, tier_header: str | None = None) -> None:
        self.app = app
        header = tier_header or os.environ.get("SIGNALSCOPE_USER_TIER_HEADER", "")
        self._tier_header = header.strip().lower().encode("latin-1")
        self._groups = Groups()
        self._recorders: dict[tuple[str, ...], Recorder] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not (live.on or live.is_enabled()) or scope.get(_MEASURED):
            await self.app(scope, receive, send)
            return
        request = _Request(self, scope)
        try:
            with watch_caller() as request.caller:
                await self.app(scope, receive, request.sender(send))
        except (asyncio.CancelledError, ClientDisconnect):
            request.end(_CLIENT_CLOSED)
            raise
        except BaseException:
            request.end(_SERVER_ERROR, broken=True)
            raise
        request.end(_SERVER_ERROR)

    def recorder(self, endpoint: str, method: str, status: str, tier: str, kind: str) -> Recorder:
        """Return what records the duration of requests with these attributes, and counts them."""
        values = (endpoint, method, status, tier, kind)
        recorder = self._recorders.get(values)
        if recorder is None:
            counter = get_instrument(_REQUESTS).series(endpoint, method, status, tier)
            recorder = group(get_instrument(_DURATION).series(*values), ((counter, 1),))
            if len(self._recorders) < _REMEMBERED:
                self._recorders[values] = recorder
        return recorder

    def tier_of(self, scope: Scope, caller: Caller) -> str:
        """Return the caller's tier, from `user_context` or else from the header."""
        if caller.tier != UNKNOWN or not self._tier_header:
            return caller.tier
        for name, value in scope["headers"]:
            if name == self._tier_header:
                return str(value.decode("latin-1")).strip().lower()
        return UNKNOWN


def add_middleware(app: Starlette) -> None:
    """Add the middleware in front of the others, unless it is there; the application builds its stack later."""
    if not is_measured(app):
        app.user_middleware.insert(0, Middleware(ApiMetrics))


def is_measured(app: Starlette) -> bool:
    """Return True if the application has the middleware."""
    return any(_is_api_metrics(middleware) for middleware in app.user_middleware)


def remove_middleware(app: Starlette) -> None:
    """Remove the middleware; the application builds its stack again at the next request."""
    if is_measured(app):
        others = [middleware for middleware in app.user_middleware if not _is_api_metrics(middleware)]
        app.user_middleware[:] = others
        app.middleware_stack = None


def _is_api_metrics(middleware: Middleware) -> bool:
    middleware_class: object = middleware.cls
    return middleware_class is ApiMetrics


class _Request:
    """One request being served."""

    __slots__ = ("_began", "_concurrent", "_middleware", "_root_path", "_scope", "_status", "caller")

    def __init__(self, middleware: ApiMetrics, scope: Scope) -> None:
        self._middleware = middleware
        self._scope = scope
        self._status = 0
        self.caller = Caller()
        scope[_MEASURED] = True
        self._root_path = str(scope.get("root_path", ""))
        self._concurrent: Recorder | None = None
        try:
            self._concurrent = get_instrument(_CONCURRENT).series(middleware._groups.find(scope))
            self._concurrent.record(1)
        except Exception:  # a defect of signalscope must not break the request
            internal_error("fastapi.middleware")
        self._began = perf_counter()

    def sender(self, send: Send) -> Send:
        """Return a `send` that also records the status and the end of the response."""

        async def sending(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                self._status = message["status"]
            await send(message)
            if kind == "http.response.pathsend" or (
                kind == "http.response.body" and not message.get("more_body")
            ):
                self.end(_SERVER_ERROR)

        return sending

    def end(self, status: int, *, broken: bool = False) -> None:
        """Record the request, once; never raises.

        Args:
            status: The status when no response has started.
            broken: Whether to record that status even if a response has started: one that broke off has failed.
        """
        began, self._began = self._began, 0.0
        if not began:
            return
        elapsed = perf_counter() - began
        try:
            if self._concurrent is not None:
                self._concurrent.record(-1)
            self._record(elapsed, str(status if broken else self._status or status))
        except Exception:  # a defect of signalscope must not break the request
            internal_error("fastapi.middleware")

    def _record(self, elapsed: float, status: str) -> None:
        scope, middleware = self._scope, self._middleware
        if is_for_signalscope(scope):
            return
        endpoint, kind = route_of(scope, self._root_path)
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        tier = middleware.tier_of(scope, self.caller)
        middleware.recorder(endpoint, method, status, tier, kind).record(elapsed)
