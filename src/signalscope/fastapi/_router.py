"""The router with /metrics, /health and /monitoring, and its lifespan, which runs the health checks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, Request, Response, routing
from signalscope.derived import _prometheus, _windows
from signalscope.exposition import _reader as _pull
from signalscope.exposition._group import IncompleteError
from signalscope.fastapi._auth import admit_to_metrics
from signalscope.fastapi._health_routes import health_routes
from signalscope.fastapi._yielding import YieldingRoute, put_last
from signalscope.fastapi.monitoring._responses import text_content
from signalscope.fastapi.monitoring._routes import monitoring
from signalscope.health._registry import shared
from signalscope.recording import internal_error


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """Run the health checks and the snapshots of windows while the application runs."""
    try:
        put_last(app)
        _windows.shared.start()
    except Exception:  # a defect of signalscope must not stop the application
        internal_error("fastapi.lifespan")
    async with shared.kept_fresh():
        try:
            yield
        finally:
            await _prometheus.shared.close()


def _unique_id(route: routing.APIRoute) -> str:
    """Return an operation id that is unique in the application's OpenAPI schema."""
    return "signalscope_" + re.sub(r"\W", "_", f"{route.name}{route.path_format}")


router = APIRouter(
    tags=["monitoring"],
    route_class=YieldingRoute,
    lifespan=_lifespan,
    generate_unique_id_function=_unique_id,
)
"""The routes of `/metrics`, `/health` and `/monitoring`, for ``app.include_router(router)``."""


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[Depends(admit_to_metrics)],
    responses={
        200: {
            "description": "The Prometheus text format, or OpenMetrics with exemplars.",
            "content": text_content("text/plain", "application/openmetrics-text"),
        },
        401: {"description": "SIGNALSCOPE_METRICS_PUBLIC is false, and the token is missing or wrong."},
        503: {
            "description": "OpenTelemetry is not set up in this process, or a worker's metrics are missing.",
            "content": text_content("text/plain"),
        },
    },
)
def metrics(request: Request) -> Response:
    """Return the metrics of this process, or of all that share a page; with exemplars if the client accepts them."""
    try:
        page = _pull.render(request.headers.get("accept", ""))
    except IncompleteError as error:
        return Response(f"# {error}\n", status_code=503, media_type="text/plain")
    if page is None:
        return Response(
            "# signalscope has not set up OpenTelemetry in this process: start it with opentelemetry-instrument, "
            "or call signalscope.configure() [SS507]\n",
            status_code=503,
            media_type="text/plain",
        )
    body, content_type = page
    return Response(body, headers={"content-type": content_type, "vary": "Accept"})


@router.get(
    "/metrics/live",
    response_class=Response,
    dependencies=[Depends(admit_to_metrics)],
    responses={
        200: {"description": "This process answers.", "content": text_content("text/plain")},
        401: {"description": "SIGNALSCOPE_METRICS_PUBLIC is false, and the token is missing or wrong."},
    },
)
async def metrics_live() -> Response:
    """Return no metric: a second target for Prometheus, whose `up` says that this process answers.

    Unlike /metrics it needs no thread, and its size does not grow.
    """
    return Response("# this process answers\n", media_type="text/plain; version=0.0.4")


for _routes in (health_routes, monitoring):
    router.include_router(_routes, generate_unique_id_function=_unique_id)
