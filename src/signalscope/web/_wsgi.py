"""The WSGI middleware that records the duration, the number and the concurrency of HTTP requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from signalscope.recording import internal_error
from signalscope.recording._state import live
from signalscope.users._context import watch_caller
from signalscope.web._measurement import (
    CLIENT_CLOSED,
    MEASUREMENT,
    SERVER_ERROR,
    Measurement,
    Recorders,
    measurement_in,
    of_route,
)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class WsgiMeasurement(Measurement):
    """The measurement of one request of a WSGI application."""

    __slots__ = ("environ",)

    def __init__(self, recorders: Recorders, environ: Environ) -> None:
        self.environ = environ
        super().__init__(recorders, environ.get("REQUEST_METHOD", ""))

    def header_tier(self, name: str) -> str:
        """Return the value of a request header; empty without it."""
        return str(self.environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))


class WsgiMetrics:
    """WSGI middleware that measures each HTTP request once, until the last byte of its response.

    For Flask and Django use their instrumentors, which know the routes.

    Args:
        app: The WSGI application.
        endpoint: Returns the route template of a request from its environment, after the application has answered.
            It must have few values, never the path itself. Without it every request has the endpoint ``unmatched``,
            unless an instrumented framework inside the application sets its route.
        tier_header: The name of a request header with the user's tier; by default that of
            SIGNALSCOPE_USER_TIER_HEADER.

    Examples:
        >>> from signalscope.testing import capture
        >>> from signalscope.web import WsgiMetrics
        >>> def app(environ, start_response):
        ...     start_response("200 OK", [])
        ...     return [b"hello"]
        >>> measured = WsgiMetrics(app, endpoint=lambda environ: "/greeting")
        >>> with capture() as captured:
        ...     answer = measured({"REQUEST_METHOD": "GET"}, lambda status, headers: None)
        ...     body = b"".join(answer)
        ...     answer.close()
        ...     captured.value("signal_service_api_requests_total", endpoint="/greeting", status_code="200")
        1
    """

    def __init__(
        self, app: WsgiApp, endpoint: Callable[[Environ], str] | None = None, tier_header: str | None = None
    ) -> None:
        self.app = app
        self._recorders = Recorders(tier_header)
        self._endpoint = endpoint

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, and record it."""
        if measurement_in(environ) is not None or not (live.on or live.is_enabled()):
            return self.app(environ, start_response)
        return measure_wsgi(
            _Request(self._recorders, environ, self._endpoint), self.app, environ, start_response
        )


def measure_wsgi(
    request: Measurement, app: WsgiApp, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Call an application, and record the request at the end of its response.

    Args:
        request: The measurement.
        app: The application.
        environ: The environment of the request.
        start_response: The function of the server.
    """
    environ[MEASUREMENT] = request

    def starting(status: str, headers: Any, *exc_info: Any) -> Any:
        write = start_response(status, headers, *exc_info)
        try:
            request.status = int(status.split(" ", 1)[0])
            request.use_current_span()
        except Exception:  # a status without a number must not break the request
            internal_error("web.request")
        return write

    try:
        with watch_caller() as request.caller:
            body = app(environ, starting)
    except BaseException:
        request.end(SERVER_ERROR, broken=True)
        raise
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(body, wrapper):
        request.end(SERVER_ERROR)  # the server sends the file with `sendfile`, and no code sees its end
        return body
    return _Body(body, request)


class _Body:
    """The body of a response, which ends the measurement when the server closes it."""

    def __init__(self, body: Iterable[bytes], request: Measurement) -> None:
        self._body = body
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except GeneratorExit:
            raise
        except BaseException:
            self._request.end(SERVER_ERROR, broken=True)
            raise
        self._request.end(SERVER_ERROR)

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # raises TypeError as the body would

    def close(self) -> None:
        """Close the body, and record the request; without a status, the client has gone before the response."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException:
            self._request.end(SERVER_ERROR, broken=True)
            raise
        self._request.end(SERVER_ERROR if self._request.status else CLIENT_CLOSED)


class _Request(WsgiMeasurement):
    __slots__ = ("_endpoint",)

    def __init__(
        self, recorders: Recorders, environ: Environ, endpoint: Callable[[Environ], str] | None
    ) -> None:
        self._endpoint = endpoint
        super().__init__(recorders, environ)

    def find_route(self) -> tuple[str, str] | None:
        if self.route is None or self._endpoint is None:
            return self.route
        return of_route(self._endpoint(self.environ))
