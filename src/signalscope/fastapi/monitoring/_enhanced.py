"""The answer of `/monitoring/enhanced-metrics`: everything at a glance."""

from __future__ import annotations

from collections import defaultdict
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope.fastapi.monitoring._answer import Answer, ByName, Number
from signalscope.fastapi.monitoring._binding import Binding, Builder, Series, of_process
from signalscope.fastapi.monitoring._business import RevenueImpact, Subscriptions, UserActivity
from signalscope.fastapi.monitoring._capacity import (
    ExternalDependencies,
    ResourceUtilization,
    ScalingIndicators,
)
from signalscope.health import Status


class HealthSummary(BaseModel):
    """The service's health."""

    status: Status
    components: dict[str, Status]


class ApiPerformance(BaseModel):
    """The API."""

    total_requests_last_minute: Annotated[Number, Series("REQUESTS_LAST_MINUTE", "requests")] = Field(
        description="Requests."
    )
    average_response_time_ms: Annotated[Number, Series("API_MEAN", "ms", factor=1e3)] = Field(
        description="Mean latency, in milliseconds."
    )
    error_rate_percentage: Annotated[Number, Series("ERROR_RATE", "%", where={"endpoint": ""})] = Field(
        description="Requests that failed (5xx), 0 to 100."
    )
    slow_requests_percentage: Annotated[Number, Series("API_SLOW", "%")] = Field(
        description="Requests slower than the objective for API latency, 0 to 100."
    )


class SignalGeneration(BaseModel):
    """Signals and Greeks."""

    signals_generated_last_minute: Annotated[Number, Series("SIGNALS_LAST_MINUTE", "signals")] = Field(
        description="Signals."
    )
    average_generation_time_ms: Annotated[Number, Series("SIGNAL_MEAN", "ms", factor=1e3)] = Field(
        description="Mean time to generate signals, in milliseconds."
    )
    greeks_calculations_per_second: Annotated[Number, Series("GREEKS_CALLS", "calls/s")] = Field(
        description="Calculation calls each second."
    )
    vectorization_efficiency: Annotated[
        Number, Series("VECTORIZED_SHARE", "ratio", where={"calculation_type": ""})
    ] = Field(description="Options priced in array operations, of all, 0 to 1.")


class CachePerformance(BaseModel):
    """Caches."""

    greeks_cache_hit_ratio: Annotated[
        Number,
        Series("CACHE_HITS", "ratio", where={"cache_type": attrgetter("config.selectors.greeks_cache")}),
    ] = Field(description="Hits, of all gets that found out, 0 to 1.")
    indicators_cache_hit_ratio: Annotated[
        Number,
        Series("CACHE_HITS", "ratio", where={"cache_type": attrgetter("config.selectors.indicators_cache")}),
    ] = Field(description="The same of the cache of indicators.")
    cache_size_bytes: Annotated[Number, Series("CACHE_BYTES", "bytes")] = Field(
        description="Bytes that the cached values of all caches take."
    )


class Performance(BaseModel):
    """How well it works."""

    api_performance: ApiPerformance
    signal_generation: SignalGeneration
    cache_performance: CachePerformance


class Business(BaseModel):
    """What it is worth."""

    subscriptions: Subscriptions
    user_activity: UserActivity
    revenue_impact: RevenueImpact


class Capacity(BaseModel):
    """What it can take."""

    resource_utilization: ResourceUtilization
    scaling_indicators: ScalingIndicators
    external_dependencies: ExternalDependencies


State = Literal["closed", "open", "half_open"]


class Breaker(BaseModel):
    """One circuit breaker."""

    service_name: str
    operation: str
    state: State | None = Field(
        description="The worst of all workers: open before half open before closed. Null when none reports it now; "
        "then there were calls or state changes in the window."
    )
    calls: dict[str, float] = Field(description="Calls of the window by outcome: success, failure, rejected.")
    transitions: dict[str, float] = Field(description="State changes of the window by the state entered.")


#: By field of a breaker: the series, the label whose values name its numbers, and their unit.
_BREAKER_PARTS = {
    "state": ("BREAKER_STATES", "state", "state"),
    "calls": ("BREAKER_CALLS", "outcome", "calls"),
    "transitions": ("BREAKER_TRANSITIONS", "to", "state changes"),
}


def _breakers(builder: Builder, path: str, _: FieldInfo) -> list[dict[str, Any]] | None:
    """Return every circuit breaker that reports; None when none does."""
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


_every_breaker = Binding(_breakers, *(key for key, _, _ in _BREAKER_PARTS.values()))


class EnhancedMetrics(Answer):
    """Everything at a glance."""

    service_uptime_seconds: Annotated[
        float, of_process("start of the process", "s", "Since the process that answers started.")
    ] = Field(description="Since this process started.")
    health: Annotated[
        HealthSummary,
        of_process("health checks", "", "As /health has it: what the process that answers has found."),
    ]
    circuit_breakers: Annotated[
        list[Breaker] | None, Binding(_breakers, *(key for key, _, _ in _BREAKER_PARTS.values()))
    ]
    performance: Performance
    business: Business
    capacity: Capacity
    component_availability: Annotated[
        ByName, Series("COMPONENT_AVAILABILITY", "ratio", by="component", combine=min)
    ] = Field(description="Of each component: the mean of its health over the window, 0 to 1.")
