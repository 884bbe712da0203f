"""What a process computes for recorded series: each function is a recording rule, or a part of one, in Python.

docs/rules.md has the meaning of each, `signalscope.mixin.recordings` its PromQL, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

from signalscope.derived._process import FIVE, HOUR, Process
from signalscope.derived._vector import Vector, divided, labelled, only, quantiles, scaled, summed
from signalscope.insight import business, capacity, performance
from signalscope.recording._process import uptime

REQUESTS = "signal_service.api.requests"
LATENCY = "signal_service.api.request.duration"
GREEKS = "signal_service.greeks.calculation"
SIGNALS = "signal_service.signal.generation"
CACHE = "signal_service.cache.operations"
CALLS = "signal_service.external_service.duration"
COST = "signal_service.calculation_cost"
FEATURES = "signal_service.feature_usage"
PREMIUM = "signal_service.premium_feature_usage"
_INSTANCE = "this process"


def quantile(q: float, name: str, *by: str, seconds: float) -> Callable[[Process], Vector]:
    def formula(process: Process) -> Vector:
        return quantiles(q, process.over(seconds).buckets(name, *by))

    return formula


def recent_quantile(q: float, name: str, *by: str) -> Callable[[Process], Vector]:
    return lambda process: quantile(q, name, *by, seconds=process.config.windows.latency)(process)


def mean(name: str, *by: str) -> Callable[[Process], Vector]:
    def formula(process: Process) -> Vector:
        window = process.over(FIVE)
        return performance.mean(window.total(name), window.increase(name), *by)

    return formula


def rate(name: str, *by: str) -> Callable[[Process], Vector]:
    return lambda process: summed(process.rate(name), *by)


def increase(name: str, *by: str, seconds: float = HOUR) -> Callable[[Process], Vector]:
    return lambda process: summed(process.over(seconds).increase(name), *by)


def gauge(name: str, *by: str) -> Callable[[Process], Vector]:
    return lambda process: summed(process.gauge(name), *by)


def highest(name: str, *by: str) -> Callable[[Process], Vector]:
    return lambda process: summed(process.gauge(name), *by, how=max)


def queue_fill(process: Process) -> Vector:
    return performance.fill(
        process.gauge("signal_service.queue.size"),
        process.gauge("signal_service.queue.capacity"),
        "queue_type",
    )


def backpressure(process: Process) -> Vector:
    return performance.backpressure(queue_fill(process), process.rate("signal_service.queue.items"))


def cpu_rate(process: Process, seconds: float) -> Vector:
    window = process.over(seconds)
    # CPU time is counted from the start of the process, everything else from that of recording.
    since = window.seconds if window.then is not None else max(uptime(), window.seconds)
    return scaled(window.increase("process.cpu"), 1 / since) if since > 0 else {}


def cpu(process: Process) -> Vector:
    return labelled(cpu_rate(process, process.config.windows.cpu), instance=_INSTANCE)


def memory(process: Process) -> Vector:
    limit = process.config.thresholds.memory_bytes
    return labelled(scaled(process.gauge("process.resident_memory"), 1 / limit), instance=_INSTANCE)


def health_score(process: Process) -> Vector:
    health = process.mean_gauge("signal_service.external_service.health", FIVE)
    return {(): 100 * sum(health.values()) / len(health)} if health else {}


def per_option(process: Process) -> Vector:
    window = process.over(FIVE)
    seconds = only(window.total(GREEKS), outcome=("success", "invalid"))
    options = window.increase("signal_service.greeks.options")
    return divided(summed(seconds, "vectorized"), summed(options, "vectorized"))


def speedup(process: Process) -> Vector:
    each = per_option(process)
    return divided(summed(only(each, vectorized="false")), summed(only(each, vectorized="true")))


def invalid_ratio(process: Process) -> Vector:
    invalid = summed(process.rate("signal_service.greeks.invalid_results"))
    options = summed(process.rate("signal_service.greeks.options"))
    return {found: invalid.get(found, 0.0) / value for found, value in options.items() if value > 0}


query_p95 = quantile(0.95, "signal_service.database.query", "query_type", seconds=FIVE)
dependency_p95 = quantile(0.95, CALLS, "service_name", seconds=FIVE)


def bottleneck(process: Process) -> Vector:
    limits = process.config.thresholds
    health = process.mean_gauge("signal_service.external_service.health", FIVE)
    evicted = only(process.rate("signal_service.cache.evictions"), reason="size")
    return capacity.bottleneck(
        cpu=cpu(process),
        memory=memory(process),
        backpressure=backpressure(process),
        evicted=summed(evicted, "cache_type"),
        stored=summed(only(process.rate(CACHE), operation="set"), "cache_type"),
        database_p95=query_p95(process),
        database_limit=limits.database_p95_seconds,
        unhealthy={found: 1 - value for found, value in summed(health, "service_name", how=max).items()},
        failing=performance.dependency_errors(process.rate(CALLS)),
        slow=dependency_p95(process),
        slow_limit=limits.dependency_p95_seconds,
    )


def satisfaction(process: Process) -> Vector:
    limits = process.config.business
    return business.satisfaction(
        process.over(FIVE).buckets(LATENCY, "user_tier", "status_code"),
        satisfied=limits.satisfied_seconds,
        tolerated=limits.tolerated_seconds,
    )


def subscriptions(process: Process) -> Vector:
    return summed(process.gauge("signal_service.active_subscriptions"), "user_tier")


def users(process: Process, window: str) -> Vector:
    return summed(only(process.gauge("signal_service.active_users"), window=window), "user_tier")


def revenue(process: Process) -> Vector:
    return business.revenue(subscriptions(process), process.config.business.monthly_prices)


def profitability(process: Process) -> Vector:
    hour = process.over(HOUR)
    return business.profitability(
        summed(hour.increase(FEATURES), "feature", "user_tier"),
        revenue(process),
        summed(hour.increase(COST), "operation_type"),
        process.config.business.feature_operations,
    )


def retention(process: Process) -> Vector:
    sticky = divided(summed(users(process, "1h")), summed(users(process, "24h")))
    return labelled(sticky, metric="stickiness")
