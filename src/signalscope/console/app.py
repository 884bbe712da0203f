"""The console's page and the numbers on it, all asked of Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from signalscope.mixin.recordings import API_P95, ERROR_RATE

__all__ = ["NUMBERS", "make_app"]

#: What the page shows: a title, a unit, and the query.
NUMBERS = (
    ("API requests", "/s", "sum(rate(signal_service_api_requests_total[1m]))"),
    ("API errors", "%", f'{ERROR_RATE}{{endpoint=""}}'),
    ("API p95", "s", API_P95),
    ("Options priced", "/s", "sum(rate(signal_service_greeks_options_total[1m]))"),
    (
        "Vectorised share",
        "%",
        '100 * sum(rate(signal_service_greeks_options_total{vectorized="true"}[5m]))'
        " / sum(rate(signal_service_greeks_options_total[5m]))",
    ),
    ("Signals", "/s", "sum(rate(signal_service_signals_emitted_total[1m]))"),
    ("Greeks cache hits", "%", '100 * avg(signal_service_cache_hit_ratio{cache_type="greeks"})'),
    ("Queued", "", "sum(signal_service_queue_size)"),
    ("Subscriptions", "", "sum(signal_service_active_subscriptions)"),
    ("CPU of the service", "%", '100 * sum(rate(process_cpu_seconds_total{job="signal-service"}[1m]))'),
)


def make_app(endpoints: dict[str, Any]) -> Starlette:
    """The console.

    Args:
        endpoints: What runs where, as `signalscope demo` writes it; the token is not shown.
    """
    shown = {name: value for name, value in endpoints.items() if name not in ("token", "pids", "demo_pid")}
    page = resources.files("signalscope.console").joinpath("page.html").read_text(encoding="utf-8")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=3) as client:
            app.state.client = client
            yield

    async def index(_: Request) -> Response:
        return HTMLResponse(page)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def status(request: Request) -> Response:
        return JSONResponse(await _status(request.app.state.client, shown))

    routes = [Route("/", index), Route("/healthz", healthz), Route("/status", status)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _status(client: httpx.AsyncClient, endpoints: dict[str, Any]) -> dict[str, Any]:
    prometheus = endpoints.get("prometheus")
    if prometheus is None:
        return {"endpoints": endpoints, "problem": "There is no Prometheus: the demo runs embedded."}
    try:
        alerts, targets, *numbers = await asyncio.gather(
            _get(client, f"{prometheus}/api/v1/alerts"),
            _get(client, f"{prometheus}/api/v1/targets?state=active"),
            *(_get(client, f"{prometheus}/api/v1/query", query=query) for _, _, query in NUMBERS),
        )
    except (httpx.HTTPError, ValueError) as error:
        return {"endpoints": endpoints, "problem": f"Prometheus does not answer: {type(error).__name__}"}
    return {
        "endpoints": endpoints,
        "numbers": [
            {"title": title, "unit": unit, "value": _value(found), "query": query}
            for (title, unit, query), found in zip(NUMBERS, numbers, strict=True)
        ],
        "alerts": [
            {"state": each["state"], "since": each["activeAt"], **each["labels"], **each["annotations"]}
            for each in alerts["alerts"]
        ],
        "targets": [
            {"job": each["labels"]["job"], "url": each["scrapeUrl"], "health": each["health"]}
            for each in targets["activeTargets"]
        ],
    }


async def _get(client: httpx.AsyncClient, url: str, **parameters: str) -> dict[str, Any]:
    response = await client.get(url, params=parameters or None)
    response.raise_for_status()
    found: dict[str, Any] = response.json()["data"]
    return found


def _value(found: dict[str, Any]) -> float | None:
    """The number of a query's only result; None when it has none, or no number."""
    try:
        number = float(found["result"][0]["value"][1])
    except (KeyError, IndexError, ValueError):
        return None
    return number if number == number else None  # noqa: PLR0124  # NaN is not equal to itself
