"""Putting the API middleware into FastAPI and Starlette applications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from signalscope.fastapi._middleware import ApiMetrics

__all__ = ["add_at_build", "instrument_app", "uninstrument_app"]


def instrument_app(app: Starlette) -> None:
    """Measure an application's API; repeating it, or the launcher doing so as well, changes nothing.

    Requests are then in `signal_service.api.request.duration`, `signal_service.api.requests` and
    `signal_service.concurrent_requests`. Nothing else of the application changes: no route is added.

    Args:
        app: A FastAPI or Starlette application that has not served a request yet.

    Raises:
        RuntimeError: It has served requests already: its middleware cannot be changed any more.
    """
    if _has(app):
        return
    if app.middleware_stack is not None:
        raise RuntimeError("instrument_app must be called before the application serves its first request")
    app.user_middleware.insert(0, Middleware(ApiMetrics))


def uninstrument_app(app: Starlette) -> None:
    """Undo `instrument_app`; it takes effect at once."""
    if _has(app):
        app.user_middleware[:] = [each for each in app.user_middleware if not _is_ours(each)]
        app.middleware_stack = None  # built anew at the next request


def add_at_build(build: Callable[..., Any], app: Starlette, args: Any, kwargs: Any) -> Any:
    """Stands in front of `Starlette.build_middleware_stack`: adds the middleware when the stack is built.

    However the application's class was imported, its stack is built after its code has added everything.
    """
    if not _has(app):
        app.user_middleware.insert(0, Middleware(ApiMetrics))
    return build(*args, **kwargs)


def _has(app: Starlette) -> bool:
    return any(_is_ours(each) for each in app.user_middleware)


def _is_ours(middleware: Middleware) -> bool:
    made_by: object = middleware.cls
    return made_by is ApiMetrics
