"""Putting the API middleware and the monitoring routes into FastAPI and Starlette applications."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from fastapi import FastAPI
from signalscope.fastapi._at_build import add, is_measured, remove
from signalscope.fastapi._router import router
from signalscope.fastapi._yielding import is_ours, put_last, undo_put_last


def instrument_app(app: Starlette, *, routes: bool = True) -> None:
    """Measure the API of an application, and add /metrics, /health and /monitoring; repeating it changes nothing.

    Requests are then in `signal_service.api.request.duration`, `signal_service.api.requests` and
    `signal_service.concurrent_requests`. The application's own routes win, also those that are added later.

    Args:
        app: A FastAPI or Starlette application that has not served a request yet.
        routes: Whether to add the routes, unless signalscope's router is included already.

    Raises:
        RuntimeError: The application has served requests: its middleware cannot be changed any more.

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
                "instrument_app must be called before the application serves its first request"
            )
        add(app)
    if routes and app not in _undo and not any(is_ours(each) for each in app.routes):
        _undo[app] = _include(app) if isinstance(app, FastAPI) else _fall_back(app)


def uninstrument_app(app: Starlette) -> None:
    """Undo `instrument_app` at once. A router that was included by hand stays.

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
        undo()
    remove(app)


#: Removes the routes of an application.
_undo: weakref.WeakKeyDictionary[Starlette, Callable[[], None]] = weakref.WeakKeyDictionary()


def _include(app: FastAPI) -> Callable[[], None]:
    before = list(app.router.routes)
    app.include_router(router)
    added = [each for each in app.router.routes if each not in before]
    put_last(app)
    weak = weakref.ref(app)

    def undo() -> None:
        if (found := weak()) is not None:
            found.router.routes = [each for each in found.router.routes if not _among(each, added)]
            undo_put_last(found)

    return undo


def _among(route: BaseRoute, routes: list[BaseRoute]) -> bool:
    return any(route is each for each in routes)


def _fall_back(app: Starlette) -> Callable[[], None]:
    """Try the routes for requests that no route of the application matches: Starlette cannot include a router."""
    own = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    own.include_router(router)
    before: ASGIApp = app.router.default
    before_lifespan = app.router.lifespan_context

    async def default(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and any(
            each.matches({**scope, "app": own})[0].value for each in own.routes
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
    weak = weakref.ref(app)

    def undo() -> None:
        if (found := weak()) is not None:
            found.router.default, found.router.lifespan_context = before, before_lifespan

    return undo
