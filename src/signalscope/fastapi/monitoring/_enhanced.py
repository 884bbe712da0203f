"""`/monitoring/enhanced-metrics`: everything at a glance."""

from __future__ import annotations

from signalscope.derived.read import Facts
from signalscope.fastapi import _settings
from signalscope.fastapi.monitoring import _parts
from signalscope.fastapi.monitoring._fields import Fields
from signalscope.fastapi.monitoring._models import (
    ApiPerformance,
    Business,
    CachePerformance,
    Capacity,
    EnhancedMetrics,
    HealthSummary,
    Performance,
    SignalGeneration,
)

__all__ = ["KEYS", "enhanced"]

KEYS = (
    "REQUESTS_LAST_MINUTE", "ERROR_RATE", "API_SLOW", "SIGNALS_LAST_MINUTE", "SIGNAL_MEAN", "GREEKS_CALLS",
    "VECTORIZED_SHARE", "CACHE_HITS", "CACHE_BYTES", "COMPONENT_AVAILABILITY",
    *_parts.BREAKER_KEYS, *_parts.BUSINESS_KEYS, *_parts.CAPACITY_KEYS,
)  # fmt: skip


def enhanced(facts: Facts, health: HealthSummary, uptime: float) -> EnhancedMetrics:
    """The answer.

    Args:
        facts: The series of `KEYS`.
        health: The service's health.
        uptime: Seconds since this process started.
    """
    fields = Fields(facts)
    fields.of_process(
        "service_uptime_seconds", "start of the process", "s", "Since the process that answers started."
    )
    fields.of_process(
        "health", "health checks", "", "As /health has it: what the process that answers has found."
    )
    number = fields.number
    caches = _settings.config().selectors
    api, signal, cache = (
        f"performance.{each}" for each in ("api_performance", "signal_generation", "cache_performance")
    )
    performance = Performance(
        api_performance=ApiPerformance(
            total_requests_last_minute=number(
                f"{api}.total_requests_last_minute", "REQUESTS_LAST_MINUTE", "requests"
            ),
            average_response_time_ms=number(f"{api}.average_response_time_ms", "API_MEAN", "ms", factor=1e3),
            error_rate_percentage=number(
                f"{api}.error_rate_percentage", "ERROR_RATE", "%", where={"endpoint": ""}
            ),
            slow_requests_percentage=number(f"{api}.slow_requests_percentage", "API_SLOW", "%"),
        ),
        signal_generation=SignalGeneration(
            signals_generated_last_minute=number(
                f"{signal}.signals_generated_last_minute", "SIGNALS_LAST_MINUTE", "signals"
            ),
            average_generation_time_ms=number(
                f"{signal}.average_generation_time_ms", "SIGNAL_MEAN", "ms", factor=1e3
            ),
            greeks_calculations_per_second=number(
                f"{signal}.greeks_calculations_per_second", "GREEKS_CALLS", "calls/s"
            ),
            vectorization_efficiency=number(
                f"{signal}.vectorization_efficiency",
                "VECTORIZED_SHARE",
                "ratio",
                where={"calculation_type": ""},
            ),
        ),
        cache_performance=CachePerformance(
            greeks_cache_hit_ratio=number(
                f"{cache}.greeks_cache_hit_ratio",
                "CACHE_HITS",
                "ratio",
                where={"cache_type": caches.greeks_cache},
            ),
            indicators_cache_hit_ratio=number(
                f"{cache}.indicators_cache_hit_ratio",
                "CACHE_HITS",
                "ratio",
                where={"cache_type": caches.indicators_cache},
            ),
            cache_size_bytes=number(f"{cache}.cache_size_bytes", "CACHE_BYTES", "bytes"),
        ),
    )
    return EnhancedMetrics(
        circuit_breakers=_parts.breakers(fields, "circuit_breakers"),
        performance=performance,
        business=Business(
            subscriptions=_parts.subscriptions(fields, "business.subscriptions"),
            user_activity=_parts.user_activity(fields, "business.user_activity"),
            revenue_impact=_parts.revenue_impact(fields, "business.revenue_impact"),
        ),
        capacity=Capacity(
            resource_utilization=_parts.utilization(fields, "capacity.resource_utilization"),
            scaling_indicators=_parts.scaling_indicators(fields, "capacity.scaling_indicators"),
            external_dependencies=_parts.dependencies(fields, "capacity.external_dependencies"),
        ),
        component_availability=fields.by(
            "component_availability", "COMPONENT_AVAILABILITY", "component", "ratio", how=min
        ),
        service_uptime_seconds=uptime,
        health=health,
        **fields.head(),
    )
