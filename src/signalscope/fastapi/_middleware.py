"""The ASGI middleware that records the duration, the number and the concurrency of HTTP requests.

It must not import FastAPI: the launcher also measures applications that have only Starlette.
"""

from __future__ import annotations

import asyncio
import functools
import os
import weakref
from collections.abc import Callable
from time import perf_counter
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalscope import runtime
from signalscope.contract import METHODS
from signalscope.fastapi._error_handlers import CLIENT_CLOSED, MEASURED, SERVER_ERROR, leave_to_handler
from signalscope.fastapi._groups import Groups
from signalscope.fastapi._routes import route_of, routed
from signalscope.recording import Recorder, get_instrument, group, internal_error
from signalscope.recording._state import live
from signalscope.users._context import UNKNOWN, Caller, watch_caller

_DURATION = "signal_service.api.request.duration"
_REQUESTS = "signal_service.api.requests"
_CONCURRENT = "signal_service.concurrent_requests"
_METHODS = frozenset(METHODS)
#: The maximum number of recorders that one middleware keeps, one for each combination of attribute values.
_REMEMBERED = 2_000


#: The key with the telemetry of FastAPI >= 0.165 for a request; None for a request without.
_NATIVE = "fastapi.telemetry"


class ApiMetrics:
    """ASGI middleware that measures each HTTP request once; WebSocket and lifespan events pass through unchanged.

    `instrument_app` and the launcher add it. Add it yourself only where you need to choose its place.

    Args:
        app: The next ASGI application: the next middleware, or the application itself.
        tier_header: The name of a request header with the user's tier, for services that do not use
            `signalscope.user_context`; by default the value of SIGNALSCOPE_USER_TIER_HEADER.

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
        self._root = routed(app)
        self._recorders: dict[tuple[str, ...], Recorder] = {}
        self._is_traced: bool | None = None
        self._loop: Callable[[], object] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on, and record it if it is an HTTP request."""
        if asyncio._get_running_loop() is not self._loop():
            self._watch()
        if scope["type"] != "http" or not (live.on or live.is_enabled()) or scope.get(MEASURED):
            await self.app(scope, receive, send)
            return
        if _NATIVE not in scope and self._has_official(scope):
            scope[_NATIVE] = None  # a mounted FastAPI application would make a second server span
        request = _Request(self, scope)
        try:
            with watch_caller() as request.caller:
                await self.app(scope, receive, request.sender(send))
        except (asyncio.CancelledError, ClientDisconnect):
            request.end(CLIENT_CLOSED)
            raise
        except BaseException as error:
            if not request.is_left_to_handler(error):
                request.end(SERVER_ERROR, broken=True)
            raise
        request.end(SERVER_ERROR)

    def _has_official(self, scope: Scope) -> bool:
        """Return True if the official instrumentor's middleware is around the application."""
        if self._is_traced is None:
            stack = getattr(scope.get("app"), "middleware_stack", None)
            self._is_traced = False
            while stack is not None and stack is not self:
                self._is_traced |= type(stack).__module__ == "opentelemetry.instrumentation.asgi"
                stack = getattr(stack, "app", None)
        return self._is_traced

    def _watch(self) -> None:
        """Measure the event loop, the garbage collector and the worker threads from now on."""
        try:
            loop = asyncio.get_running_loop()
            self._loop = weakref.ref(loop)
            runtime.start()
            runtime.watch_event_loop()
            runtime.use_limiter(current_default_thread_limiter())
        except Exception:  # a defect of signalscope must not break the request
            internal_error("fastapi.event_loop")

    def root_of(self, scope: Scope) -> Any:
        """Return the application with the outermost routes: behind the middleware, or around it."""
        return self._root or routed(scope.get("app"))

    def recorder(self, endpoint: str, method: str, status: str, tier: str, kind: str) -> Recorder:
        """Return the recorder of the duration and the number of requests with these attributes."""
        values = (endpoint, method, status, tier, kind)
        recorder = self._recorders.get(values)
        if recorder is None:
            counter = get_instrument(_REQUESTS).series(endpoint, method, status, tier)
            recorder = group(get_instrument(_DURATION).series(*values), ((counter, 1),))
            if len(self._recorders) < _REMEMBERED:
                self._recorders[values] = recorder
        return recorder

    def tier_of(self, scope: Scope, caller: Caller) -> str:
        """Return the user's tier from `user_context`, otherwise from the tier header."""
        if caller.tier != UNKNOWN or not self._tier_header:
            return caller.tier
        for name, value in scope["headers"]:
            if name == self._tier_header:
                return str(value.decode("latin-1")).strip().lower()
        return UNKNOWN


#: The middleware that signalscope has added; one that the application has added keeps its place.
_ADDED = Middleware(ApiMetrics)


def add_middleware(app: Starlette) -> None:
    """Add the middleware as the outermost one, in front of those that the application adds later."""
    if not is_measured(app):
        app.user_middleware.insert(0, _ADDED)
        app.build_middleware_stack = _outermost(app.build_middleware_stack, weakref.ref(app))  # type: ignore[method-assign]


def put_first(app: Starlette) -> None:
    """Make the middleware the outermost one again, unless the application has chosen its place."""
    if _ADDED in app.user_middleware or not is_measured(app):
        app.user_middleware[:] = [_ADDED, *(other for other in app.user_middleware if other is not _ADDED)]


def _outermost(build: Callable[[], ASGIApp], app: weakref.ref[Starlette]) -> Callable[[], ASGIApp]:
    def build_middleware_stack() -> ASGIApp:
        owner = app()
        if owner is not None and is_measured(owner):
            put_first(owner)
        return build()

    return functools.wraps(build)(build_middleware_stack)


def is_measured(app: Starlette) -> bool:
    """Return True if the application has the middleware."""
    return any(_is_api_metrics(middleware) for middleware in app.user_middleware)


def remove_middleware(app: Starlette) -> None:
    """Remove the middleware; the application rebuilds its middleware stack at the next request."""
    if is_measured(app):
        others = [middleware for middleware in app.user_middleware if not _is_api_metrics(middleware)]
        app.user_middleware[:] = others
        app.middleware_stack = None


def _is_api_metrics(middleware: Middleware) -> bool:
    middleware_class: object = middleware.cls
    return middleware_class is ApiMetrics


class _Request:
    """The measurement of one request, from its start to the end of its response."""

    __slots__ = ("_began", "_concurrent", "_middleware", "_root", "_root_path", "_scope", "_status", "caller")

    def __init__(self, middleware: ApiMetrics, scope: Scope) -> None:
        self._middleware = middleware
        self._scope = scope
        self._status = 0
        self.caller = Caller()
        scope[MEASURED] = True
        self._root_path = str(scope.get("root_path", ""))
        self._root: Any = None
        self._concurrent: Recorder | None = None
        try:
            self._root = middleware.root_of(scope)
            self._concurrent = get_instrument(_CONCURRENT).series(middleware._groups.find(scope, self._root))
            self._concurrent.record(1)
        except Exception:  # a defect of signalscope must not break the request
            internal_error("fastapi.middleware")
        self._began = perf_counter()

    def sender(self, send: Send) -> Send:
        """Wrap `send`: remember the status, and end the measurement after the last part of the response."""

        async def sending(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                self._status = message["status"]
            await send(message)
            if kind == "http.response.pathsend" or (
                kind == "http.response.body" and not message.get("more_body")
            ):
                self.end(SERVER_ERROR)

        return sending

    def is_left_to_handler(self, error: BaseException) -> bool:
        """Return True if a handler of the application answers the exception, and ends the measurement."""
        if self._status or not self._began or not isinstance(error, Exception):
            return False
        try:
            return leave_to_handler(self._middleware, self._scope, self)
        except Exception:  # a defect of signalscope must not replace the exception
            internal_error("fastapi.middleware")
            return False

    def end(self, status: int, *, broken: bool = False) -> None:
        """Record the request. A second call does nothing. Never raises.

        Args:
            status: The status to record if no response has started.
            broken: True records ``status`` even if a response has started, because it ended with an exception.
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
        route = route_of(scope, self._root, self._root_path)
        if route is None:
            return
        endpoint, kind = route
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        tier = middleware.tier_of(scope, self.caller)
        middleware.recorder(endpoint, method, status, tier, kind).record(elapsed)
