"""The checks that there are without registering any: each says something true or that it knows nothing.

None of them touches a dependency: they look at what this process has recorded. None is critical.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from signalscope.derived import _windows
from signalscope.derived._process import Process
from signalscope.derived._vector import Vector, only, summed
from signalscope.fastapi import _settings
from signalscope.health._check import HealthCheck
from signalscope.health._result import Result, Status
from signalscope.metrics import CPU_SECOND_PRICE, cpu_second_price
from signalscope.recording._snapshot import NotKeptError, snapshot

__all__ = ["built_in"]

_NOTHING = "nothing of it was recorded in the last {seconds:.0f} s"


def built_in() -> list[HealthCheck]:
    """One check of each kind."""
    return [
        HealthCheck("api", _api),
        HealthCheck("error_rate", _error_rate),
        HealthCheck("signal_processing", _signal_processing),
        HealthCheck("cache", _cache),
        HealthCheck("backpressure", _backpressure),
        HealthCheck("dependencies", _dependencies),
        HealthCheck("system_resources", _system_resources),
        HealthCheck("config", _config),
        HealthCheck("model_configuration", _models),
        HealthCheck("database", _unregistered("database_check")),
        HealthCheck("redis", _unregistered("redis_check")),
    ]


async def _api() -> Result:
    """How late the event loop is."""
    limits = _settings.config().health
    begun = time.perf_counter()
    await asyncio.sleep(0.01)
    late = max(0.0, time.perf_counter() - begun - 0.01)
    status = _status(late, limits.loop_delay_seconds_degraded, limits.loop_delay_seconds_unhealthy)
    return Result(status, f"the event loop is {late * 1e3:.0f} ms late", {"loop_delay_seconds": late})


def _looked_at(formula: Callable[[Process], Result]) -> Result:
    _windows.shared.start()
    try:
        return formula(Process(_windows.shared, _settings.config()))
    except _windows.NoDataError as error:
        return Result("unknown", str(error))


def _error_rate() -> Result:
    def formula(process: Process) -> Result:
        limits, window = process.config.health, process.over(300)
        requests = sum(window.increase("signal_service.api.requests").values())
        if requests < limits.least_events:
            return Result("unknown", f"{requests:.0f} requests in {window.seconds:.0f} s say nothing")
        rate = process.row("ERROR_RATE")[()]
        status = _status(rate, limits.error_rate_percent_degraded, limits.error_rate_percent_unhealthy)
        return Result(status, f"{rate:.2f} % of the requests failed", {"error_rate_percentage": rate})

    return _looked_at(formula)


def _signal_processing() -> Result:
    def formula(process: Process) -> Result:
        limits, window = process.config.health, process.over(300)
        every = failed = 0.0
        for name in ("signal_service.greeks.calculation", "signal_service.signal.generation"):
            calls = window.increase(name)
            every += sum(calls.values())
            failed += sum(only(calls, outcome=("error", "invalid")).values())
        if every < limits.least_events:
            return Result(
                "unknown", f"{every:.0f} calculations and signals in {window.seconds:.0f} s say nothing"
            )
        share = failed / every
        status = _status(share, limits.failed_work_degraded, limits.failed_work_unhealthy)
        return Result(
            status,
            f"{share:.1%} of the calculations and signals failed or were unusable",
            {"failed_share": share},
        )

    return _looked_at(formula)


def _cache() -> Result:
    def formula(process: Process) -> Result:
        slos, selectors = process.config.slos, process.config.selectors
        wanted = {
            selectors.greeks_cache: slos.cache_hits_greeks.objective,
            selectors.indicators_cache: slos.cache_hits_indicators.objective,
        }
        window = process.over(300)
        gets = summed(
            only(window.increase("signal_service.cache.operations"), operation="get", result=("hit", "miss")),
            "cache_type",
        )
        ratios = {
            dict(found)["cache_type"]: value
            for found, value in process.row("CACHE_HITS").items()
            if gets.get(found, 0.0) >= process.config.health.least_events
        }
        if not ratios:
            return Result("unknown", _NOTHING.format(seconds=window.seconds))
        low = sorted(name for name, value in ratios.items() if value < wanted.get(name, 0.0))
        data = {f"{name}_hit_ratio": value for name, value in ratios.items()}
        if low:
            return Result("degraded", f"fewer hits than wanted: {', '.join(low)}", data)
        return Result("healthy", "hits are as wanted", data)

    return _looked_at(formula)


def _backpressure() -> Result:
    def formula(process: Process) -> Result:
        limits = process.config.health
        levels = process.row("QUEUE_BACKPRESSURE")
        if not levels:
            return Result("unknown", "no queue reports its size")
        worst = max(levels.values())
        status = _status(worst, limits.backpressure_degraded, limits.backpressure_unhealthy)
        data = {dict(found).get("queue_type", ""): value for found, value in levels.items()}
        return Result(status, f"the fullest queue is at {worst:.0%}", data)

    return _looked_at(formula)


def _dependencies() -> Result:
    def formula(process: Process) -> Result:
        up = process.gauge("signal_service.external_service.health")
        states = process.gauge("signal_service.circuit_breaker.state")
        down = _names({found: value for found, value in up.items() if value == 0})
        opened = _names(only({each: value for each, value in states.items() if value > 0}, state="open"))
        if not up and not states:
            return Result("unknown", "no external service and no circuit breaker reports")
        critical = _names({each: 1.0 for each in only(up, criticality="critical") if up[each] == 0})
        parts = [
            f"{what}: {', '.join(names)}"
            for what, names in (("down", down), ("breaker open", opened))
            if names
        ]
        status: Status = "unhealthy" if critical else "degraded" if parts else "healthy"
        return Result(status, "; ".join(parts) or "all are up", {"known": len(_names(up)), "down": len(down)})

    return _looked_at(formula)


def _system_resources() -> Result:
    def formula(process: Process) -> Result:
        limits = process.config.health
        memory = sum(process.row("MEMORY").values())
        if not memory:
            return Result("unknown", "memory is not measured here")
        status = _status(memory, limits.memory_degraded, limits.memory_unhealthy)
        data: dict[str, float | str | None] = {"memory_share": memory}
        try:
            cores = sum(process.row("CPU").values())
        except _windows.NoDataError:
            return Result(status, f"{memory:.0%} of the memory's limit is in use", data)
        data["cpu_cores"] = cores
        if status == "healthy" and 100 * cores > process.config.thresholds.cpu_percent:
            status = "degraded"
        return Result(
            status, f"{memory:.0%} of the memory's limit and {cores:.0%} of a core are in use", data
        )

    return _looked_at(formula)


def _config() -> Result:
    """Settings that cannot be as they were meant."""
    wrong = [
        name
        for name in ("SIGNALSCOPE_PROMETHEUS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT")
        if (value := os.environ.get(name, "").strip()) and not _is_url(value)
    ]
    if os.environ.get(CPU_SECOND_PRICE) and cpu_second_price() is None:
        wrong.append(CPU_SECOND_PRICE)
    wrong += [name for name in _settings.mistakes() if name not in wrong]
    if wrong:
        return Result("degraded", f"not usable: {', '.join(sorted(wrong))}")
    return Result("healthy", "every setting can be used")


def _models() -> Result:
    """Models and calculations that the contract does not know, which are recorded as `other`."""
    try:
        seen = snapshot(["signalscope.attribute.overflow", "signal_service.greeks.calculation"])
    except NotKeptError as error:
        return Result("unknown", str(error))
    if not any(each.count for each in seen.totals.get("signal_service.greeks.calculation", {}).values()):
        return Result("unknown", "nothing has been calculated yet")
    unknown = sorted(
        {
            values[1]
            for values, each in seen.totals.get("signalscope.attribute.overflow", {}).items()
            if len(values) == 2 and values[1] in ("model_type", "calculation_type") and each.total > 0
        }
    )
    if unknown:
        return Result(
            "degraded", f"values that the contract does not know: {', '.join(unknown)} (SIGNALSCOPE_ALLOW)"
        )
    return Result("healthy", "every model that was used is known")


def _unregistered(factory: str) -> Callable[[], Result]:
    def check() -> Result:
        return Result("unknown", f"no check is registered; see signalscope.health.{factory}")

    return check


def _status(value: float, degraded: float, unhealthy: float) -> Status:
    return "unhealthy" if value >= unhealthy else "degraded" if value >= degraded else "healthy"


def _names(vector: Vector) -> list[str]:
    return sorted({dict(found)["service_name"] for found in vector})


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
