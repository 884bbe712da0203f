"""The answer of `/monitoring/enhanced-metrics`: everything at a glance."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from signalscope.fastapi.monitoring._answer import Answer, ByName, Number
from signalscope.fastapi.monitoring._binding import Series, of_process
from signalscope.fastapi.monitoring._breakers import Breaker, every_breaker
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
        Series("CACHE_HITS", "ratio", where={"cache_type": lambda of: of.config.selectors.greeks_cache}),
    ] = Field(description="Hits, of all gets that found out, 0 to 1.")
    indicators_cache_hit_ratio: Annotated[
        Number,
        Series("CACHE_HITS", "ratio", where={"cache_type": lambda of: of.config.selectors.indicators_cache}),
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


class EnhancedMetrics(Answer):
    """Everything at a glance."""

    service_uptime_seconds: Annotated[
        float, of_process("start of the process", "s", "Since the process that answers started.")
    ] = Field(description="Since this process started.")
    health: Annotated[
        HealthSummary,
        of_process("health checks", "", "As /health has it: what the process that answers has found."),
    ]
    circuit_breakers: Annotated[list[Breaker] | None, every_breaker]
    performance: Performance
    business: Business
    capacity: Capacity
    component_availability: Annotated[
        ByName, Series("COMPONENT_AVAILABILITY", "ratio", by="component", combine=min)
    ] = Field(description="Of each component: the mean of its health over the window, 0 to 1.")
