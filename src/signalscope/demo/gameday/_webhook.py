"""Receive the notifications of Alertmanager, as a pager would."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml

from signalscope.cli._errors import UserError

_BEFORE = "alertmanager.before-gameday.yml"


class Webhook:
    """A server that keeps the notifications of every receiver.

    Attributes:
        notifications: The moment in seconds since the epoch, the receiver and the body of each.
        url: The base URL; notifications of a receiver come to the path with its name.
    """

    def __init__(self) -> None:
        self.notifications: list[tuple[float, str, dict[str, Any]]] = []
        notifications = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server requires
                body = self.rfile.read(int(self.headers["Content-Length"]))
                notifications.append((time.time(), self.path.strip("/"), json.loads(body)))
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

    def firing(self) -> Iterator[tuple[float, str, dict[str, str]]]:
        """Yield the moment, the receiver and the labels of each firing alert of each notification."""
        for moment, receiver, body in [*self.notifications]:
            for alert in body["alerts"]:
                if alert["status"] == "firing":
                    yield moment, receiver, alert["labels"]


@contextmanager
def notified(alertmanager: str, config: Path) -> Iterator[Webhook]:
    """Send the notifications of every receiver to a webhook during the block; routes and waits stay as they are.

    Args:
        alertmanager: The base URL of Alertmanager.
        config: The file of its configuration.

    Raises:
        UserError: Alertmanager does not load the configuration.
    """
    before = config.with_name(_BEFORE)
    if not before.exists():  # it does after a game day that was killed
        before.write_bytes(config.read_bytes())
    webhook = Webhook()
    try:
        content = yaml.safe_load(before.read_text(encoding="utf-8"))
        content["receivers"] = [
            {"name": name, "webhook_configs": [{"url": f"{webhook.url}/{name}", "send_resolved": True}]}
            for name in (receiver["name"] for receiver in content["receivers"])
        ]
        config.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        _reload(alertmanager)
        yield webhook
    finally:
        with contextlib.suppress(OSError, UserError):  # the demo has ended, and its files are gone
            before.replace(config)
            _reload(alertmanager)
        webhook.close()


def _reload(alertmanager: str) -> None:
    try:
        urlopen(Request(f"{alertmanager}/-/reload", method="POST"), timeout=10).close()  # noqa: S310  # an http URL
    except HTTPError as error:
        with error:
            reason = error.read().decode(errors="replace").strip()
    except OSError as error:
        reason = str(getattr(error, "reason", error))
    else:
        return
    raise UserError(f"Alertmanager at {alertmanager} does not load its configuration: {reason} [SS761]")
