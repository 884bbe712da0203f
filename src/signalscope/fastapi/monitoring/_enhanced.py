"""The answer of `/monitoring/enhanced-metrics`: an overview of all areas."""

from __future__ import annotations

from collections import defaultdict
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope.fastapi.monitoring._answer import Answer, Block, ByName, Number
from signalscope.fastapi.monitoring._binding import Binding, Builder, Series, of_process
from signalscope.fastapi.monitoring._business import RevenueImpact, Subscriptions, UserActivity
from signalscope.fastapi.monitoring._capacity import (
    ExternalDependencies,
    ResourceUtilization,
    ScalingIndicators,
)
from signalscope.health import Status


class HealthSummary(BaseModel):
    """The overall health, and the status of each component."""

    status: Status
    components: dict[str, Status]


class ApiPerformance(Block):
    """Requests, latency and errors of the API."""

    total_requests_last_minute: Annotated[Number, Series("REQUESTS_LAST_MINUTE", "requests")] = Field(
        description="Requests in the last minute."
    )
    average_response_time_ms: Annotated[Number, Series("API_MEAN", "ms", factor=1e3)] = Field(
        description="Mean latency, in milliseconds."
    )
    error_rate_percentage: Annotated[Number, Series("ERROR_RATE", "%", where={"endpoint": ""})] = Field(
        description="Failed requests (status 5xx), 0 to 100 percent."
    )
    slow_requests_percentage: Annotated[Number, Series("API_SLOW", "%")] = Field(
        description="Requests slower than the API latency objective, 0 to 100 percent."
    )


class SignalGeneration(Block):
    """The generation of signals and the calculation of Greeks."""

    signals_generated_last_minute: Annotated[Number, Series("SIGNALS_LAST_MINUTE", "signals")] = Field(
        description="Signals generated in the last minute."
    )
    average_generation_time_ms: Annotated[Number, Series("SIGNAL_MEAN", "ms", factor=1e3)] = Field(
        description="Mean time to generate signals, in milliseconds."
    )
    greeks_calculations_per_second: Annotated[Number, Series("GREEKS_CALLS", "calls/s")] = Field(
        description="Calls of Greeks calculations per second."
    )
    vectorization_efficiency: Annotated[
        Number, Series("VECTORIZED_SHARE", "ratio", where={"calculation_type": ""})
    ] = Field(description="Options priced in array operations, as a ratio of all priced options, 0 to 1.")


class CachePerformance(Block):
    """The hit ratios and the size of caches."""

    greeks_cache_hit_ratio: Annotated[
        Number,
        Series("CACHE_HITS", "ratio", where={"cache_type": attrgetter("config.selectors.greeks_cache")}),
    ] = Field(description="Hits of the Greeks cache, as a ratio of hits and misses, 0 to 1.")
    indicators_cache_hit_ratio: Annotated[
        Number,
        Series("CACHE_HITS", "ratio", where={"cache_type": attrgetter("config.selectors.indicators_cache")}),
    ] = Field(description="Hits of the indicators cache, as a ratio of hits and misses, 0 to 1.")
    cache_size_bytes: Annotated[Number, Series("CACHE_BYTES", "bytes")] = Field(
        description="Size of the values in all caches, in bytes."
    )


class Performance(BaseModel):
    """The performance of the API, of signals and of caches."""

    api_performance: ApiPerformance
    signal_generation: SignalGeneration
    cache_performance: CachePerformance


class Business(BaseModel):
    """Subscriptions, user activity and costs."""

    subscriptions: Subscriptions
    user_activity: UserActivity
    revenue_impact: RevenueImpact


class Capacity(BaseModel):
    """Resource use, scaling and external services."""

    resource_utilization: ResourceUtilization
    scaling_indicators: ScalingIndicators
    external_dependencies: ExternalDependencies


State = Literal["closed", "open", "half_open"]


class Breaker(BaseModel):
    """The state, calls and transitions of one circuit breaker."""

    service_name: str = Field(description="The external service that the breaker protects.")
    operation: str = Field(description="The protected operation, or `all`.")
    state: State | None = Field(
        description="The worst state of all workers: open is worse than half_open, half_open worse than closed. "
        "Null if no worker reports the state now, but calls or state changes were recorded in the window."
    )
    calls: dict[str, float] = Field(description="Calls in the window by outcome: success, failure, rejected.")
    transitions: dict[str, float] = Field(description="State changes in the window by the new state.")


#: By field of a breaker: the series, the label whose values become the keys, and the unit.
_BREAKER_PARTS = {
    "state": ("BREAKER_STATES", "state", "state"),
    "calls": ("BREAKER_CALLS", "outcome", "calls"),
    "transitions": ("BREAKER_TRANSITIONS", "to", "state changes"),
}


def _breakers(builder: Builder, path: str, _: FieldInfo) -> list[dict[str, Any]] | None:
    """Return all circuit breakers with data; None if there are none."""
    breakers: dict[tuple[str, str], dict[str, dict[str, float]]] = defaultdict(
        lambda: {part: {} for part in _BREAKER_PARTS}
    )
    for part, (key, label, unit) in _BREAKER_PARTS.items():
        vector = builder.vector(key)
        builder.note(f"{path}.{part}", key, unit, missing=not vector)
        for labels, number in vector.items():
            names = dict(labels)
            breakers[names["service_name"], names["operation"]][part][names[label]] = number
    builder.note(path, "BREAKER_STATES", "breakers", missing=not breakers)
    return [
        {"service_name": service, "operation": operation, **parts, "state": _worst(parts["state"])}
        for (service, operation), parts in sorted(breakers.items())
    ] or None


def _worst(states: dict[str, float]) -> str | None:
    return next((state for state in ("open", "half_open", "closed") if states.get(state, 0.0) > 0), None)


class EnhancedMetrics(Answer):
    """An overview of performance, business, capacity and health."""

    service_uptime_seconds: Annotated[
        float, of_process("start of the process", "s", "Seconds since the answering process started.")
    ] = Field(description="Seconds since this process started.")
    health: Annotated[
        HealthSummary,
        of_process("health checks", "", "The health of the answering process, as in /health."),
    ]
    circuit_breakers: Annotated[
        list[Breaker] | None, Binding(_breakers, *(key for key, _, _ in _BREAKER_PARTS.values()))
    ]
    performance: Performance
    business: Business
    capacity: Capacity
    component_health: Annotated[ByName, Series("HEALTH", "", by="component", combine=min)] = Field(
        description="Present health of each component, the worst of all instances: 1, 0.5 or 0."
    )
    component_availability: Annotated[
        ByName, Series("COMPONENT_AVAILABILITY", "ratio", by="component", combine=min)
    ] = Field(description="Mean health of each component over the window, 0 to 1.")
