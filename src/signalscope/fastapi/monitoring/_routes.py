"""The routes of /monitoring."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from signalscope import health
from signalscope.config import _environment
from signalscope.derived.read import PrometheusError, QueryResults, history, read
from signalscope.fastapi._auth import admit_to_monitoring
from signalscope.fastapi._yielding import YieldingRoute
from signalscope.fastapi.monitoring._binding import AnswerT, fill, keys
from signalscope.fastapi.monitoring._business import BusinessDashboard, tiers
from signalscope.fastapi.monitoring._capacity import CapacityPlanning
from signalscope.fastapi.monitoring._current import CurrentMetrics, current_metrics
from signalscope.fastapi.monitoring._enhanced import EnhancedMetrics, HealthSummary
from signalscope.fastapi.monitoring._performance import OVER_WINDOW, History, PerformanceSummary
from signalscope.fastapi.monitoring._responses import JSON_OR_PAGE, Answers, body_of, response_of, wants_html
from signalscope.fastapi.monitoring._summary import MetricsSummary, summary
from signalscope.health._registry import known
from signalscope.recording import internal_error
from signalscope.recording._process import uptime

_logger = logging.getLogger("signalscope")

monitoring = APIRouter(
    prefix="/monitoring",
    tags=["monitoring"],
    route_class=YieldingRoute,
    dependencies=[Depends(admit_to_monitoring)],
    responses={
        200: JSON_OR_PAGE,
        401: {"description": "The bearer token is missing or wrong."},
        429: {"description": "Too many requests; wait for the seconds in Retry-After."},
        503: {"description": "An internal error of signalscope; the log of the service has the details."},
    },
)
Window = Literal["5m", "15m", "1h", "6h", "24h"]
_SECONDS: Mapping[str, float] = {"5m": 300, "15m": 900, "1h": 3_600, "6h": 21_600, "24h": 86_400}

#: Each answer with its JSON and HTML body. A body can be long, so a thread writes it, and only once.
_answers: Answers[tuple[BaseModel, Answers[bytes]]] = Answers(_environment.cache_seconds)


async def _answer(
    request: Request, title: str, make: Callable[[], Awaitable[BaseModel]], *parameters: object
) -> Response:
    """Return the cached answer for these parameters, or compute a new one."""

    async def prepare() -> tuple[BaseModel, Answers[bytes]]:
        return await make(), Answers(lambda: math.inf)

    html = wants_html(request)
    try:
        answer, bodies = await _answers.get((title, _environment.prometheus_url(), *parameters), prepare)
        write = partial(asyncio.to_thread, body_of, answer, title, html=html)
        return response_of(await bodies.get(html, write), html=html)
    except Exception as error:  # a defect of signalscope; only the log may contain its message
        internal_error("monitoring.answer")
        _logger.exception("signalscope: the answer %r could not be computed [SS505]", title)
        raise HTTPException(503, "internal error; the log of the service has the reason [SS505]") from error


async def _filled(model: type[AnswerT], results: QueryResults | None = None, **parameters: Any) -> AnswerT:
    """Compute an answer in a thread; read the series that it needs unless `results` has them."""
    results = results or await read(keys(model))
    return await asyncio.to_thread(partial(fill, model, results, **parameters))


@monitoring.get("/metrics", response_model=CurrentMetrics | MetricsSummary)
async def monitoring_metrics(
    request: Request,
    view: Annotated[
        Literal["full", "summary"] | None,
        Query(description="`summary`: one line for each metric, in words. A page shows it by default."),
    ] = None,
    name: Annotated[
        str | None,
        Query(
            max_length=200, pattern=r"^[a-zA-Z0-9_.]+$", description="Only metrics whose name contains this."
        ),
    ] = None,
) -> Response:
    """Return the present values of all metrics of this process, in full or in words."""
    view = view or ("summary" if wants_html(request) else "full")

    def make() -> BaseModel:
        metrics = current_metrics(name)
        return summary(metrics) if view == "summary" else metrics

    return await _answer(request, "Metrics", partial(asyncio.to_thread, make), name, view)


@monitoring.get("/enhanced-metrics", response_model=EnhancedMetrics)
async def enhanced_metrics(request: Request) -> Response:
    """Return an overview: performance, business, capacity, health and circuit breakers."""

    async def make() -> EnhancedMetrics:
        status, components = await health.summary()
        summary = HealthSummary(status=status, components=known(components))
        return await _filled(EnhancedMetrics, health=summary, service_uptime_seconds=uptime())

    return await _answer(request, "Enhanced metrics", make)


@monitoring.get("/performance-summary", response_model=PerformanceSummary)
async def performance_summary(
    request: Request,
    window: Annotated[Window, Query(description="The period of the lowest, mean and highest values.")] = "1h",
) -> Response:
    """Return latency, errors, Greeks, signals, caches, queues and dependencies, now and over a window."""

    async def make() -> PerformanceSummary:
        results, seconds = await read(keys(PerformanceSummary)), _SECONDS[window]
        over_window: History | str = results.problems[0] if results.degraded else ""
        if not results.degraded:
            try:
                over_window = await history(OVER_WINDOW, seconds)
            except PrometheusError as error:
                over_window = str(error)
                if results.source == "prometheus":
                    results.problems.append(f"Lowest, mean and highest values are missing: {error}")
                    results.degraded = True
        return await _filled(
            PerformanceSummary, results, window=window, history_seconds=seconds, history=over_window
        )

    return await _answer(request, "Performance summary", make, window)


@monitoring.get("/business-dashboard", response_model=BusinessDashboard)
async def business_dashboard(
    request: Request,
    sees_users: Annotated[bool, Depends(admit_to_monitoring)],
    tier: Annotated[str | None, Query(max_length=50, description="Only the values of this tier.")] = None,
) -> Response:
    """Return subscriptions, users, features, satisfaction, costs and revenue."""
    if tier is not None and tier not in tiers():
        message = f"unknown tier; allowed: {', '.join(tiers())} [SS506]"
        raise HTTPException(422, [{"type": "enum", "loc": ["query", "tier"], "msg": message}])
    make = partial(_filled, BusinessDashboard, tier=tier, sees_users=sees_users)
    return await _answer(request, "Business dashboard", make, tier, sees_users)


@monitoring.get("/capacity-planning", response_model=CapacityPlanning)
async def capacity_planning(
    request: Request,
    horizon: Annotated[Literal["24h", "48h"], Query(description="How far ahead to forecast.")] = "48h",
) -> Response:
    """Return resource use, the bottleneck, forecasts and the recommended number of replicas."""
    make = partial(_filled, CapacityPlanning, horizon_hours=int(horizon[:-1]))
    return await _answer(request, "Capacity planning", make, horizon)
