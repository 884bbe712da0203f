"""WSGI applications that do what the specification allows, and one that does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from signalscope.testing import capture
from signalscope.web import WsgiMetrics, WsgiRoutes
from signalscope.web._wsgi import Environ, StartResponse, WsgiApp


def _get(app: WsgiApp, path: str) -> tuple[list[str], bytes]:
    """Return the statuses that the application starts, and its body, as a server reads them."""
    statuses: list[str] = []

    def start(status: str, headers: Any, *_: Any) -> Any:
        statuses.append(status)
        return lambda _data: None

    body = app({"REQUEST_METHOD": "GET", "PATH_INFO": path}, start)
    try:
        return statuses, b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()


def _lazy(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    is_known = environ["PATH_INFO"] == "/monitoring/metrics"
    start_response("200 OK" if is_known else "404 Not Found", [])
    yield b"first "
    yield b"second"


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/monitoring/metrics", "200 OK", b"first second"), ("/other", "404 Not Found", b"first second")],
)
def test_the_answer_of_a_generator_is_unchanged(path: str, status: str, body: bytes) -> None:
    """Every part of its answer arrives, on any path that the application answers itself."""
    assert _get(WsgiRoutes(_lazy), path) == ([status], body)


def test_a_generator_without_the_route_gives_way_to_ours() -> None:
    """It starts its 404 only with its first part; the server gets one status, that of the route."""
    statuses, body = _get(WsgiRoutes(_lazy), "/health/live")
    assert statuses == ["200 OK"]
    assert b"first" not in body


def test_a_status_without_a_number_reaches_the_server() -> None:
    """The application is wrong, and its server says so; the measurement does not raise."""

    def wrong(_: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("fine", [])
        return [b"hello"]

    with capture() as captured:
        assert _get(WsgiMetrics(wrong), "/") == (["fine"], b"hello")
        assert captured.value("signal_service_api_requests_total", status_code="500") == 1
