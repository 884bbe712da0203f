"""The status of a request whose exception a handler of the application answers is that of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fastapi import FastAPI
from signalscope.fastapi import ApiMetrics, instrument_app
from signalscope.instrumentation.fastapi import FastAPIApiMetricsInstrumentor
from signalscope.testing import Captured, capture

REQUESTS = "signal_service_api_requests_total"
CONCURRENT = "signal_service_concurrent_requests"


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the points that the test records."""
    with capture() as captured:
        yield captured


async def _breaks(_: Request) -> Response:
    raise KeyError("no such symbol")


def _handler(kind: str, status: int) -> Any:
    def handle(_: Request, __: Exception) -> Response:
        return JSONResponse({}, status)

    async def handle_async(_: Request, __: Exception) -> Response:
        return JSONResponse({}, status)

    return handle if kind == "function" else handle_async


async def _statuses(app: ASGIApp, captured: Captured, path: str = "/breaks") -> tuple[int, list[str]]:
    """Return the status that the client gets, and the statuses that are counted for it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        status = (await client.get(path)).status_code
    points = captured.points(REQUESTS)
    assert captured.points(CONCURRENT) == []  # no request is in progress
    return status, [p.labels["status_code"] for p in points for _ in range(int(p.value))]


@pytest.mark.parametrize("place", ["instrument_app", "launcher", "official", "official last", "middleware"])
@pytest.mark.parametrize("handler", ["function", "coroutine function"])
@pytest.mark.parametrize("key", [Exception, 500])
async def test_the_answer_of_the_handler_counts(
    captured: Captured, key: Any, handler: str, place: str
) -> None:
    """A handler for all exceptions, or for the status 500, decides the status, wherever the middleware is added."""
    app = FastAPI(openapi_url=None)
    app.add_route("/breaks", _breaks)
    app.add_exception_handler(key, _handler(handler, 503))
    instrumentor = FastAPIApiMetricsInstrumentor()
    if place == "launcher":
        instrumentor.instrument(skip_dep_check=True)
    elif place == "middleware":
        app.add_middleware(ApiMetrics)
    elif place == "official":
        FastAPIInstrumentor.instrument_app(app)
    if place.startswith(("instrument", "official")):
        instrument_app(app, routes=False)
    if place == "official last":
        FastAPIInstrumentor.instrument_app(app)
    try:
        assert await _statuses(app, captured) == (503, ["503"])
        assert await _statuses(app, captured) == (503, ["503", "503"])
    finally:
        if place == "launcher":
            instrumentor.uninstrument()
        elif place.startswith("official"):
            FastAPIInstrumentor.uninstrument_app(app)


@pytest.mark.parametrize("status", [200, 400, 404, 499, 500, 503, 504])
async def test_every_status_of_a_handler(captured: Captured, status: int) -> None:
    """The client's status is counted."""
    app = Starlette(routes=[Route("/breaks", _breaks)], exception_handlers={Exception: _handler("", status)})
    instrument_app(app, routes=False)
    assert await _statuses(app, captured) == (status, [str(status)])


async def test_a_handler_that_fails_is_an_error(captured: Captured) -> None:
    """A handler that raises, or an answer that breaks off, counts as 500, once."""

    async def fails(_: Request, __: Exception) -> Response:
        raise ValueError("handler")

    async def breaks_off(_: Request, __: Exception) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a"
            raise ValueError("no more")

        return StreamingResponse(parts(), 503)

    for handler in (fails, breaks_off):
        app = Starlette(routes=[Route("/breaks", _breaks)], exception_handlers={Exception: handler})
        instrument_app(app, routes=False)
        await _statuses(app, captured)
    assert [(p.labels["status_code"], p.value) for p in captured.points(REQUESTS)] == [("500", 2)]


async def test_a_cancelled_handler_ends_the_request(captured: Captured) -> None:
    """A client that leaves while the handler works is a 499, and the request is no longer in progress."""
    entered = asyncio.Event()

    async def waits(_: Request, __: Exception) -> Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = Starlette(routes=[Route("/breaks", _breaks)], exception_handlers={Exception: waits})
    instrument_app(app, routes=False)
    task = asyncio.create_task(_statuses(app, captured))
    await entered.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [p.labels["status_code"] for p in captured.points(REQUESTS)] == ["499"]
    assert captured.points(CONCURRENT) == []


async def test_debug_answers_500(captured: Captured) -> None:
    """With `debug`, Starlette shows the traceback instead of calling the handler."""
    app = Starlette(
        debug=True, routes=[Route("/breaks", _breaks)], exception_handlers={Exception: _handler("", 404)}
    )
    instrument_app(app, routes=False)
    assert await _statuses(app, captured) == (500, ["500"])


class _Catches:
    """Middleware of the application that answers every exception with 504."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except KeyError:
            await JSONResponse({}, 504)(scope, receive, send)


@pytest.mark.parametrize("handlers", [{}, {Exception: _handler("", 503)}])
async def test_a_middleware_that_answers_counts(captured: Captured, handlers: Any) -> None:
    """It may be added before or after `instrument_app`; the measurement is around it."""
    for late in (False, True):
        app = Starlette(routes=[Route("/breaks", _breaks)], exception_handlers=handlers)
        if not late:
            app.add_middleware(_Catches)
        instrument_app(app, routes=False)
        if late:
            app.add_middleware(_Catches)
        await _statuses(app, captured)
    assert [(p.labels["status_code"], p.value) for p in captured.points(REQUESTS)] == [("504", 2)]


async def test_a_middleware_around_one_that_was_placed_by_hand(captured: Captured) -> None:
    """Then the exception is the result: the response of the outer middleware cannot be observed."""
    app = Starlette(
        routes=[Route("/breaks", _breaks)],
        middleware=[Middleware(_Catches), Middleware(ApiMetrics)],
        exception_handlers={Exception: _handler("", 503)},
    )
    assert await _statuses(app, captured) == (504, ["500"])


async def test_a_handler_of_a_mounted_application(captured: Captured) -> None:
    """The mounted application answers; the handler of the outer one does not run."""
    sub = Starlette(routes=[Route("/breaks", _breaks)], exception_handlers={Exception: _handler("", 404)})
    app = Starlette(routes=[Mount("/sub", sub)], exception_handlers={Exception: _handler("", 503)})
    instrument_app(app, routes=False)
    instrument_app(sub, routes=False)
    assert await _statuses(app, captured, "/sub/breaks") == (404, ["404"])
