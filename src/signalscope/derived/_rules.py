"""Every recorded series that a process can compute, and how far each looks back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from signalscope.config import Config
from signalscope.derived import _formulas as formulas
from signalscope.derived._process import FIVE, HOUR, Process
from signalscope.derived._vector import Vector, only, scaled, summed
from signalscope.derived._windows import FINE_SECONDS
from signalscope.insight import business, performance

__all__ = ["PROCESS", "Rule"]


class Rule(NamedTuple):
    """How a series comes about.

    Attributes:
        seconds: How far it looks back, given the config; 0 for a value of now.
        formula: What gives it.
    """

    seconds: Callable[[Config], float]
    formula: Callable[[Process], Vector]


def _now(_: Config) -> float:
    return 0.0


def _five(_: Config) -> float:
    return FIVE


def _hour(_: Config) -> float:
    return HOUR


def _latency(config: Config) -> float:
    return config.windows.latency


#: Every series that a process can have, by its key in `signalscope.mixin.series`.
PROCESS: Mapping[str, Rule] = {
    "ERROR_RATE": Rule(
        _five,
        lambda process: performance.error_rate(
            summed(process.rate(formulas.REQUESTS), "endpoint", "status_code")
        ),
    ),
    "API_REQUESTS": Rule(_five, formulas.rate(formulas.REQUESTS)),
    "API_REQUESTS_ENDPOINT": Rule(_five, formulas.rate(formulas.REQUESTS, "endpoint")),
    "API_REQUESTS_TIER": Rule(_five, formulas.rate(formulas.REQUESTS, "user_tier")),
    "API_MEAN": Rule(_five, formulas.mean(formulas.LATENCY)),
    "API_P50": Rule(_latency, formulas.recent_quantile(0.5, formulas.LATENCY)),
    "API_P95": Rule(_latency, formulas.recent_quantile(0.95, formulas.LATENCY)),
    "API_P99": Rule(_latency, formulas.recent_quantile(0.99, formulas.LATENCY)),
    "API_P95_ENDPOINT": Rule(_latency, formulas.recent_quantile(0.95, formulas.LATENCY, "endpoint")),
    "API_SLOW": Rule(
        _five,
        lambda process: performance.slow_percentage(
            process.over(FIVE).buckets(formulas.LATENCY), process.config.slos.api_latency.seconds
        ),
    ),
    "API_CONCURRENT": Rule(
        _now,
        lambda process: summed(
            {
                found: each.total
                for found, each in process.now().totals.get("signal_service.concurrent_requests", {}).items()
            },
            "endpoint_group",
        ),
    ),
    "API_RATE_LIMITED": Rule(_five, formulas.rate("signal_service.rate_limit.hits", "limit_type")),
    "HEALTH": Rule(
        _now,
        lambda process: summed(process.gauge("signal_service.health_check.status"), "component", how=min),
    ),
    "COMPONENT_AVAILABILITY": Rule(
        lambda _: FINE_SECONDS, lambda process: process.mean_gauge("signal_service.health_check.status")
    ),
    "GREEKS_CALLS": Rule(_five, formulas.rate(formulas.GREEKS, "outcome")),
    "GREEKS_OPTIONS": Rule(_five, formulas.rate("signal_service.greeks.options")),
    "VECTORIZED_SHARE": Rule(
        _five,
        lambda process: performance.vectorized_share(process.rate("signal_service.greeks.options")),
    ),
    "GREEKS_P90": Rule(
        _latency,
        formulas.recent_quantile(0.9, formulas.GREEKS, "vectorized"),
    ),
    "GREEKS_MEAN": Rule(_five, formulas.mean(formulas.GREEKS, "vectorized")),
    "PER_OPTION": Rule(_five, formulas.per_option),
    "VECTORIZED_SPEEDUP": Rule(_five, formulas.speedup),
    "GREEKS_INVALID_RATIO": Rule(_five, formulas.invalid_ratio),
    "SIGNALS": Rule(_five, formulas.rate("signal_service.signals.emitted")),
    "SIGNAL_CALLS": Rule(_five, formulas.rate(formulas.SIGNALS, "outcome")),
    "SIGNAL_MEAN": Rule(_five, formulas.mean(formulas.SIGNALS)),
    "SIGNAL_P95": Rule(
        _latency,
        formulas.recent_quantile(0.95, formulas.SIGNALS),
    ),
    "SIGNAL_ACCURACY": Rule(
        _now, formulas.gauge("signal_service.signal.accuracy_ratio", "signal_type", "time_horizon")
    ),
    "CACHE_HITS": Rule(_five, lambda process: performance.hit_ratio(process.rate(formulas.CACHE))),
    "CACHE_BYTES": Rule(_now, formulas.gauge("signal_service.cache.size", "cache_type")),
    "CACHE_FILL": Rule(
        _now,
        lambda process: performance.fill(
            process.gauge("signal_service.cache.entries"),
            process.gauge("signal_service.cache.capacity"),
            "cache_type",
        ),
    ),
    "QUEUE_SIZE": Rule(_now, formulas.gauge("signal_service.queue.size", "queue_type", "priority")),
    "QUEUE_FILL": Rule(_now, formulas.queue_fill),
    "QUEUE_BACKPRESSURE": Rule(_five, formulas.backpressure),
    "QUEUE_RATE": Rule(
        _five,
        lambda process: summed(
            only(process.rate("signal_service.queue.items"), event="processed"), "queue_type", "priority"
        ),
    ),
    "DEPENDENCY_UP": Rule(
        _now, formulas.highest("signal_service.external_service.health", "service_name", "criticality")
    ),
    "DEPENDENCY_SCORE": Rule(_five, formulas.health_score),
    "DEPENDENCY_CALLS": Rule(_five, formulas.rate(formulas.CALLS, "service_name", "outcome")),
    "DEPENDENCY_ERROR_RATIO": Rule(
        _five, lambda process: performance.dependency_errors(process.rate(formulas.CALLS))
    ),
    "DEPENDENCY_P95": Rule(_five, formulas.dependency_p95),
    "DEPENDENCY_TIME": Rule(
        _five,
        lambda process: scaled(
            summed(process.over(FIVE).total(formulas.CALLS), "service_name"),
            1 / max(process.over(FIVE).seconds, 1e-9),
        ),
    ),
    "CPU": Rule(lambda config: config.windows.cpu, formulas.cpu),
    "CPU_CORES": Rule(_five, lambda process: formulas.cpu_rate(process, FIVE)),
    "MEMORY": Rule(_now, formulas.memory),
    "MEMORY_BYTES": Rule(_now, formulas.gauge("process.resident_memory")),
    "MEMORY_OPERATION": Rule(_now, formulas.gauge("signal_service.memory.usage", "operation_type")),
    "QUERY_P95": Rule(_five, formulas.query_p95),
    "BOTTLENECK": Rule(_five, formulas.bottleneck),
    "SUBSCRIPTIONS": Rule(_now, formulas.subscriptions),
    "SUBSCRIPTIONS_TOTAL": Rule(_now, lambda process: summed(formulas.subscriptions(process))),
    "ACTIVE_USERS": Rule(_now, formulas.highest("signal_service.active_users", "window", "user_tier")),
    "PREMIUM_USAGE": Rule(_hour, formulas.increase(formulas.PREMIUM, "feature", "user_tier")),
    "FEATURE_USES": Rule(_hour, formulas.increase(formulas.FEATURES, "feature", "user_tier")),
    "ADOPTION": Rule(
        _hour,
        lambda process: business.adoption(
            summed(process.over(HOUR).increase(formulas.FEATURES), "feature", "user_tier"),
            formulas.users(process, "1h"),
        ),
    ),
    "PREMIUM_ADOPTION": Rule(
        _now,
        lambda process: business.premium_adoption(
            formulas.users(process, "24h"), process.config.business.premium_tiers
        ),
    ),
    "RETENTION": Rule(_now, formulas.retention),
    "SATISFACTION": Rule(_five, formulas.satisfaction),
    "COST": Rule(_hour, formulas.increase(formulas.COST, "operation_type")),
    "COST_TIER": Rule(_hour, formulas.increase(formulas.COST, "user_tier")),
    "COST_PER_CALCULATION": Rule(
        _hour,
        lambda process: business.cost_per_calculation(
            process.over(HOUR).increase(formulas.COST),
            process.over(HOUR).increase(formulas.GREEKS),
        ),
    ),
    "COST_PER_USER": Rule(
        _hour,
        lambda process: business.cost_per_user(
            summed(process.over(HOUR).increase(formulas.COST), "user_tier"),
            formulas.users(process, "1h"),
        ),
    ),
    "REVENUE": Rule(_now, formulas.revenue),
    "REVENUE_IMPACT": Rule(
        _five,
        lambda process: business.revenue_impact(formulas.revenue(process), formulas.satisfaction(process)),
    ),
    "PROFITABILITY": Rule(_hour, formulas.profitability),
    # No rules of Prometheus', but asked of it in the same way: see `_facts`.
    "REQUESTS_LAST_MINUTE": Rule(lambda _: 60.0, formulas.increase(formulas.REQUESTS, seconds=60.0)),
    "SIGNALS_LAST_MINUTE": Rule(
        lambda _: 60.0, formulas.increase("signal_service.signals.emitted", seconds=60.0)
    ),
    "BREAKER_STATES": Rule(
        _now, formulas.highest("signal_service.circuit_breaker.state", "service_name", "operation", "state")
    ),
    "BREAKER_CALLS": Rule(
        _hour,
        formulas.increase("signal_service.circuit_breaker.calls", "service_name", "operation", "outcome"),
    ),
    "BREAKER_TRANSITIONS": Rule(
        _hour,
        formulas.increase("signal_service.circuit_breaker.transitions", "service_name", "operation", "to"),
    ),
}
