"""A small HTTP server for `/metrics`, for services without a web framework."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

try:
    import fcntl
except ImportError:  # Windows, where a process does not share its page
    fcntl = None  # type: ignore[assignment]  # see above

Answer = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Server:
    """A server in a daemon thread; it answers every path with the page."""

    def __init__(self, server: WSGIServer, lock: int | None) -> None:
        self._server = server
        self._lock = lock

    @classmethod
    def start(cls, host: str, port: int, answer: Answer, lock_file: Path | None) -> Server | None:
        """Start a server.

        Args:
            host: The host name or address to listen on.
            port: The TCP port.
            answer: The WSGI application.
            lock_file: The file that the serving process of a group locks.

        Returns:
            The server; None if another process of the group serves.

        Raises:
            OSError: The port is in use, or the host name is unknown.
        """
        lock = None
        if lock_file is not None and fcntl is not None:
            lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                os.close(lock)
                return None
        try:
            server = make_server(host, port, answer, server_class=_Server, handler_class=_Handler)
        except OSError:
            if lock is not None:
                os.close(lock)
            raise
        threading.Thread(target=server.serve_forever, name="signalscope-metrics", daemon=True).start()
        return cls(server, lock)

    def stop(self) -> None:
        """Stop to listen, so that another process can."""
        self._server.shutdown()
        self.abandon()

    def abandon(self) -> None:
        """Close the copies of the descriptors that a forked child has."""
        self._server.server_close()
        if self._lock is not None:
            os.close(self._lock)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False  # a client that is slow must not delay the end of the process


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class has this name
        """Do not log scrapes."""
