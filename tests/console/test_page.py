"""The console in a real browser: what it shows when Prometheus has data, and when it does not answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from signalscope.demo._processes import Part, answers, free_port, wait_until

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]

_ALERT = {
    "state": "firing",
    "activeAt": "2026-01-05T09:15:00Z",
    "labels": {"alertname": "SignalServiceDown", "severity": "critical"},
    "annotations": {
        "summary": "it is down",
        "response": "Restart it.",
        "runbook_url": "https://example.com/down.md",
    },
}


class _FakePrometheus(BaseHTTPRequestHandler):
    """A stand-in: a real one cannot be made to have a chosen alert firing within a second."""

    def do_GET(self) -> None:
        if self.path.startswith("/api/v1/alerts"):
            data: object = {"alerts": [_ALERT]}
        elif self.path.startswith("/api/v1/targets"):
            target = {
                "labels": {"job": "signal-service"},
                "scrapeUrl": "http://127.0.0.1:1/metrics",
                "health": "up",
            }
            data = {"activeTargets": [target]}
        else:
            has_data = "greeks_options_total" in self.path and "vectorized" not in self.path
            data = {"result": [{"value": [0, "4321"]}] if has_data else []}
        body = json.dumps({"status": "success", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Stay quiet."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    """The stand-in's URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _FakePrometheus)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def _page(tmp_path: Path, endpoints: dict[str, object]) -> str:
    """What a browser shows of the console, as HTML after its script has run."""
    file, port = tmp_path / "endpoints.json", free_port()
    file.write_text(json.dumps(endpoints), encoding="utf-8")
    command = [sys.executable, "-m", "signalscope.console", "--port", str(port), "--endpoints", str(file)]
    part = Part("console", command, tmp_path / "console.log")
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the console", 30, [part])
        flags = (
            "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
            "--disable-component-update --disable-sync --virtual-time-budget=4000 --dump-dom"
        )
        done = subprocess.run(
            [shutil.which("chromium") or "", *flags.split(), f"--user-data-dir={tmp_path / 'profile'}",
             f"http://127.0.0.1:{port}/"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout
    finally:
        part.stop()


def test_it_shows_alerts_numbers_and_targets(tmp_path: Path, prometheus: str) -> None:
    """Numbers are Prometheus'; what has no data is a dash, not a zero; the token is nowhere."""
    html = _page(
        tmp_path, {"service": "http://127.0.0.1:1", "prometheus": prometheus, "token": "s3cret-token"}
    )
    assert "SignalServiceDown (firing)" in html
    assert "it is down. Restart it." in html
    assert "4321 /s" in html
    assert "<b>\N{EN DASH}</b>" in html
    assert "signal-service" in html
    assert "s3cret-token" not in html


def test_it_says_when_there_is_nobody_to_ask(tmp_path: Path) -> None:
    """Prometheus is away, or was never there: told in words, and no number is shown."""
    html = _page(tmp_path, {"service": "http://127.0.0.1:1", "prometheus": f"http://127.0.0.1:{free_port()}"})
    assert "Prometheus does not answer: ConnectError" in html
    assert '<div class="number"' not in html
    html = _page(tmp_path, {"service": "http://127.0.0.1:1"})
    assert "There is no Prometheus: the demo runs embedded." in html
