"""A small HTTP server for `/metrics`, for services without a web framework."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from signalscope.exposition._reader import render


def serve(host: str, port: int) -> None:
    """Start a server in a daemon thread; it answers every path with the page of `/metrics`.

    Args:
        host: The host name or address to listen on.
        port: The TCP port.

    Raises:
        OSError: The port is in use, or the host name is unknown.
    """
    server = make_server(host, port, _answer, server_class=_Server, handler_class=_Handler)
    threading.Thread(target=server.serve_forever, name="signalscope-metrics", daemon=True).start()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class has this name
        """Do not log scrapes."""


def _answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    page = render(environ.get("HTTP_ACCEPT", ""))
    if page is None:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"# the process is shutting down [SS507]\n"]
    body, content_type = page
    start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
