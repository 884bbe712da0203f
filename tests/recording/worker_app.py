"""An ASGI application with decorated work, for servers that fork."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from tests.recording.otlp_setup import set_up

from signalscope.decorators import instrument_greeks

set_up()


@instrument_greeks(calculation_type="delta", model_type="black_scholes")
def delta(spot: float) -> float:
    """Return a number."""
    return 0.5


PRELOADED = 7
for _ in range(PRELOADED):
    delta(1.0)  # recorded before the server forks, so only the parent exports it


def _note() -> None:
    """Store a request: clients cannot count them, since the answer of a killed worker may be lost."""
    with Path(os.environ["TESTS_CALLS"]).open("ab") as calls:
        calls.write(b".")


async def app(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Call `delta` as often as the path's last part says, and return the process id."""
    if scope["type"] != "http":
        return
    for _ in range(int(scope["path"].rsplit("/", 1)[-1] or 0)):
        delta(1.0)
    _note()
    await asyncio.sleep(0.05)  # sleep: slow work, so that several workers are busy at once
    body = json.dumps({"pid": os.getpid()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
