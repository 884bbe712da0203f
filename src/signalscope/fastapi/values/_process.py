"""The recorded series, computed from this process' own windows by the same formulas as the rules.

Each function here is a recording rule in Python: docs/rules.md has its meaning, `signalscope.mixin.recordings` its
PromQL, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from signalscope.fastapi._uptime import uptime
from signalscope.fastapi.values._windows import FINE_SECONDS, Look, NoDataError, Window, Windows
from signalscope.insight import business, capacity, performance
from signalscope.insight.vector import (
    Labels,
    Vector,
    divided,
    labelled,
    only,
    quantiles,
    scaled,
    summed,
)
from signalscope.mixin.config import Config
from signalscope.recording._snapshot import NotKeptError

__all__ = ["HISTORY", "PROCESS", "Process", "Rule"]

_REQUESTS = "signal_service.api.requests"
_LATENCY = "signal_service.api.request.duration"
_GREEKS = "signal_service.greeks.calculation"
_SIGNALS = "signal_service.signal.generation"
_CACHE = "signal_service.cache.operations"
_CALLS = "signal_service.external_service.duration"
_COST = "signal_service.calculation_cost"
_FEATURES = "signal_service.feature_usage"
_PREMIUM = "signal_service.premium_feature_usage"
_FIVE, _HOUR = 300.0, 3600.0
_INSTANCE = "this process"

#: Why a process alone cannot have a value that looks back over days.
HISTORY = "one process keeps no history of days; it needs Prometheus (SIGNALSCOPE_PROMETHEUS_URL)"


class Process:
    """This process at one moment, as the formulas see it: all windows end with the same look.

    Args:
        windows: Its windows.
        config: The thresholds.
    """

    def __init__(self, windows: Windows, config: Config) -> None:
        self.config = config
        self._windows = windows
        self._seen: dict[float, Window | str] = {}
        self._now: Look | None = None

    def over(self, seconds: float) -> Window:
        """The window of that length.

        Raises:
            NoDataError: There is none; the message says why.
        """
        if seconds not in self._seen:
            try:
                self._seen[seconds] = self._windows.window(seconds, self.now())
            except NoDataError as error:
                self._seen[seconds] = str(error)
        found = self._seen[seconds]
        if isinstance(found, str):
            raise NoDataError(found)
        return found

    def rate(self, name: str, seconds: float = _FIVE) -> dict[Labels, float]:
        """What there was each second: of a counter its growth, of a histogram the measurements."""
        window = self.over(seconds)
        return scaled(window.increase(name), 1 / window.seconds) if window.seconds > 0 else {}

    def gauge(self, name: str) -> Vector:
        """A gauge now."""
        return self.now().gauges.get(name, {})

    def mean_gauge(self, name: str, seconds: float = FINE_SECONDS) -> dict[Labels, float]:
        """The mean of a gauge's values over that time, up to ten minutes, or since this process has been watched."""
        values: dict[Labels, list[float]] = {}
        for look in self._looks(seconds):
            for found, value in look.gauges.get(name, {}).items():
                values.setdefault(found, []).append(value)
        return {found: sum(each) / len(each) for found, each in values.items()}

    def watched(self, seconds: float = FINE_SECONDS) -> float:
        """How far the looks reach back that `mean_gauge` takes the mean of, in seconds."""
        return self.now().at - min(look.at for look in self._looks(seconds))

    def _looks(self, seconds: float) -> list[Look]:
        now = self.now()
        before = (look for look in self._windows.looks() if now.at - seconds <= look.at < now.at)
        return [*before, now]

    def overflowed(self) -> frozenset[str]:
        """Instruments with more series than are told apart."""
        try:
            return self.now().overflowed
        except NoDataError:
            return frozenset()

    def now(self) -> Look:
        """What there is now.

        Raises:
            NoDataError: This process keeps nothing; the message says why.
        """
        if self._now is None:
            try:
                self._now = self._windows.look()
            except NotKeptError as error:
                raise NoDataError(str(error)) from None
        return self._now


class Rule(NamedTuple):
    """How a series comes about.

    Attributes:
        seconds: How far it looks back, given the config; 0 for a value of now.
        formula: What gives it.
    """

    seconds: Callable[[Config], float]
    formula: Callable[[Process], Vector]


def _quantile(q: float, name: str, *by: str, seconds: float) -> Callable[[Process], Vector]:
    def formula(process: Process) -> Vector:
        return quantiles(q, process.over(seconds).buckets(name, *by))

    return formula


def _latency_quantile(q: float, *by: str) -> Callable[[Process], Vector]:
    return lambda process: _quantile(q, _LATENCY, *by, seconds=process.config.windows.latency)(process)


def _mean(name: str, *by: str) -> Callable[[Process], Vector]:
    def formula(process: Process) -> Vector:
        window = process.over(_FIVE)
        return performance.mean(window.total(name), window.increase(name), *by)

    return formula


def _rate(name: str, *by: str) -> Callable[[Process], Vector]:
    return lambda process: summed(process.rate(name), *by)


def _increase(name: str, *by: str, seconds: float = _HOUR) -> Callable[[Process], Vector]:
    return lambda process: summed(process.over(seconds).increase(name), *by)


def _gauge(name: str, *by: str) -> Callable[[Process], Vector]:
    return lambda process: summed(process.gauge(name), *by)


def _highest(name: str, *by: str) -> Callable[[Process], Vector]:
    return lambda process: summed(process.gauge(name), *by, how=max)


def _queue_fill(process: Process) -> Vector:
    return performance.fill(
        process.gauge("signal_service.queue.size"),
        process.gauge("signal_service.queue.capacity"),
        "queue_type",
    )


def _backpressure(process: Process) -> Vector:
    return performance.backpressure(_queue_fill(process), process.rate("signal_service.queue.items"))


def _cpu_rate(process: Process, seconds: float) -> Vector:
    window = process.over(seconds)
    # CPU time is counted from the start of the process, everything else from that of recording.
    since = window.seconds if window.then is not None else max(uptime(), window.seconds)
    return scaled(window.increase("process.cpu"), 1 / since) if since > 0 else {}


def _cpu(process: Process) -> Vector:
    return labelled(_cpu_rate(process, process.config.windows.cpu), instance=_INSTANCE)


def _memory(process: Process) -> Vector:
    limit = process.config.thresholds.memory_bytes
    return labelled(scaled(process.gauge("process.resident_memory"), 1 / limit), instance=_INSTANCE)


def _health_score(process: Process) -> Vector:
    health = process.mean_gauge("signal_service.external_service.health", _FIVE)
    return {(): 100 * sum(health.values()) / len(health)} if health else {}


def _per_option(process: Process) -> Vector:
    window = process.over(_FIVE)
    seconds = only(window.total(_GREEKS), outcome=("success", "invalid"))
    options = window.increase("signal_service.greeks.options")
    return divided(summed(seconds, "vectorized"), summed(options, "vectorized"))


def _speedup(process: Process) -> Vector:
    per_option = _per_option(process)
    return divided(summed(only(per_option, vectorized="false")), summed(only(per_option, vectorized="true")))


def _invalid_ratio(process: Process) -> Vector:
    invalid = summed(process.rate("signal_service.greeks.invalid_results"))
    options = summed(process.rate("signal_service.greeks.options"))
    return {found: invalid.get(found, 0.0) / value for found, value in options.items() if value > 0}


def _bottleneck(process: Process) -> Vector:
    limits = process.config.thresholds
    health = process.mean_gauge("signal_service.external_service.health", _FIVE)
    evicted = only(process.rate("signal_service.cache.evictions"), reason="size")
    return capacity.bottleneck(
        cpu=_cpu(process),
        memory=_memory(process),
        backpressure=_backpressure(process),
        evicted=summed(evicted, "cache_type"),
        stored=summed(only(process.rate(_CACHE), operation="set"), "cache_type"),
        database_p95=PROCESS["QUERY_P95"].formula(process),
        database_limit=limits.database_p95_seconds,
        unhealthy={found: 1 - value for found, value in summed(health, "service_name", how=max).items()},
        failing=performance.dependency_errors(process.rate(_CALLS)),
        slow=PROCESS["DEPENDENCY_P95"].formula(process),
        slow_limit=limits.dependency_p95_seconds,
    )


def _satisfaction(process: Process) -> Vector:
    limits = process.config.business
    return business.satisfaction(
        process.over(_FIVE).buckets(_LATENCY, "user_tier", "status_code"),
        satisfied=limits.satisfied_seconds,
        tolerated=limits.tolerated_seconds,
    )


def _subscriptions(process: Process) -> Vector:
    return summed(process.gauge("signal_service.active_subscriptions"), "user_tier")


def _users(process: Process, window: str) -> Vector:
    return summed(only(process.gauge("signal_service.active_users"), window=window), "user_tier")


def _revenue(process: Process) -> Vector:
    return business.revenue(_subscriptions(process), process.config.business.monthly_prices)


def _profitability(process: Process) -> Vector:
    hour = process.over(_HOUR)
    return business.profitability(
        summed(hour.increase(_FEATURES), "feature", "user_tier"),
        _revenue(process),
        summed(hour.increase(_COST), "operation_type"),
        process.config.business.feature_operations,
    )


def _retention(process: Process) -> Vector:
    sticky = divided(summed(_users(process, "1h")), summed(_users(process, "24h")))
    return labelled(sticky, metric="stickiness")


def _now(_: Config) -> float:
    return 0.0


def _five(_: Config) -> float:
    return _FIVE


def _hour(_: Config) -> float:
    return _HOUR


def _latency(config: Config) -> float:
    return config.windows.latency


#: Every series that a process can have, by its key in `signalscope.mixin.series`.
PROCESS: Mapping[str, Rule] = {
    "ERROR_RATE": Rule(
        _five,
        lambda process: performance.error_rate(summed(process.rate(_REQUESTS), "endpoint", "status_code")),
    ),
    "API_REQUESTS": Rule(_five, _rate(_REQUESTS)),
    "API_REQUESTS_ENDPOINT": Rule(_five, _rate(_REQUESTS, "endpoint")),
    "API_REQUESTS_TIER": Rule(_five, _rate(_REQUESTS, "user_tier")),
    "API_MEAN": Rule(_five, _mean(_LATENCY)),
    "API_P50": Rule(_latency, _latency_quantile(0.5)),
    "API_P95": Rule(_latency, _latency_quantile(0.95)),
    "API_P99": Rule(_latency, _latency_quantile(0.99)),
    "API_P95_ENDPOINT": Rule(_latency, _latency_quantile(0.95, "endpoint")),
    "API_SLOW": Rule(
        _five,
        lambda process: performance.slow_percentage(
            process.over(_FIVE).buckets(_LATENCY), process.config.slos.api_latency.seconds
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
    "API_RATE_LIMITED": Rule(_five, _rate("signal_service.rate_limit.hits", "limit_type")),
    "HEALTH": Rule(
        _now,
        lambda process: summed(process.gauge("signal_service.health_check.status"), "component", how=min),
    ),
    "COMPONENT_AVAILABILITY": Rule(
        lambda _: FINE_SECONDS, lambda process: process.mean_gauge("signal_service.health_check.status")
    ),
    "GREEKS_CALLS": Rule(_five, _rate(_GREEKS, "outcome")),
    "GREEKS_OPTIONS": Rule(_five, _rate("signal_service.greeks.options")),
    "VECTORIZED_SHARE": Rule(
        _five,
        lambda process: performance.vectorized_share(process.rate("signal_service.greeks.options")),
    ),
    "GREEKS_P90": Rule(
        _latency,
        lambda process: _quantile(0.9, _GREEKS, "vectorized", seconds=process.config.windows.latency)(
            process
        ),
    ),
    "GREEKS_MEAN": Rule(_five, _mean(_GREEKS, "vectorized")),
    "PER_OPTION": Rule(_five, _per_option),
    "VECTORIZED_SPEEDUP": Rule(_five, _speedup),
    "GREEKS_INVALID_RATIO": Rule(_five, _invalid_ratio),
    "SIGNALS": Rule(_five, _rate("signal_service.signals.emitted")),
    "SIGNAL_CALLS": Rule(_five, _rate(_SIGNALS, "outcome")),
    "SIGNAL_MEAN": Rule(_five, _mean(_SIGNALS)),
    "SIGNAL_P95": Rule(
        _latency,
        lambda process: _quantile(0.95, _SIGNALS, seconds=process.config.windows.latency)(process),
    ),
    "SIGNAL_ACCURACY": Rule(
        _now, _gauge("signal_service.signal.accuracy_ratio", "signal_type", "time_horizon")
    ),
    "CACHE_HITS": Rule(_five, lambda process: performance.hit_ratio(process.rate(_CACHE))),
    "CACHE_BYTES": Rule(_now, _gauge("signal_service.cache.size", "cache_type")),
    "CACHE_FILL": Rule(
        _now,
        lambda process: performance.fill(
            process.gauge("signal_service.cache.entries"),
            process.gauge("signal_service.cache.capacity"),
            "cache_type",
        ),
    ),
    "QUEUE_SIZE": Rule(_now, _gauge("signal_service.queue.size", "queue_type", "priority")),
    "QUEUE_FILL": Rule(_now, _queue_fill),
    "QUEUE_BACKPRESSURE": Rule(_five, _backpressure),
    "QUEUE_RATE": Rule(
        _five,
        lambda process: summed(
            only(process.rate("signal_service.queue.items"), event="processed"), "queue_type", "priority"
        ),
    ),
    "DEPENDENCY_UP": Rule(
        _now, _highest("signal_service.external_service.health", "service_name", "criticality")
    ),
    "DEPENDENCY_SCORE": Rule(_five, _health_score),
    "DEPENDENCY_CALLS": Rule(_five, _rate(_CALLS, "service_name", "outcome")),
    "DEPENDENCY_ERROR_RATIO": Rule(
        _five, lambda process: performance.dependency_errors(process.rate(_CALLS))
    ),
    "DEPENDENCY_P95": Rule(_five, _quantile(0.95, _CALLS, "service_name", seconds=_FIVE)),
    "DEPENDENCY_TIME": Rule(
        _five,
        lambda process: scaled(
            summed(process.over(_FIVE).total(_CALLS), "service_name"),
            1 / max(process.over(_FIVE).seconds, 1e-9),
        ),
    ),
    "CPU": Rule(lambda config: config.windows.cpu, _cpu),
    "CPU_CORES": Rule(_five, lambda process: _cpu_rate(process, _FIVE)),
    "MEMORY": Rule(_now, _memory),
    "MEMORY_BYTES": Rule(_now, _gauge("process.resident_memory")),
    "MEMORY_OPERATION": Rule(_now, _gauge("signal_service.memory.usage", "operation_type")),
    "QUERY_P95": Rule(_five, _quantile(0.95, "signal_service.database.query", "query_type", seconds=_FIVE)),
    "BOTTLENECK": Rule(_five, _bottleneck),
    "SUBSCRIPTIONS": Rule(_now, _subscriptions),
    "SUBSCRIPTIONS_TOTAL": Rule(_now, lambda process: summed(_subscriptions(process))),
    "ACTIVE_USERS": Rule(_now, _highest("signal_service.active_users", "window", "user_tier")),
    "PREMIUM_USAGE": Rule(_hour, _increase(_PREMIUM, "feature", "user_tier")),
    "FEATURE_USES": Rule(_hour, _increase(_FEATURES, "feature", "user_tier")),
    "ADOPTION": Rule(
        _hour,
        lambda process: business.adoption(
            summed(process.over(_HOUR).increase(_FEATURES), "feature", "user_tier"), _users(process, "1h")
        ),
    ),
    "PREMIUM_ADOPTION": Rule(
        _now,
        lambda process: business.premium_adoption(
            _users(process, "24h"), process.config.business.premium_tiers
        ),
    ),
    "RETENTION": Rule(_now, _retention),
    "SATISFACTION": Rule(_five, _satisfaction),
    "COST": Rule(_hour, _increase(_COST, "operation_type")),
    "COST_TIER": Rule(_hour, _increase(_COST, "user_tier")),
    "COST_PER_CALCULATION": Rule(
        _hour,
        lambda process: business.cost_per_calculation(
            process.over(_HOUR).increase(_COST), process.over(_HOUR).increase(_GREEKS)
        ),
    ),
    "COST_PER_USER": Rule(
        _hour,
        lambda process: business.cost_per_user(
            summed(process.over(_HOUR).increase(_COST), "user_tier"), _users(process, "1h")
        ),
    ),
    "REVENUE": Rule(_now, _revenue),
    "REVENUE_IMPACT": Rule(
        _five, lambda process: business.revenue_impact(_revenue(process), _satisfaction(process))
    ),
    "PROFITABILITY": Rule(_hour, _profitability),
    # No rules of Prometheus', but asked of it in the same way: see `_facts`.
    "REQUESTS_LAST_MINUTE": Rule(lambda _: 60.0, _increase(_REQUESTS, seconds=60.0)),
    "SIGNALS_LAST_MINUTE": Rule(lambda _: 60.0, _increase("signal_service.signals.emitted", seconds=60.0)),
    "BREAKER_STATES": Rule(
        _now, _highest("signal_service.circuit_breaker.state", "service_name", "operation", "state")
    ),
    "BREAKER_CALLS": Rule(
        _hour,
        _increase("signal_service.circuit_breaker.calls", "service_name", "operation", "outcome"),
    ),
    "BREAKER_TRANSITIONS": Rule(
        _hour,
        _increase("signal_service.circuit_breaker.transitions", "service_name", "operation", "to"),
    ),
}
