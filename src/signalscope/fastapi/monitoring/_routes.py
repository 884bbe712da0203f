"""The routes of /monitoring."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from signalscope import health
from signalscope.derived.read import Facts, PrometheusError, facts, history
from signalscope.fastapi import _settings
from signalscope.fastapi._auth import Reader, monitoring_reader
from signalscope.fastapi._uptime import uptime
from signalscope.fastapi._yielding import YieldingRoute
from signalscope.fastapi.monitoring import _business as business
from signalscope.fastapi.monitoring import _capacity as capacity
from signalscope.fastapi.monitoring import _enhanced as enhanced
from signalscope.fastapi.monitoring import _performance as performance
from signalscope.fastapi.monitoring._answers import Answers
from signalscope.fastapi.monitoring._current import CurrentMetrics, current_metrics
from signalscope.fastapi.monitoring._models import (
    BusinessDashboard,
    CapacityPlanning,
    EnhancedMetrics,
    HealthSummary,
    PerformanceSummary,
)
from signalscope.fastapi.monitoring._negotiate import Prepared
from signalscope.metrics import cpu_second_price
from signalscope.recording import internal_error
from signalscope.recording._fork import in_children
from signalscope.users import _costs as _user_costs

__all__ = ["monitoring"]

_logger = logging.getLogger("signalscope")

_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No bearer token, or a wrong one."},
    429: {"description": "Too many requests; Retry-After says when to come again."},
    503: {"description": "The answer could not be made, for a mistake of signalscope's own."},
}
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "JSON, or a page for who asks for text/html.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}

monitoring = APIRouter(
    prefix="/monitoring", tags=["monitoring"], route_class=YieldingRoute, responses={**_REFUSALS, **_PAGE}
)
ReaderNow = Annotated[Reader, Depends(monitoring_reader)]
Window = Literal["5m", "15m", "1h", "6h", "24h"]
_SECONDS: Mapping[str, float] = {"5m": 300, "15m": 900, "1h": 3_600, "6h": 21_600, "24h": 86_400}

_answers: Answers[Prepared] = Answers(_settings.cache_seconds)
in_children(_answers.clear)


async def _answer(
    request: Request, title: str, make: Callable[[], Awaitable[BaseModel]], *parameters: object
) -> Response:
    async def prepare() -> Prepared:
        return Prepared(await make(), title)

    try:
        prepared = await _answers.get((title, _settings.prometheus_url(), *parameters), prepare)
        return await prepared.answered(request)
    except Exception as error:  # ours: counted, and its words are for the log alone
        internal_error("monitoring.answer")
        _logger.exception("signalscope: %s could not be made", title)
        raise HTTPException(503, "the answer could not be made; the service's log says why") from error


@monitoring.get("/metrics", response_model=CurrentMetrics)
async def monitoring_metrics(
    request: Request,
    _: ReaderNow,
    name: Annotated[
        str | None,
        Query(
            max_length=200, pattern=r"^[a-zA-Z0-9_.]+$", description="Only instruments whose name has this."
        ),
    ] = None,
) -> Response:
    """The present values of every metric of this process, as JSON."""
    return await _answer(request, "Metrics", lambda: asyncio.to_thread(current_metrics, name), name)


@monitoring.get("/enhanced-metrics", response_model=EnhancedMetrics)
async def enhanced_metrics(request: Request, _: ReaderNow) -> Response:
    """Performance, business, capacity, health and circuit breakers at a glance."""

    async def make() -> EnhancedMetrics:
        found = await facts(enhanced.KEYS)
        status, results = await health.summary()
        components: dict[str, health.Status] = {
            name: each.status for name, each in results.items() if each.status != "unknown"
        }
        summary = HealthSummary(status=status, components=components)
        return await asyncio.to_thread(enhanced.enhanced, found, summary, uptime())

    return await _answer(request, "Enhanced metrics", make)


@monitoring.get("/performance-summary", response_model=PerformanceSummary)
async def performance_summary(
    request: Request,
    _: ReaderNow,
    window: Annotated[
        Window, Query(description="How far the lowest, mean and highest values look back.")
    ] = "1h",
) -> Response:
    """Latency, errors, Greeks, signals, caches, queues and dependencies, now and over a window."""

    async def make() -> PerformanceSummary:
        found = await facts(performance.KEYS)
        over_time: Mapping[str, performance.Over] | str = found.problems[0] if found.degraded else ""
        try:
            if not found.degraded:
                over_time = await history(performance.OVER_TIME, _SECONDS[window])
        except PrometheusError as error:
            over_time = str(error)
            found.problems.append(f"No lowest, mean and highest values: {error}")
            found.degraded = found.source == "prometheus"
        return await asyncio.to_thread(
            performance.performance_summary, found, window, _SECONDS[window], over_time
        )

    return await _answer(request, "Performance summary", make, window)


@monitoring.get("/business-dashboard", response_model=BusinessDashboard)
async def business_dashboard(
    request: Request,
    reader: ReaderNow,
    tier: Annotated[str | None, Query(max_length=50, description="Only this tier.")] = None,
) -> Response:
    """Subscriptions, users, features, satisfaction, cost and revenue."""
    if tier is not None and tier not in business.tiers():
        raise HTTPException(
            422,
            [
                {
                    "type": "enum",
                    "loc": ["query", "tier"],
                    "msg": f"there is no such tier; allowed: {', '.join(business.tiers())}",
                }
            ],
        )

    async def make() -> BusinessDashboard:
        found = await facts(business.KEYS)
        return await asyncio.to_thread(_dashboard, found, tier, sees_users=reader.sees_users)

    return await _answer(request, "Business dashboard", make, tier, reader.sees_users)


def _dashboard(found: Facts, tier: str | None, *, sees_users: bool) -> BusinessDashboard:
    users, price = _user_costs.heaviest(), cpu_second_price()
    return business.business_dashboard(found, tier, users, price, sees_users=sees_users)


@monitoring.get("/capacity-planning", response_model=CapacityPlanning)
async def capacity_planning(
    request: Request,
    _: ReaderNow,
    horizon: Annotated[Literal["24h", "48h"], Query(description="How far ahead to forecast.")] = "48h",
) -> Response:
    """What is in use, what limits the service, what is foreseen, and how many replicas are wanted."""

    async def make() -> CapacityPlanning:
        found = await facts(capacity.KEYS)
        return await asyncio.to_thread(capacity.capacity_planning, found, int(horizon[:-1]))

    return await _answer(request, "Capacity planning", make, horizon)
