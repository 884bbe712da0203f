"""Add the API middleware and the monitoring routes to FastAPI and Starlette applications."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from fastapi import FastAPI
from signalscope.fastapi._middleware import add_middleware, is_measured, remove_middleware
from signalscope.fastapi._router import router
from signalscope.fastapi._yielding import is_yielding, put_last, undo_put_last


def instrument_app(app: Starlette, *, routes: bool = True) -> None:
    """Measure the requests of an application, and add the routes /metrics, /health and /monitoring.

    Requests are recorded in `signal_service.api.request.duration`, `signal_service.api.requests` and
    `signal_service.concurrent_requests`. If the application has a route with the same path, that route answers, even
    if it is added later. A second call changes nothing.

    Args:
        app: A FastAPI or Starlette application that has not served a request yet.
        routes: False adds no routes. Routes are not added twice if signalscope's router is already included.

    Raises:
        RuntimeError: The application has served a request, so its middleware can no longer be changed.

    Examples:
        >>> import asyncio
        >>> import httpx
        >>> from fastapi import FastAPI
        >>> from signalscope.fastapi import instrument_app
        >>> app = FastAPI()
        >>> instrument_app(app)
        >>> async def status():
        ...     service = httpx.ASGITransport(app)
        ...     async with httpx.AsyncClient(transport=service, base_url="http://service") as client:
        ...         return (await client.get("/health/live")).status_code
        >>> asyncio.run(status())
        200
    """
    if not is_measured(app):
        if app.middleware_stack is not None:
            raise RuntimeError(
                "instrument_app must be called before the application serves its first request [SS501]"
            )
        add_middleware(app)
    if routes and app not in _undo and not any(map(is_yielding, app.routes)):
        _undo[app] = _include(app) if isinstance(app, FastAPI) else _fall_back(app)


def uninstrument_app(app: Starlette) -> None:
    """Remove the middleware and the routes that `instrument_app` added, from the next request on.

    A router that the application included itself stays.

    Args:
        app: The application; nothing happens if it is not instrumented.

    Examples:
        >>> import asyncio
        >>> import httpx
        >>> from fastapi import FastAPI
        >>> from signalscope.fastapi import instrument_app, uninstrument_app
        >>> app = FastAPI()
        >>> instrument_app(app)
        >>> uninstrument_app(app)
        >>> async def status():
        ...     service = httpx.ASGITransport(app)
        ...     async with httpx.AsyncClient(transport=service, base_url="http://service") as client:
        ...         return (await client.get("/health/live")).status_code
        >>> asyncio.run(status())
        404
    """
    undo = _undo.pop(app, None)
    if undo is not None:
        undo(app)
    remove_middleware(app)


#: By application: the function that removes its routes. It gets the application as argument, because a closure would
#: keep the application alive.
_undo: weakref.WeakKeyDictionary[Starlette, Callable[[Any], None]] = weakref.WeakKeyDictionary()


def _include(app: FastAPI) -> Callable[[Any], None]:
    count = len(app.routes)
    app.include_router(router)
    added = app.routes[count:]
    put_last(app)

    def undo(app: FastAPI) -> None:
        routes = app.router.routes
        app.router.routes = [route for route in routes if not any(route is own for own in added)]
        undo_put_last(app)

    return undo


def _fall_back(app: Starlette) -> Callable[[Any], None]:
    """Use the routes for requests that would get status 404, because Starlette has no `include_router`."""
    own = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    own.include_router(router)
    before: ASGIApp = app.router.default
    before_lifespan = app.router.lifespan_context

    async def default(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and any(
            route.matches({**scope, "app": own})[0].value for route in own.routes
        ):
            await own(scope, receive, send)
        else:
            await before(scope, receive, send)

    @asynccontextmanager
    async def lifespan(host: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        async with own.router.lifespan_context(own), before_lifespan(host) as state:
            yield state

    app.router.default = default
    app.router.lifespan_context = cast("Lifespan[Any]", lifespan)

    def undo(app: Starlette) -> None:
        app.router.default, app.router.lifespan_context = before, before_lifespan

    return undo
