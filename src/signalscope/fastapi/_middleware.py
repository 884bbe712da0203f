"""The ASGI middleware that records the duration, the number and the concurrency of HTTP requests.

It must not import FastAPI: the launcher also measures applications that have only Starlette.
"""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import Callable
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from signalscope import runtime
from signalscope.fastapi._error_handlers import MEASURED, leave_to_handler
from signalscope.fastapi._groups import Groups
from signalscope.fastapi._routes import route_of, routed
from signalscope.recording import internal_error
from signalscope.recording._state import live
from signalscope.users._context import watch_caller
from signalscope.web._asgi import AsgiMeasurement
from signalscope.web._measurement import (
    CLIENT_CLOSED,
    MEASUREMENT,
    SERVER_ERROR,
    Recorders,
    measurement_in,
)

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
        self.recorders = Recorders(tier_header)
        self._groups = Groups()
        self._root = routed(app)
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
        outer = measurement_in(scope)
        if outer is not None:
            outer.abandon()
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


class _Request(AsgiMeasurement):
    """The measurement of one request, from its start to the end of its response."""

    __slots__ = ("_middleware", "_root", "_root_path")

    def __init__(self, middleware: ApiMetrics, scope: Scope) -> None:
        self._middleware = middleware
        self._root_path = str(scope.get("root_path", ""))
        self._root: Any = None
        scope[MEASURED], scope[MEASUREMENT] = True, self
        super().__init__(middleware.recorders, scope)

    def endpoint_group(self) -> str:
        """Return the first segment of the route template."""
        self._root = self._middleware.root_of(self.scope)
        return self._middleware._groups.find(self.scope, self._root)

    def find_route(self) -> tuple[str, str] | None:
        """Return the template and the kind of the route that the framework has chosen."""
        return route_of(self.scope, self._root, self._root_path)

    def is_left_to_handler(self, error: BaseException) -> bool:
        """Return True if a handler of the application answers the exception, and ends the measurement."""
        if self.status or not self.is_running or not isinstance(error, Exception):
            return False
        try:
            return leave_to_handler(self._middleware, self.scope, self)
        except Exception:  # a defect of signalscope must not replace the exception
            internal_error("fastapi.middleware")
            return False
