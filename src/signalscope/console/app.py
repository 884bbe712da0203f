"""The console: a page that draws the dashboards, and says what runs where; every number is asked of Prometheus."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from signalscope.console._boards import Boards
from signalscope.mixin.alerts.watchdog import NAME as WATCHDOG

#: Nothing comes from another host; styles are set by the charts' tooltips.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'"
)
#: No admin API, no remote write, no reload: only what answers a question.
_READING = re.compile(
    r"query|query_range|query_exemplars|labels|label/[^/]+/values|series|metadata|rules|alerts|targets"
)
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Settings:
    """The dashboards and servers that the console shows.

    Attributes:
        prometheus: Its base URL; None where there is none.
        boards: The dashboards.
        endpoints: What runs where, as `signalscope demo` writes it; empty without a demo.
        scrape_seconds: How often Prometheus scrapes: rates look back at least four times as far.
        since: The time range to open with; None for the dashboard's own.
        traces: The address of one trace, with ``{trace_id}`` in it; None without a trace backend.
    """

    prometheus: str | None
    boards: Boards
    endpoints: dict[str, Any] = field(default_factory=dict)
    scrape_seconds: int = 15
    since: str | None = None
    traces: str | None = None


def make_app(settings: Settings) -> Starlette:
    """The console. It answers only to names of this machine, and passes on nothing but reading queries.

    Args:
        settings: What it shows.
    """
    hidden = ("token", "pids", "demo_pid")
    endpoints = {name: value for name, value in settings.endpoints.items() if name not in hidden}
    files = resources.files("signalscope.console")
    page = files.joinpath("page.html").read_text(encoding="utf-8")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=30) as client:
            app.state.client = client
            yield

    async def status(request: Request) -> Response:
        return JSONResponse(await _status(request.app.state.client, settings.prometheus, endpoints))

    async def board(request: Request) -> Response:
        uid = request.path_params["uid"]
        dashboard = settings.boards.get(uid)
        if dashboard is None:
            uids = ", ".join(listed["uid"] for listed in settings.boards.list())
            return JSONResponse({"error": f"there is no dashboard {uid!r}; there are: {uids}"}, 404)
        return JSONResponse(dashboard)

    async def prometheus(request: Request) -> Response:
        return await _forward(request, settings.prometheus)

    index = HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})
    opening = {
        "prometheus": settings.prometheus,
        "scrape_seconds": settings.scrape_seconds,
        "since": settings.since,
        "traces": settings.traces,
        "home": settings.boards.home,
    }
    routes = [
        *(_constant(path, index) for path in ("/", "/stack", "/d/{uid}", "/d/{uid}/{slug}")),
        _constant("/healthz", PlainTextResponse("ok")),
        Route("/status", status),
        _constant("/api/settings", JSONResponse(opening)),
        _constant("/api/dashboards", JSONResponse(settings.boards.list())),
        Route("/api/dashboards/{uid}", board),
        Route("/prometheus/api/v1/{path:path}", prometheus),
        Mount("/static", StaticFiles(directory=Path(str(files)) / "static")),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])]
    return Starlette(routes=routes, lifespan=lifespan, middleware=middleware)


def _constant(path: str, response: Response) -> Route:
    """Return a route that always has the same answer."""
    return Route(path, response, methods=["GET"])


async def _status(
    client: httpx.AsyncClient, prometheus: str | None, endpoints: dict[str, Any]
) -> dict[str, Any]:
    shown = {
        "endpoints": endpoints or ({"prometheus": prometheus} if prometheus else {}),
        "demo": bool(endpoints),
    }
    if prometheus is None:
        return {**shown, "problem": "There is no Prometheus: the demo runs embedded."}
    try:
        alerts, targets = await asyncio.gather(
            _get(client, f"{prometheus}/api/v1/alerts"),
            _get(client, f"{prometheus}/api/v1/targets?state=active"),
        )
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return {**shown, "problem": f"Prometheus does not answer: {type(error).__name__}"}
    return {
        **shown,
        "alerts": [
            {
                "summary": "",
                "response": "",
                "severity": "info",
                **alert["labels"],
                **alert["annotations"],
                "state": alert["state"],
                "since": alert["activeAt"],
            }
            for alert in alerts["alerts"]
            if alert["labels"].get("alertname") != WATCHDOG  # it always fires
        ],
        "targets": [
            {"job": target["labels"]["job"], "url": target["scrapeUrl"], "health": target["health"]}
            for target in targets["activeTargets"]
        ],
    }


async def _get(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    response = await client.get(url, timeout=5)
    response.raise_for_status()
    data: dict[str, Any] = response.json()["data"]
    return data


async def _forward(request: Request, prometheus: str | None) -> Response:
    """Return Prometheus' answer to a reading request, or why there is none, in the form of its API."""
    path = request.path_params["path"]
    if not _READING.fullmatch(path):
        return _problem(403, f"{path} is not passed on: the console only reads")
    if prometheus is None:
        return _problem(502, "there is no Prometheus here")
    client: httpx.AsyncClient = request.app.state.client
    try:
        answer = await client.get(f"{prometheus}/api/v1/{path}", params=str(request.query_params))
    except httpx.HTTPError as error:
        return _problem(502, f"Prometheus does not answer at {prometheus}: {type(error).__name__}")
    kind = answer.headers.get("content-type", "")
    if not kind.startswith("application/json"):
        return _problem(502, f"what answers at {prometheus} is no Prometheus: HTTP {answer.status_code}")
    return Response(answer.content, answer.status_code, media_type="application/json")


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"status": "error", "errorType": "console", "error": message}, status)


def serve(settings: Settings, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: What the console shows.
        port: Where to listen, on the loopback interface.
    """
    uvicorn.run(make_app(settings), host=HOST, port=port, log_level="warning")
