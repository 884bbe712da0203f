"""An application with decorated work, as ASGI (`app`) and as WSGI (`wsgi`), for servers with several workers."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import signalscope
from signalscope import instrument_greeks, recording
from signalscope.exposition import _reader

if os.environ.get("TESTS_CONFIGURE"):
    signalscope.configure()


@instrument_greeks(calculation_type="delta", model_type="black_scholes")
def delta(spot: float) -> float:
    """Return a number."""
    return 0.5


recording.observe("signal_service.cache.entries", lambda: [(os.getpid(), ("pids",))])
for _ in range(int(os.environ.get("TESTS_PRELOADED", "0"))):
    delta(1.0)


def _work(path: str) -> bytes:
    """Call `delta` as often as the path's last part says; note the calls, since an answer may be lost."""
    calls = int(path.rsplit("/", 1)[-1])
    with Path(os.environ["TESTS_CALLS"]).open("ab") as file:
        file.write(b"." * calls)
    for _ in range(calls):
        delta(1.0)
    return json.dumps({"pid": os.getpid()}).encode()


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request; /metrics is the page."""
    if environ["PATH_INFO"] == "/metrics":
        return _reader.answer(environ, start_response)
    body = _work(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", str(len(body))), ("Connection", "close")])
    return [body]


async def app(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Answer one request."""
    if scope["type"] == "http":
        body = _work(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": body})
