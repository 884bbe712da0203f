"""The routes /metrics, /health and /monitoring for applications of other frameworks than FastAPI and Starlette."""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
from collections.abc import Coroutine, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from signalscope.derived import _windows
from signalscope.fastapi._router import router
from signalscope.recording._process_state import ProcessState
from signalscope.web._asgi import AsgiApp, Message, Receive, Scope, Send
from signalscope.web._measurement import measurement_in
from signalscope.web._wsgi import Environ, StartResponse, WsgiApp

_NOT_FOUND = 404


class AsgiRoutes:
    """ASGI middleware that answers /metrics, /health and /monitoring where the application answers 404.

    Args:
        app: The ASGI application.

    Examples:
        >>> from signalscope.web import AsgiRoutes
        >>> async def app(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 404, "headers": []})
        ...     await send({"type": "http.response.body", "body": b""})
        >>> application = AsgiRoutes(app)
    """

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _is_own(scope):
            await self.app(scope, receive, send)
            return
        is_missing = False

        async def sending(message: Message) -> None:
            nonlocal is_missing
            if message["type"] == "http.response.start" and message["status"] == _NOT_FOUND:
                is_missing = True
                _forget(scope)
            if not is_missing:
                await send(message)

        await self.app(scope, receive, sending)
        if is_missing:
            _windows.shared.start()
            await _service()({**scope}, receive, send)


class WsgiRoutes:
    """WSGI middleware that answers /metrics, /health and /monitoring where the application answers 404.

    Args:
        app: The WSGI application.

    Examples:
        >>> from signalscope.web import WsgiRoutes
        >>> def app(environ, start_response):
        ...     start_response("404 Not Found", [])
        ...     return [b""]
        >>> statuses = []
        >>> environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/health/live"}
        >>> body = WsgiRoutes(app)(environ, lambda status, headers: statuses.append(status))
        >>> statuses
        ['200 OK']
    """

    def __init__(self, app: WsgiApp) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        scope = _scope(environ)
        if not _is_own(scope):
            return self.app(environ, start_response)
        is_started = is_missing = False

        def starting(status: str, headers: Any, *exc_info: Any) -> Any:
            nonlocal is_started, is_missing
            is_started, is_missing = True, status.startswith(str(_NOT_FOUND))
            if not is_missing:
                return start_response(status, headers, *exc_info)
            _forget(environ)
            return lambda _data: None

        body = self.app(environ, starting)
        if not is_started:  # a generator starts its response with its first part
            body = _Begun(body)
        if not is_missing:
            return body
        getattr(body, "close", lambda: None)()
        _windows.shared.start()
        status, headers, answer = _loop.run(_answer(scope))
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [answer]


class _Begun:
    """The body of a response whose first part is already here."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body
        parts = iter(body)
        self._parts = itertools.chain([next(parts, b"")], parts)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        getattr(self._body, "close", lambda: None)()


@functools.cache
def _service() -> FastAPI:
    service = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    service.include_router(router)
    return service


def _is_own(scope: Scope) -> bool:
    service = _service()
    return any(route.matches({**scope, "app": service})[0].value for route in service.routes)


def _forget(carrier: Any) -> None:
    """Do not record the request: it is not one for the application."""
    measurement = measurement_in(carrier)
    if measurement is not None:
        measurement.route = None


def _scope(environ: Environ) -> Scope:
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    address = environ.get("REMOTE_ADDR")
    return {
        "type": "http", "http_version": "1.1", "method": environ["REQUEST_METHOD"], "scheme": "http",
        "path": environ.get("PATH_INFO", "") or "/", "root_path": "",
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"), "headers": headers,
        "client": (address, 0) if address else None, "server": None,
    }  # fmt: skip


async def _answer(scope: Scope) -> tuple[int, list[tuple[str, str]], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await _service()(scope, receive, send)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


class _Loop(ProcessState):
    """An event loop in a thread of this process, in which the routes run."""

    def __init__(self) -> None:
        super().__init__()
        self._loop: asyncio.AbstractEventLoop | None = None

    def after_fork(self) -> None:
        """Start a new loop in the child at its first request."""
        self._loop = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine, and return its result."""
        with self.lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="signalscope-routes", daemon=True
                ).start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


_loop = _Loop()
