"""The router with /metrics, /health and /monitoring, and the lifespan of its background work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from signalscope.derived import _prometheus, _windows
from signalscope.exposition import _reader as _pull
from signalscope.fastapi._auth import Reader, metrics_reader
from signalscope.fastapi._health_routes import health_routes
from signalscope.fastapi._ids import unique_id
from signalscope.fastapi._yielding import YieldingRoute, put_last
from signalscope.fastapi.monitoring._routes import monitoring
from signalscope.health._builtin import built_in
from signalscope.health._registry import shared
from signalscope.recording import internal_error


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """Keep checks and windows up to date while the application that includes the router runs."""
    try:
        put_last(app)
        _windows.shared.start()
    except Exception:  # a defect of signalscope must not stop the application
        internal_error("fastapi.lifespan")
    async with shared.kept_fresh(built_in()):
        try:
            yield
        finally:
            await _prometheus.shared.close()


router = APIRouter(
    tags=["monitoring"],
    route_class=YieldingRoute,
    lifespan=_lifespan,
    generate_unique_id_function=unique_id,
)
"""The routes of `/metrics`, `/health` and `/monitoring`, for ``app.include_router(router)``."""


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format, or OpenMetrics with exemplars.",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/openmetrics-text": {"schema": {"type": "string"}},
            },
        },
        401: {"description": "SIGNALSCOPE_METRICS_PUBLIC=false, and no bearer token, or a wrong one."},
        503: {
            "description": "OpenTelemetry is not set up in this process.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
def metrics(request: Request, _: Annotated[Reader, Depends(metrics_reader)]) -> Response:
    """Metrics for Prometheus: in OpenMetrics, with exemplars, when the scraper accepts it."""
    page = _pull.render(request.headers.get("accept", ""))
    if page is None:
        return Response(
            "# signalscope has not set up OpenTelemetry in this process: start it with opentelemetry-instrument, "
            "or call signalscope.configure()\n",
            status_code=503,
            media_type="text/plain",
        )
    body, content_type = page
    return Response(body, headers={"content-type": content_type, "vary": "Accept"})


for _routes in (health_routes, monitoring):
    router.include_router(_routes, generate_unique_id_function=unique_id)
