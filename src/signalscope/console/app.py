"""The web application of the console: pages, settings, and Prometheus' answers to reading queries."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
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

#: The page loads nothing from another host. Inline styles are allowed because tooltips of charts set them.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'"
)
#: The paths of Prometheus' API that only read; the admin API, remote write and reload are not among them.
_READING = re.compile(
    r"query|query_range|query_exemplars|labels|label/[^/]+/values|series|metadata|rules|alerts|targets"
)
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Settings:
    """The dashboards and servers that the console shows.

    Attributes:
        prometheus: The base URL of Prometheus; None without Prometheus.
        boards: The dashboards.
        endpoints: The address of each part, as `signalscope demo` writes it; empty without a demo.
        scrape_seconds: Seconds between two scrapes; rates cover at least four times as much.
        since: The start of the time range to open with, such as ``now-15m``; None for that of each dashboard.
        traces: The URL of a trace, with ``{trace_id}`` in it; None without a trace backend.
        runbooks: The HTML of each runbook by the name of its alert.
        file: A file with the endpoints, Prometheus too; it is read for each answer, since parts join a running demo.
    """

    prometheus: str | None
    boards: Boards
    endpoints: dict[str, Any] = field(default_factory=dict)
    scrape_seconds: int = 15
    since: str | None = None
    traces: str | None = None
    runbooks: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    def now(self) -> tuple[str | None, dict[str, Any]]:
        """Return the base URL of Prometheus, and the endpoints."""
        if self.file is None:
            return self.prometheus, self.endpoints
        endpoints: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return endpoints.get("prometheus"), endpoints


def make_app(settings: Settings) -> Starlette:
    """Return the application of the console.

    It answers only requests to a name of this machine, and forwards only reading queries to Prometheus.

    Args:
        settings: The dashboards and servers to show.

    Example:
        >>> app = make_app(Settings(prometheus=None, boards=Boards([])))
        >>> "/healthz" in {route.path for route in app.routes}
        True
    """
    files = resources.files("signalscope.console")
    page = files.joinpath("page.html").read_text(encoding="utf-8")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=30) as client:
            app.state.client = client
            yield

    async def status(request: Request) -> Response:
        return JSONResponse(await _status(request.app.state.client, *settings.now()))

    async def own(request: Request) -> Response:
        return JSONResponse(await _own(request.app.state.client, settings.now()[1]))

    async def opening(_: Request) -> Response:
        prometheus, endpoints = settings.now()
        generated_until = endpoints.get("generated_until")
        return JSONResponse(
            {
                "prometheus": prometheus,
                "scrape_seconds": settings.scrape_seconds,
                "since": settings.since if generated_until is None else None,
                "generated_until": generated_until,
                "traces": settings.traces,
                "home": settings.boards.home,
                "runbooks": list(settings.runbooks),
            }
        )

    async def board(request: Request) -> Response:
        uid = request.path_params["uid"]
        dashboard = settings.boards.get(uid)
        if dashboard is None:
            uids = ", ".join(listed["uid"] for listed in settings.boards.list())
            return JSONResponse({"error": f"unknown dashboard {uid!r}; choose one of {uids} [SS708]"}, 404)
        return JSONResponse(dashboard)

    async def runbook(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in settings.runbooks:
            return JSONResponse(
                {"error": f"unknown runbook {name!r}; /runbooks/README lists them [SS708]"}, 404
            )
        return HTMLResponse(settings.runbooks[name])

    async def prometheus(request: Request) -> Response:
        return await _forward(request, settings.now()[0])

    index = HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})
    routes = [
        *(
            _constant(path, index)
            for path in ("/", "/stack", "/d/{uid}", "/d/{uid}/{slug}", "/runbooks/{name}")
        ),
        _constant("/healthz", PlainTextResponse("ok")),
        Route("/status", status),
        Route("/api/own", own),
        Route("/api/settings", opening),
        _constant("/api/dashboards", JSONResponse(settings.boards.list())),
        Route("/api/dashboards/{uid}", board),
        Route("/api/runbooks/{name}", runbook),
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
    hidden = ("token", "pids", "demo_pid", "building", "generated_until")
    shown: dict[str, Any] = {
        "endpoints": {name: value for name, value in endpoints.items() if name not in hidden}
        or ({"prometheus": prometheus} if prometheus else {}),
        "demo": bool(endpoints),
        "building": endpoints.get("building", []),
        "prometheus": prometheus,
    }
    if prometheus is None and shown["building"]:
        return {**shown, "problem": "Alerts and dashboards come with Prometheus, which has not joined yet."}
    if prometheus is None:
        return {**shown, "problem": "The demo runs without Prometheus. [SS726]"}
    try:
        alerts, targets = await asyncio.gather(
            _get(client, f"{prometheus}/api/v1/alerts"),
            _get(client, f"{prometheus}/api/v1/targets?state=active"),
        )
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return {**shown, "problem": f"Prometheus does not answer: {type(error).__name__} [SS727]"}
    if not any(alert["labels"].get("alertname") == WATCHDOG for alert in alerts["alerts"]):
        shown["problem"] = (
            f"The alert {WATCHDOG} does not fire: Prometheus does not evaluate the rules. [SS729]"
        )
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


async def _own(client: httpx.AsyncClient, endpoints: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of the process of the service, in words; they need no Prometheus."""
    try:
        answer = await client.get(
            f"{endpoints['service']}/monitoring/metrics?view=summary",
            headers={"Authorization": f"Bearer {endpoints['token']}", "Accept": "application/json"},
        )
        answer.raise_for_status()
        summary: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return {"problem": f"The service does not answer: {type(error).__name__} [SS728]"}
    return summary


async def _get(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    response = await client.get(url, timeout=5)
    response.raise_for_status()
    data: dict[str, Any] = response.json()["data"]
    return data


async def _forward(request: Request, prometheus: str | None) -> Response:
    """Return Prometheus' answer to a reading request, or an error in the form of its API."""
    path = request.path_params["path"]
    if not _READING.fullmatch(path):
        return _problem(403, f"{path} is not forwarded: the console only reads [SS725]")
    if prometheus is None:
        return _problem(502, "the console has no Prometheus [SS726]")
    client: httpx.AsyncClient = request.app.state.client
    try:
        answer = await client.get(f"{prometheus}/api/v1/{path}", params=str(request.query_params))
    except httpx.HTTPError as error:
        return _problem(502, f"Prometheus does not answer at {prometheus}: {type(error).__name__} [SS727]")
    kind = answer.headers.get("content-type", "")
    if not kind.startswith("application/json"):
        return _problem(502, f"{prometheus} is not Prometheus: HTTP {answer.status_code} [SS727]")
    return Response(answer.content, answer.status_code, media_type="application/json")


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"status": "error", "errorType": "console", "error": message}, status)


def serve(settings: Settings, port: int) -> None:
    """Serve the console until SIGINT or SIGTERM.

    Args:
        settings: The dashboards and servers to show.
        port: The port to listen on, on the loopback interface.
    """
    uvicorn.run(make_app(settings), host=HOST, port=port, log_level="warning")
