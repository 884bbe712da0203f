"""A webhook that stores the notifications of a real Alertmanager."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Webhook"]


class Webhook:
    """A server that stores the notifications by receiver."""

    def __init__(self) -> None:
        self.notifications: list[tuple[float, str, dict[str, Any]]] = []
        notifications = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server requires
                body = self.rfile.read(int(self.headers["Content-Length"]))
                notifications.append((time.monotonic(), self.path.strip("/"), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def names(self, receiver: str, job: str) -> list[str]:
        """Return the firing alerts of a job in the notifications of a receiver, in order."""
        return [name for _, name in self.pages(receiver, job)]

    def pages(self, receiver: str, job: str) -> list[tuple[float, str]]:
        """Return the moments and names of these alerts."""
        return [
            (moment, alert["labels"]["alertname"])
            for moment, own, body in self.notifications
            for alert in body["alerts"]
            if own == receiver and alert["labels"].get("job") == job and alert["status"] == "firing"
        ]
