"""A FastAPI request with signalscope's API metrics, compared with the official instrumentor alone.

Each variant runs in a separate process, because an instrumentor can have only one set of settings in a process.
Requests go directly to the ASGI application: a client and sockets would cost far more than the measured part.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import pin
from benchmarks.report import Result

__all__ = ["compared"]

_VARIANTS = ("bare", "stock", "ours")
_REQUESTS, _REPEATS, _PROCESSES = 400, 12, 5
_CASE = "FastAPI request: API metrics and the official span"


def compared() -> Iterator[Result]:
    """Compare signalscope's metrics and the official spans with the official metrics and spans."""
    if not _has_instrument_app():
        yield Result(_CASE, None, "stock instrumentor", target=1.0, note="signalscope.fastapi is not there")
        return
    times: dict[str, list[float]] = {variant: [] for variant in _VARIANTS}
    for _ in range(_PROCESSES):  # interleaved: each variant in turn
        for variant in _VARIANTS:
            done = subprocess.run(  # noqa: S603  # the interpreter and arguments are trusted
                [sys.executable, "-m", "benchmarks.service", variant],
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
                cwd=Path(__file__).parents[1],
                env={**os.environ, "OTEL_SEMCONV_STABILITY_OPT_IN": "http"},
            )
            times[variant].append(json.loads(done.stdout.splitlines()[-1]))
    medians = {variant: statistics.median(values) for variant, values in times.items()}
    added, stock = medians["ours"] - medians["bare"], medians["stock"] - medians["bare"]
    yield Result(
        _CASE, added, f"stock instrumentor, {stock / 1e3:.0f} µs", added / stock, 1.0, added / stock <= 1.0
    )


def _has_instrument_app() -> bool:
    if find_spec("signalscope.fastapi") is None:
        return False
    return hasattr(import_module("signalscope.fastapi"), "instrument_app")


def _application(variant: str) -> Any:
    from opentelemetry import metrics, trace  # noqa: PLC0415  # in the measured process only
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415  # as above
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415  # as above
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # as above

    from fastapi import FastAPI  # noqa: PLC0415  # in the measured process only
    from signalscope import recording  # noqa: PLC0415  # as above

    app = FastAPI()

    @app.get("/greeks/{symbol}")
    async def greeks(symbol: str) -> dict[str, str]:
        return {"symbol": symbol}

    if variant == "bare":
        return app
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    recording.initialise(provider, [reader])
    if variant == "ours":
        import_module("signalscope.fastapi").instrument_app(app)
        FastAPIInstrumentor.instrument_app(app, meter_provider=metrics.NoOpMeterProvider())
    else:
        FastAPIInstrumentor.instrument_app(app)
    return app


async def _measured(app: Callable[..., Awaitable[None]]) -> float:
    """Return nanoseconds of processor time for one request, the median over several hundred at a time."""
    scope: Mapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/greeks/SPY",
        "raw_path": b"/greeks/SPY",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test")],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        assert message.get("status", 200) == 200

    async def round_() -> float:
        begun = time.process_time_ns()
        for _ in range(_REQUESTS):
            await app(dict(scope), receive, send)
        return (time.process_time_ns() - begun) / _REQUESTS

    await round_()
    return statistics.median([await round_() for _ in range(_REPEATS)])


if __name__ == "__main__":
    pin()
    print(json.dumps(asyncio.run(_measured(_application(sys.argv[1])))))
