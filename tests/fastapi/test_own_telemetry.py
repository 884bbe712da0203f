"""FastAPI's own telemetry (since 0.165) with signalscope: one server span and one count a request, exported once."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.recording.receiver import Receiver, receiving

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("fastapi.telemetry") is None, reason="this FastAPI has no telemetry of its own"
)
_PROGRAM = """
import sys
import httpx
import uvicorn, threading, time
from fastapi import Depends, FastAPI
import signalscope
from signalscope.fastapi import instrument_app

options = set(sys.argv[1:])
own = {"auto_configure": True} if "auto" in options else {}
app = FastAPI(telemetry=own)
sub = FastAPI()

def dependency():
    return 1

@app.get("/quotes/{symbol}")
async def quote(symbol: str, number: int = Depends(dependency)):
    with signalscope.user_context(tier="basic"):
        return number

@sub.get("/orders/{number}")
async def order(number: int):
    return number

app.mount("/desk", sub)
if "configure" in options:
    signalscope.configure()
    instrument_app(app, routes=False)
if "official" in options:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    FastAPIInstrumentor.instrument_app(app)

server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.02)  # sleep: the server starts
port = server.servers[0].sockets[0].getsockname()[1]
for path in ("/quotes/AAPL", "/desk/orders/7"):
    assert httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 200
server.should_exit = True
thread.join()
"""
_INNER = [
    ("fastapi", "INTERNAL", f"fastapi.{part}")
    for part in ("dependencies", "dependencies", "endpoint", "endpoint", "serialization", "serialization")
]
_OWN = [("fastapi", "SERVER", "GET /desk/orders/{number}"), ("fastapi", "SERVER", "GET /quotes/{symbol}")]
_SCOPE = "opentelemetry.instrumentation.fastapi"
_OFFICIAL = [(_SCOPE, "SERVER", "GET /desk"), (_SCOPE, "SERVER", "GET /quotes/{symbol}")]


def _run(folder: Path, start: str, *options: str, **more: str) -> tuple[Receiver, str]:
    program = folder / "program.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    launcher = (
        [str(Path(sys.executable).with_name("opentelemetry-instrument"))] if start == "launcher" else []
    )
    arguments = [start, *options]
    with receiving() as receiver:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FASTAPI_"))},
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx,signalscope_httpx",
            **more,
        }
        done = subprocess.run(
            [*launcher, sys.executable, str(program), *arguments],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return receiver, done.stderr


def _total(receiver: Receiver, name: str) -> int:
    return sum(receiver.counts(name).values())


@pytest.mark.parametrize(
    ("start", "environment", "expected"),
    [
        ("launcher", {}, (_INNER + _OWN, 2, 0)),
        ("launcher auto", {}, (_INNER + _OWN, 2, 1)),
        ("launcher", {"FASTAPI_OTEL_AUTO_CONFIGURE": "true"}, (_INNER + _OWN, 2, 1)),
        ("launcher auto", {"OTEL_TRACES_EXPORTER": "none"}, ([], 2, 1)),
        ("launcher official", {}, (_OFFICIAL, 2, 0)),
        # The official instrumentor measures a mounted application again.
        ("launcher", {"OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "nothing"}, (_OFFICIAL, 3, 0)),
        ("configure", {}, (_INNER + _OWN, 2, 0)),
        ("configure auto", {}, (_INNER + _OWN, 2, 1)),
        ("configure official", {}, (_OFFICIAL, 2, 0)),
    ],
)
def test_a_request_is_one_server_span_and_one_count(
    tmp_path: Path, start: str, environment: dict[str, str], expected: tuple[object, int, int]
) -> None:
    """This is so for a mounted application too, and FastAPI's spans of dependencies and endpoints are kept."""
    receiver, log = _run(tmp_path, *start.split(), **environment)
    sent = [span for span in receiver.spans() if not span[2].endswith(("http send", "http receive"))]
    if expected[0] is _OFFICIAL:
        sent = [span for span in sent if span[1] == "SERVER"]
    counts = _total(receiver, "http.server.request.duration"), log.count("[SS333]")
    assert (sent, *counts) == expected
    assert _total(receiver, "signal_service.api.requests") == 2


def test_a_user_s_tier_is_on_the_span_of_the_request(tmp_path: Path) -> None:
    """The current span is that of the endpoint; the server span has the tier too."""
    receiver, _ = _run(tmp_path, "launcher")
    tiers = {
        span.name
        for request in receiver.traces
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
        if any(attribute.key == "user_tier" for attribute in span.attributes)
    }
    assert {"GET /quotes/{symbol}", "fastapi.endpoint"} <= tiers
