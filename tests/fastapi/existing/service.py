"""A service with its own health, monitoring and metrics, which it records with prometheus_client.

Its test suite is `suite.py`. The service and the suite were written without signalscope.
"""

from __future__ import annotations

import os
import time
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from fastapi import FastAPI, Request, Response

registry = CollectorRegistry()
DURATION = Histogram(
    "signal_service_api_request_duration_seconds",
    "Time to serve a request.",
    ["endpoint", "method", "status_code"],
    registry=registry,
)
HEALTH = Gauge("signal_service_health_check_status", "1 healthy, 0 not.", ["component"], registry=registry)
USAGE = Counter("signal_service_premium_feature_usage", "Uses.", ["feature"], registry=registry)


def make() -> FastAPI:
    """Return the application; WITH_SIGNALSCOPE adds signalscope before or after its routes."""
    app = FastAPI(title="existing")
    how = os.environ.get("WITH_SIGNALSCOPE", "")
    if how.endswith("before"):
        _add(app, how)

    @app.middleware("http")
    async def measure(request: Request, call_next: Any) -> Response:
        began = time.perf_counter()
        response: Response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "unmatched")
        DURATION.labels(route, request.method, response.status_code).observe(time.perf_counter() - began)
        return response

    @app.get("/health")
    async def health() -> dict[str, Any]:
        HEALTH.labels("database").set(1)
        return {"status": "ok", "database": True}

    @app.get("/health/detailed")
    async def detailed() -> dict[str, Any]:
        return {"status": "ok", "checks": [{"name": "database", "ok": True}], "version": "3.2.1"}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/monitoring/metrics")
    async def monitoring() -> dict[str, Any]:
        return {"requests": 17, "uptime": 12.5}

    @app.get("/signals/{symbol}")
    async def signal(symbol: str, premium: bool = False) -> dict[str, str]:
        if premium:
            USAGE.labels("premium_signals").inc()
        return {"symbol": symbol, "direction": "buy"}

    if how.endswith("after"):
        _add(app, how)
    return app


def _add(app: FastAPI, how: str) -> None:
    from signalscope.fastapi import instrument_app, router  # noqa: PLC0415  # not needed without WITH_SIGNALSCOPE

    if how.startswith("include"):
        app.include_router(router)
    else:
        instrument_app(app)


app = make()
