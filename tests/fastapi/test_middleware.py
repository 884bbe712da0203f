"""API metrics: routes, statuses, tiers, streams, failures, cancellation and concurrency."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import httpx
import pytest
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from tests.waiting import eventually_async

import signalscope.fastapi
from fastapi import APIRouter, FastAPI, HTTPException
from signalscope import user_context
from signalscope.fastapi import ApiMetrics, instrument_app, uninstrument_app
from signalscope.instrumentation.fastapi import FastAPIApiMetricsInstrumentor
from signalscope.testing import Captured, capture
from signalscope.web._measurement import Recorders

DURATION = "signal_service_api_request_duration_seconds"
REQUESTS = "signal_service_api_requests_total"
CONCURRENT = "signal_service_concurrent_requests"


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the points that the test records."""
    with capture() as captured:
        yield captured


def _app() -> FastAPI:
    app = FastAPI()
    orders = APIRouter(prefix="/api/v1/orders", tags=["orders"])

    @orders.get("/{number}")
    async def order(number: int) -> int:
        if number == 404:
            raise HTTPException(404)
        if number == 500:
            raise ValueError(number)
        return number

    @app.get("/breaks-off")
    async def breaks_off() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a"
            raise ValueError("no more")

        return StreamingResponse(parts())

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"a"
            await asyncio.sleep(0.1)  # sleep: a stream that takes a while
            yield b"b"

        return StreamingResponse(chunks())

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    app.include_router(orders)
    app.include_router(signalscope.fastapi.router)
    return app


def _client(app: Starlette, **options: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service", **options)  # type: ignore[arg-type]


def _requests(captured: Captured) -> dict[tuple[str, str, str], float]:
    return {
        (p.labels["endpoint"], p.labels["method"], p.labels["status_code"]): p.value
        for p in captured.points(REQUESTS)
    }


async def test_requests_are_counted_by_route_never_by_path(captured: Captured) -> None:
    """A thousand paths of a route are one endpoint, others are `unmatched`; signalscope's routes are not counted."""
    app = _app()
    instrument_app(app)
    async with _client(app) as client:
        for number in range(20):
            await client.get(f"/api/v1/orders/{number}")
        for path in (
            "/api/v1/orders/404",
            "/api/v1/orders/500",
            "/wp-admin/x",
            "/.git/config",
            "/metrics",
            "/health",
        ):
            await client.get(path)
        await client.post("/api/v1/orders/1")
        await client.request("BREW", "/api/v1/orders/1")
    assert _requests(captured) == {
        ("/api/v1/orders/{number}", "GET", "200"): 20,
        ("/api/v1/orders/{number}", "GET", "404"): 1,
        ("/api/v1/orders/{number}", "GET", "500"): 1,
        ("/api/v1/orders/{number}", "POST", "405"): 1,
        ("/api/v1/orders/{number}", "_OTHER", "405"): 1,
        ("unmatched", "GET", "404"): 2,
    }
    assert captured.count(DURATION, operation_type="orders") == 24
    assert captured.count(DURATION) == sum(_requests(captured).values())


async def test_the_tier_is_what_the_service_says(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tier comes from the user context, otherwise from the configured header, otherwise it is unknown."""
    monkeypatch.setenv("SIGNALSCOPE_USER_TIER_HEADER", "X-Tier")
    app = FastAPI()

    @app.get("/said")
    async def said() -> None:
        with user_context(tier="enterprise"):
            await asyncio.sleep(0)

    @app.get("/silent")
    async def silent() -> None: ...

    instrument_app(app)
    async with _client(app) as client:
        await client.get("/said", headers={"X-Tier": "free"})
        await client.get("/silent", headers={"X-Tier": "Basic"})
        await client.get("/silent")
        await client.get("/silent", headers={"X-Tier": "vip-4711"})
    tiers = {(p.labels["endpoint"], p.labels["user_tier"]): p.value for p in captured.points(REQUESTS)}
    assert tiers == {
        ("/said", "enterprise"): 1, ("/silent", "basic"): 1, ("/silent", "unknown"): 1, ("/silent", "other"): 1
    }  # fmt: skip


async def test_a_stream_is_timed_to_its_last_byte(captured: Captured) -> None:
    """The duration lasts until the last byte, and the request is counted once."""
    app = _app()
    instrument_app(app)
    async with _client(app) as client:
        assert (await client.get("/stream")).content == b"ab"
    (point,) = captured.points(DURATION, endpoint="/stream")
    assert point.count == 1
    assert point.value >= 0.1


async def test_a_stream_that_breaks_off_has_failed(captured: Captured) -> None:
    """It counts as a failure even with status 200, because the client got only a part of the response."""
    app = _app()
    instrument_app(app)
    async with _client(app) as client:
        await client.get("/breaks-off")
    assert _requests(captured) == {("/breaks-off", "GET", "500"): 1}


async def test_a_client_that_leaves_a_stream_is_not_a_failure(captured: Captured) -> None:
    """A response with status 200 stays 200 if the client disconnects before the last byte."""
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/stream", "raw_path": b"/stream", "query_string": b"", "root_path": "",
        "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    app = _app()
    instrument_app(app)
    with pytest.raises(ClientDisconnect):
        await app(scope, receive, send)
    assert _requests(captured) == {("/stream", "GET", "200"): 1}


async def test_a_request_whose_client_left_is_counted_and_released(captured: Captured) -> None:
    """A request cancelled before its response has status 499 and is no longer in progress."""
    app = _app()
    instrument_app(app)
    async with _client(app) as client:
        request = asyncio.create_task(client.get("/slow"))
        await eventually_async(lambda: captured.points(CONCURRENT, endpoint_group="slow"), "the request")
        (during,) = captured.points(CONCURRENT, endpoint_group="slow")
        assert during.value == 1
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
    assert _requests(captured) == {("/slow", "GET", "499"): 1}
    assert captured.points(CONCURRENT, endpoint_group="slow") == []  # zero again


async def test_groups_are_those_of_the_routes(captured: Captured) -> None:
    """`api` and versions are skipped; a client cannot create a group with a new path."""
    app = _app()
    instrument_app(app)
    groups: list[str] = []

    async def report(request: Request) -> PlainTextResponse:
        groups.extend(p.labels["endpoint_group"] for p in captured.points(CONCURRENT))
        return PlainTextResponse("")

    app.add_route("/api/v2/reports/{name}", report)
    async with _client(app) as client:
        await client.get("/api/v2/reports/a")
        await client.get("/api/v2/invented/a")
    assert groups == ["reports"]


async def test_mounted_applications_have_their_prefix(captured: Captured) -> None:
    """Plain Starlette routes and applications with their own middleware have the prefix too."""

    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse("")

    app = Starlette(
        routes=[Mount("/admin", Starlette(routes=[Route("/users/{name}", page)])), Route("/top", page)]
    )
    instrument_app(app)
    async with _client(app) as client:
        await client.get("/admin/users/alice")
        await client.get("/top")
    assert _requests(captured) == {("/admin/users/{name}", "GET", "200"): 1, ("/top", "GET", "200"): 1}


async def test_instrumenting_twice_counts_once_and_can_be_undone(captured: Captured) -> None:
    """Two calls and the launcher's instrumentor count a request once; after the undo nothing is counted."""
    app = _app()
    instrument_app(app)
    instrument_app(app)
    instrumentor = FastAPIApiMetricsInstrumentor()
    build = FastAPI.build_middleware_stack
    instrumentor.instrument(skip_dep_check=True)
    try:
        async with _client(app) as client:
            await client.get("/api/v1/orders/1")
        assert sum(_requests(captured).values()) == 1
        late = _app()
        async with _client(late) as client:
            await client.get("/api/v1/orders/1")
        assert sum(_requests(captured).values()) == 2
    finally:
        instrumentor.uninstrument()
    assert FastAPI.build_middleware_stack is build
    uninstrument_app(app)
    async with _client(app) as client:
        await client.get("/api/v1/orders/1")
        await client.get("/api/v1/orders/2")
    async with _client(_app()) as client:
        await client.get("/api/v1/orders/2")
    assert sum(_requests(captured).values()) == 2


async def test_instrumenting_too_late_raises() -> None:
    """An application that has served requests cannot be instrumented."""
    app = _app()
    async with _client(app) as client:
        await client.get("/stream")
    with pytest.raises(RuntimeError, match="before the application serves its first request"):
        instrument_app(app)


async def test_a_failure_of_signalscope_does_not_break_the_request(
    captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is answered, and the failure is counted."""
    app = _app()
    instrument_app(app)

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Recorders, "find", broken)
    async with _client(app) as client:
        assert (await client.get("/api/v1/orders/1")).json() == 1
    assert captured.value("signalscope_internal_errors_total", where="web.request") == 1


async def test_other_protocols_pass_through() -> None:
    """A lifespan or WebSocket scope reaches the application unchanged."""
    calls = []

    async def app(scope: object, receive: object, send: object) -> None:
        calls.append((scope, receive, send))

    scope = {"type": "websocket"}
    with capture():
        await ApiMetrics(app)(scope, None, None)  # type: ignore[arg-type]  # never called
    assert calls == [(scope, None, None)]


async def test_an_included_router_has_its_prefix_and_tag(captured: Captured) -> None:
    """The prefix and tag of `include_router`, also nested, are in the endpoint, the group and the kind of work."""
    inner, outer, app = APIRouter(prefix="/orders"), APIRouter(), FastAPI()
    groups: list[str] = []

    @inner.get("/{number}")
    async def order(number: int) -> int:
        groups.extend(p.labels["endpoint_group"] for p in captured.points(CONCURRENT))
        return number

    outer.include_router(inner, prefix="/europe")
    app.include_router(outer, prefix="/api/v1", tags=["trading"])
    app.include_router(inner, prefix="/old")
    instrument_app(app)
    async with _client(app) as client:
        await client.get("/api/v1/europe/orders/1")
        await client.get("/old/orders/2")
    assert _requests(captured) == {
        ("/api/v1/europe/orders/{number}", "GET", "200"): 1,
        ("/old/orders/{number}", "GET", "200"): 1,
    }
    assert captured.count(DURATION, operation_type="trading") == 1
    assert groups == ["europe", "old"]
