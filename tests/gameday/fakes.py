"""A fake demo: one server with scripted answers of the control ports, Prometheus, Alertmanager and the service.

No rule is evaluated here: a fault makes its scripted alerts fire after a scripted time.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from signalscope.demo.faults import FAULTS

__all__ = ["FakeAlert", "FakeDemo"]


@dataclass
class FakeAlert:
    """A scripted alert of a fault.

    Attributes:
        name: The name of the alert.
        after: Seconds from the fault to the alert.
        after_bad: Number of bad answers of the service before the alert.
        labels: More labels.
        notified: False if Alertmanager does not notify it.
        inhibited_by: The alert that Alertmanager names as the reason.
    """

    name: str
    after: float = 0.0
    labels: dict[str, str] = field(default_factory=dict)
    notified: bool = True
    inhibited_by: str | None = None
    after_bad: int = 0

    @property
    def all_labels(self) -> dict[str, str]:
        """The labels with the name."""
        return {"alertname": self.name, "job": "signal-service", **self.labels}


class FakeDemo:
    """A scripted demo.

    Args:
        folder: The folder of the demo's data.
        script: The alerts of each fault; another fault has none.
        harmful: The faults during which the service answers with 503.

    Attributes:
        switched: The faults that were switched, with the new state.
        always: Alerts that fire in any case.
        bad_answers: The number of answers with 503.
        history: The answer to every query: seconds since the first data.
    """

    def __init__(
        self, folder: Path, script: dict[str, list[FakeAlert]], harmful: frozenset[str] = frozenset()
    ) -> None:
        self.script = script
        self.harmful = harmful
        self.switched: list[tuple[str, bool]] = []
        self.always = [FakeAlert("Watchdog")]
        self.on: dict[str, float] = {}
        self.bad_answers = 0
        self.history = 1e6
        self._config = folder / "alertmanager.yml"
        self._config.write_text("route: {receiver: page}\nreceivers: [{name: page}]\n", encoding="utf-8")
        self._notified: set[tuple[str, str]] = set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.running: dict[str, Any] = {
            "service": self.url, "supervisor": self.url, "dependencies": {"control": self.url},
            "prometheus": f"{self.url}/prometheus", "alertmanager": f"{self.url}/alertmanager",
            "console": self.url, "logs": str(folder),
        }  # fmt: skip

    @property
    def config(self) -> str:
        """The present configuration of Alertmanager."""
        return self._config.read_text(encoding="utf-8")

    def close(self) -> None:
        """Stop the server."""
        self.server.shutdown()
        self.server.server_close()

    def alerts(self) -> list[FakeAlert]:
        """Return what fires now; the first time, notify it."""
        now = time.time()
        active = [*self.always]
        for fault, since in [*self.on.items()]:
            for alert in self.script.get(fault, []):
                if now >= since + alert.after and self.bad_answers >= alert.after_bad:
                    active.append(alert)
                    self._notify(fault, alert)
        return active

    def _notify(self, fault: str, alert: FakeAlert) -> None:
        receiver = yaml.safe_load(self.config)["receivers"][0]
        if not alert.notified or (fault, alert.name) in self._notified or "webhook_configs" not in receiver:
            return
        self._notified.add((fault, alert.name))
        body = json.dumps({"alerts": [{"status": "firing", "labels": alert.all_labels}]}).encode()
        urllib.request.urlopen(receiver["webhook_configs"][0]["url"], body, timeout=5).close()

    def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the content of an answer."""
        if path == "/demo/faults":
            return 200, {name: name in self.on for name in FAULTS}
        if path == "/prometheus/api/v1/alerts":
            rows = [{"labels": alert.all_labels, "state": "firing"} for alert in self.alerts()]
            return 200, {"data": {"alerts": rows}}
        if path.startswith("/prometheus/api/v1/query"):
            return 200, {"data": {"result": [{"value": [0, str(self.history)]}]}}
        if path == "/alertmanager/api/v2/alerts":
            return 200, [
                {
                    "fingerprint": alert.name, "labels": alert.all_labels,
                    "status": {"inhibitedBy": [alert.inhibited_by] if alert.inhibited_by else []},
                }
                for alert in self.alerts()
            ]  # fmt: skip
        if self.on.keys() & self.harmful:
            self.bad_answers += 1
            return 503, {}
        return 200, {"queued_for_delivery": True, "prices": [1.0]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        demo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*demo.get(self.path))

            def do_POST(self) -> None:
                self._read()
                self._answer(*((200, None) if self.path.endswith("/-/reload") else demo.get(self.path)))

            def do_PUT(self) -> None:
                name, on = self.path.rpartition("/")[2], json.loads(self._read())["on"]
                demo.switched.append((name, on))
                if on:
                    demo.on[name] = time.time()
                else:
                    demo.on.pop(name, None)
                self._answer(200, {})

            def log_message(self, *_: object) -> None:
                pass

            def _read(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def _answer(self, status: int, content: Any) -> None:
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        return Handler
