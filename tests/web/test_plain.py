"""Plain WSGI and ASGI applications under the middleware of `signalscope.web`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from fastapi import FastAPI
from signalscope import user_context
from signalscope.fastapi import instrument_app
from signalscope.testing import Captured, capture
from signalscope.web import AsgiMetrics, AsgiRoutes, WsgiMetrics, WsgiRoutes

REQUESTS = "signal_service_api_requests_total"


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the points that the test records."""
    with capture() as captured:
        yield captured


def _rows(captured: Captured) -> dict[tuple[str, str, str], float]:
    points = captured.points(REQUESTS)
    keys = ("endpoint", "status_code", "user_tier")
    return {tuple(point.labels[key] for key in keys): point.value for point in points}  # type: ignore[misc]  # three


def _environ(**more: str) -> dict[str, Any]:
    environ: dict[str, Any] = dict(more)
    setup_testing_defaults(environ)
    return environ


def _app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/fails":
        raise ValueError("no answer")
    with user_context(tier="basic"):
        start_response("202 Accepted", [])
    return (part for part in (b"a", b"b"))


def test_a_wsgi_application_is_measured_until_its_body_is_closed(captured: Captured) -> None:
    """The function gives the endpoint; a request is recorded once, with the tier of the user."""
    app = WsgiMetrics(WsgiMetrics(_app), endpoint=lambda environ: "/orders/{number}")
    body: Any = app(_environ(), lambda *_: None)
    assert _rows(captured) == {}
    assert b"".join(body) == b"ab"
    body.close()
    assert _rows(captured) == {("/orders/{number}", "202", "basic"): 1}


def test_a_wsgi_client_that_goes_away_has_the_status_that_was_sent(captured: Captured) -> None:
    """The server closes the body before its end; nothing is in progress after that."""
    body: Any = WsgiMetrics(_app)(_environ(), lambda *_: None)
    next(iter(body))
    body.close()
    assert _rows(captured) == {("unmatched", "202", "basic"): 1}
    assert captured.points("signal_service_concurrent_requests") == []


def test_an_exception_of_a_wsgi_application_is_a_500(captured: Captured) -> None:
    """The server gets the exception, and answers with 500."""
    with pytest.raises(ValueError, match="no answer"):
        WsgiMetrics(_app)(_environ(PATH_INFO="/fails"), lambda *_: None)
    assert _rows(captured) == {("unmatched", "500", "unknown"): 1}


def test_the_tier_may_come_from_a_header(captured: Captured) -> None:
    """`tier_header` names the header, as with FastAPI."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    body: Any = WsgiMetrics(app, tier_header="X-User-Tier")(
        _environ(HTTP_X_USER_TIER="Free"), lambda *_: None
    )
    list(body)
    assert _rows(captured) == {("unmatched", "200", "free"): 1}


async def _get(app: Any, path: str = "/", *, disconnects: bool = False) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if disconnects:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-user-tier", b"free")]
    await app(
        {"type": "http", "method": "GET", "path": path, "headers": headers, "query_string": b""},
        receive,
        send,
    )
    return sent


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    if scope["path"] == "/fails":
        raise ValueError("no answer")
    if message["type"] == "http.disconnect":
        return
    with user_context(tier="basic"):
        await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b"a"})


async def test_an_asgi_application_is_measured(captured: Captured) -> None:
    """Statuses are those of the response, of an exception, and of a client that closed the connection."""
    app = AsgiMetrics(AsgiMetrics(_asgi), endpoint=lambda scope: "/orders/{number}")
    await _get(app)
    await _get(app, disconnects=True)
    with pytest.raises(ValueError, match="no answer"):
        await _get(app, "/fails")
    assert _rows(captured) == {
        ("/orders/{number}", "202", "basic"): 1,
        ("/orders/{number}", "499", "unknown"): 1,
        ("/orders/{number}", "500", "unknown"): 1,
    }


async def test_a_cancelled_asgi_request_is_that_of_a_client_that_went_away(captured: Captured) -> None:
    """Servers cancel the task of a request whose connection is closed."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    task = asyncio.ensure_future(_get(AsgiMetrics(app, tier_header="x-user-tier")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _rows(captured) == {("unmatched", "499", "free"): 1}


async def test_a_fastapi_application_inside_is_measured_once_with_its_routes(captured: Captured) -> None:
    """The middleware around FastAPI leaves the request to the middleware inside, where the route is known."""
    inner = FastAPI()
    instrument_app(inner, routes=False)

    @inner.get("/orders/{number}")
    def order(number: int) -> int:
        return number

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope}, receive, send)

    await _get(AsgiMetrics(outer), "/orders/1")
    assert _rows(captured) == {("/orders/{number}", "200", "unknown"): 1}
    assert captured.points("signal_service_concurrent_requests") == []


async def test_other_protocols_pass_through(captured: Captured) -> None:
    """A lifespan or WebSocket scope reaches the application unchanged."""
    calls = []

    async def app(*args: Any) -> None:
        calls.append(args)

    scope = {"type": "websocket"}
    await AsgiMetrics(app)(scope, None, None)  # type: ignore[arg-type]  # never called
    assert calls == [(scope, None, None)]
    assert _rows(captured) == {}


def _paths(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    is_known = environ["PATH_INFO"] in ("/health", "/orders")
    start_response("200 OK" if is_known else "404 Not Found", [])
    return [b"own"]


def _ask(app: Any, path: str) -> tuple[str, bytes]:
    statuses: list[str] = []
    body = app(_environ(PATH_INFO=path), lambda status, *_: statuses.append(status))
    answer = b"".join(body)
    getattr(body, "close", lambda: None)()
    return statuses[0], answer


@pytest.mark.parametrize("is_outside", [True, False])
def test_the_routes_of_a_wsgi_application(is_outside: bool, captured: Captured) -> None:
    """They answer where the application has no route, and are not part of its metrics."""
    app: Any = WsgiRoutes(WsgiMetrics(_paths)) if is_outside else WsgiMetrics(WsgiRoutes(_paths))
    assert _ask(app, "/health/live") == ("200 OK", b'{"status":"healthy","failing":[]}')
    # 503 without a provider of OpenTelemetry, which another test of this process may have set.
    assert _ask(app, "/metrics")[0] in {"200 OK", "503 Service Unavailable"}
    assert _ask(app, "/monitoring/metrics")[0] == "401 Unauthorized"
    assert _rows(captured) == {}
    assert _ask(app, "/health") == ("200 OK", b"own")
    assert _ask(app, "/nothing") == ("404 Not Found", b"own")
    assert _rows(captured) == {("unmatched", "200", "unknown"): 1, ("unmatched", "404", "unknown"): 1}


@pytest.mark.parametrize("is_outside", [True, False])
async def test_the_routes_of_an_asgi_application(is_outside: bool, captured: Captured) -> None:
    """They answer where the application has no route, and are not part of its metrics."""

    async def paths(scope: Any, receive: Any, send: Any) -> None:
        status = 200 if scope["path"] == "/health" else 404
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"own"})

    app: Any = AsgiRoutes(AsgiMetrics(paths)) if is_outside else AsgiMetrics(AsgiRoutes(paths))
    start, body = await _get(app, "/health/live")
    assert (start["status"], body["body"]) == (200, b'{"status":"healthy","failing":[]}')
    assert _rows(captured) == {}
    assert [message.get("body") for message in await _get(app, "/health")] == [None, b"own"]
    assert [message.get("status") for message in await _get(app, "/nothing")] == [404, None]
    assert _rows(captured) == {("unmatched", "200", "unknown"): 1, ("unmatched", "404", "unknown"): 1}
