"""Add the API middleware to an application, find it, remove it. It needs Starlette only, like the launcher."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware

from signalscope.fastapi._middleware import ApiMetrics


def add(app: Starlette) -> None:
    """Add the middleware in front of the others, unless it is there; the application builds its stack later."""
    if not is_measured(app):
        app.user_middleware.insert(0, Middleware(ApiMetrics))


def is_measured(app: Starlette) -> bool:
    """Return True if the application has the middleware."""
    return any(_is_api_metrics(each) for each in app.user_middleware)


def remove(app: Starlette) -> None:
    """Remove the middleware; the application builds its stack again at the next request."""
    if is_measured(app):
        app.user_middleware[:] = [each for each in app.user_middleware if not _is_api_metrics(each)]
        app.middleware_stack = None


def _is_api_metrics(middleware: Middleware) -> bool:
    middleware_class: object = middleware.cls
    return middleware_class is ApiMetrics
