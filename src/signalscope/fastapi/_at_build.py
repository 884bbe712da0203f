"""The API middleware of an application: put in, found again, taken out. It needs Starlette alone, as the launcher."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware

from signalscope.fastapi._middleware import ApiMetrics

__all__ = ["add", "is_measured", "remove"]


def add(app: Starlette) -> None:
    """Put the middleware in front of the others, unless it is there; it is used when the stack is built."""
    if not is_measured(app):
        app.user_middleware.insert(0, Middleware(ApiMetrics))


def is_measured(app: Starlette) -> bool:
    """Whether the middleware is there."""
    return any(_is_ours(each) for each in app.user_middleware)


def remove(app: Starlette) -> None:
    """Take it out; the stack is built anew at the next request."""
    if is_measured(app):
        app.user_middleware[:] = [each for each in app.user_middleware if not _is_ours(each)]
        app.middleware_stack = None


def _is_ours(middleware: Middleware) -> bool:
    made_by: object = middleware.cls
    return made_by is ApiMetrics
