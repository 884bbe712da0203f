"""Requests that end with an exception, but whose response comes from a handler of the application.

`exception_handler(Exception)` and `exception_handler(500)` run in Starlette's outermost middleware, outside of all
middleware of the application. So signalscope observes the response at the handler itself.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import Receive, Scope, Send

from signalscope.web._measurement import CLIENT_CLOSED, SERVER_ERROR

#: The key that marks a scope as measured, so that nested middlewares count a request once. Its value is the
#: measurement while a handler prepares the response.
MEASURED = "signalscope.measured"
#: Packages with middlewares that pass on every exception of the application.
_TRANSPARENT = {"starlette", "fastapi", "opentelemetry"}
_OBSERVED = "_signalscope_observed"


class Measurement(Protocol):
    """The measurement of one request."""

    def sender(self, send: Send) -> Send:
        """Return a `send` that observes the response."""

    def end(self, status: int, *, broken: bool = False) -> None:
        """Record the request."""


def leave_to_handler(middleware: object, scope: Scope, measurement: Measurement) -> bool:
    """Return True if a handler answers the exception that the middleware now raises, and ends the measurement.

    Args:
        middleware: signalscope's middleware.
        scope: The scope of the request.
        measurement: The measurement of the request; no response has started.
    """
    errors = _nearest_errors(getattr(scope.get("app"), "middleware_stack", None), middleware)
    if errors is None or errors.handler is None or errors.debug:
        return False
    if not hasattr(errors.handler, _OBSERVED):
        errors.handler = _observing(errors.handler)
    scope[MEASURED] = measurement
    return True


def _nearest_errors(stack: Any, middleware: object) -> ServerErrorMiddleware | None:
    """Return the innermost `ServerErrorMiddleware` around a middleware; None if another one may answer before it."""
    nearest = None
    while stack is not None and stack is not middleware:
        if isinstance(stack, ServerErrorMiddleware):
            nearest = stack
        elif type(stack).__module__.partition(".")[0] not in _TRANSPARENT:
            nearest = None
        stack = getattr(stack, "app", None)
    return nearest if stack is middleware else None


def _observing(handler: Any) -> Callable[..., Any]:
    def observed(request: Any, error: Exception) -> Any:
        with _until_answered(request.scope) as answer:
            return answer(handler(request, error))

    async def awaited(request: Any, error: Exception) -> Any:
        with _until_answered(request.scope) as answer:
            return answer(await handler(request, error))

    calls = (handler, getattr(handler, "__call__", None))  # noqa: B004  # to find out how Starlette calls it
    observing = awaited if any(map(asyncio.iscoroutinefunction, calls)) else observed
    setattr(observing, _OBSERVED, handler)
    return observing


@contextmanager
def _until_answered(scope: Scope) -> Iterator[Callable[[Any], Any]]:
    """Give a function that makes a response observed; end the measurement if the block raises."""
    measurement, scope[MEASURED] = scope.get(MEASURED), True
    if measurement is None or measurement is True:  # a request that signalscope does not measure here
        yield lambda response: response
        return
    with _ended_by_errors(measurement):
        yield functools.partial(_Answer, measurement)


@contextmanager
def _ended_by_errors(measurement: Measurement) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        is_cancelled = isinstance(error, asyncio.CancelledError)
        measurement.end(CLIENT_CLOSED if is_cancelled else SERVER_ERROR, broken=not is_cancelled)
        raise


class _Answer:
    """The response of a handler, which ends the measurement with its last byte."""

    def __init__(self, measurement: Measurement, response: Any) -> None:
        self._measurement = measurement
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with _ended_by_errors(self._measurement):
            await self._response(scope, receive, self._measurement.sender(send))
        self._measurement.end(SERVER_ERROR)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)
