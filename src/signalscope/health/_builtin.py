"""The built-in checks, which every application with the router has.

They read the metrics of this process and call no external service. None of them is critical. If there is not enough
data, the result is unknown.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from signalscope.config import _environment
from signalscope.derived import _windows
from signalscope.derived._process import Process
from signalscope.derived._vector import Vector, only, summed
from signalscope.health._check import HealthCheck
from signalscope.health._result import Result, Status
from signalscope.metrics import CPU_SECOND_PRICE, cpu_second_price
from signalscope.recording._snapshot import NotKeptError, snapshot

_URLS = ("SIGNALSCOPE_PROMETHEUS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT")
_UNREGISTERED = "no check is registered; use signalscope.health"


def built_in() -> list[HealthCheck]:
    """Return new instances of all built-in checks."""
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
        HealthCheck("database", partial(Result, "unknown", f"{_UNREGISTERED}.database_check")),
        HealthCheck("redis", partial(Result, "unknown", f"{_UNREGISTERED}.redis_check")),
    ]


async def _api() -> Result:
    """Measure the delay of the event loop."""
    limits = _environment.config().health
    began = time.perf_counter()
    await asyncio.sleep(0.01)
    late = max(0.0, time.perf_counter() - began - 0.01)
    status = _status(late, limits.loop_delay_seconds_degraded, limits.loop_delay_seconds_unhealthy)
    return Result(status, f"the delay of the event loop is {late * 1e3:.0f} ms", {"loop_delay_seconds": late})


def _of_windows(judge: Callable[[Process], Result]) -> Callable[[], Result]:
    """Make a check from a function of the recorded metrics; unknown until there are two snapshots to compare."""

    def check() -> Result:
        _windows.shared.start()
        try:
            return judge(Process(_windows.shared, _environment.config()))
        except _windows.NoDataError as error:
            return Result("unknown", str(error))

    return check


@_of_windows
def _error_rate(process: Process) -> Result:
    limits, window = process.config.health, process.over(process.config.windows.rate)
    requests = sum(window.increase("signal_service.api.requests").values())
    if requests < limits.least_events:
        return Result("unknown", f"too few requests to judge: {requests:.0f} in {window.seconds:.0f} s")
    rate = process.row("ERROR_RATE")[()]
    status = _status(rate, limits.error_rate_percent_degraded, limits.error_rate_percent_unhealthy)
    return Result(status, f"{rate:.2f} % of the requests failed", {"error_rate_percentage": rate})


@_of_windows
def _signal_processing(process: Process) -> Result:
    limits, window = process.config.health, process.over(process.config.windows.rate)
    every = failed = 0.0
    for name in ("signal_service.greeks.calculation", "signal_service.signal.generation"):
        calls = window.increase(name)
        every += sum(calls.values())
        failed += sum(only(calls, outcome=("error", "invalid")).values())
    if every < limits.least_events:
        detail = f"too few calculations and signals to judge: {every:.0f} in {window.seconds:.0f} s"
        return Result("unknown", detail)
    ratio = failed / every
    status = _status(ratio, limits.failed_work_degraded, limits.failed_work_unhealthy)
    detail = f"{ratio:.1%} of the calculations and signals failed or gave an invalid result"
    return Result(status, detail, {"failed_share": ratio})


@_of_windows
def _cache(process: Process) -> Result:
    slos, selectors = process.config.slos, process.config.selectors
    objectives = {
        selectors.greeks_cache: slos.cache_hits_greeks.objective,
        selectors.indicators_cache: slos.cache_hits_indicators.objective,
    }
    window = process.over(process.config.windows.rate)
    gets = summed(
        only(window.increase("signal_service.cache.operations"), operation="get", result=("hit", "miss")),
        "cache_type",
    )
    ratios = {
        dict(labels)["cache_type"]: ratio
        for labels, ratio in process.row("CACHE_HITS").items()
        if gets.get(labels, 0.0) >= process.config.health.least_events
    }
    if not ratios:
        return Result("unknown", f"too few cache reads to judge in the last {window.seconds:.0f} s")
    low = sorted(name for name, ratio in ratios.items() if ratio < objectives.get(name, 0.0))
    data = {f"{name}_hit_ratio": ratio for name, ratio in ratios.items()}
    if low:
        return Result("degraded", f"the hit ratio is below the objective: {', '.join(low)}", data)
    return Result("healthy", "every hit ratio meets its objective", data)


@_of_windows
def _backpressure(process: Process) -> Result:
    limits = process.config.health
    levels = process.row("QUEUE_BACKPRESSURE")
    if not levels:
        return Result("unknown", "no queue reports its size")
    worst = max(levels.values())
    status = _status(worst, limits.backpressure_degraded, limits.backpressure_unhealthy)
    data = {dict(labels).get("queue_type", ""): level for labels, level in levels.items()}
    return Result(status, f"the backpressure of the fullest queue is {worst:.0%}", data)


@_of_windows
def _dependencies(process: Process) -> Result:
    up = process.gauge("signal_service.external_service.health")
    states = process.gauge("signal_service.circuit_breaker.state")
    if not up and not states:
        return Result("unknown", "no external service and no circuit breaker reports its state")
    down = {labels: value for labels, value in up.items() if value == 0}
    opened = {labels: value for labels, value in only(states, state="open").items() if value > 0}
    problems = {"down": _services(down), "breaker open": _services(opened)}
    detail = "; ".join(f"{problem}: {', '.join(names)}" for problem, names in problems.items() if names)
    status: Status = "degraded" if detail else "healthy"
    if only(down, criticality="critical"):
        status = "unhealthy"
    data = {"known": len(_services(up)), "down": len(_services(down))}
    return Result(status, detail or "all external services are up", data)


@_of_windows
def _system_resources(process: Process) -> Result:
    limits = process.config.health
    memory = sum(process.row("MEMORY").values())
    if not memory:
        return Result("unknown", "memory usage cannot be read: this system has no /proc")
    status = _status(memory, limits.memory_degraded, limits.memory_unhealthy)
    try:
        cores = sum(process.row("CPU").values())
    except _windows.NoDataError:
        return Result(status, f"{memory:.0%} of the memory limit is in use", {"memory_share": memory})
    if status == "healthy" and 100 * cores > process.config.thresholds.cpu_percent:
        status = "degraded"
    detail = f"{memory:.0%} of the memory limit and {cores:.0%} of a CPU core are in use"
    return Result(status, detail, {"memory_share": memory, "cpu_cores": cores})


def _config() -> Result:
    """Check that the environment variables have valid values."""
    urls = {name: os.environ.get(name, "").strip() for name in _URLS}
    wrong = {name for name, url in urls.items() if url and not _is_url(url)}
    wrong.update(_environment.invalid_settings())
    if os.environ.get(CPU_SECOND_PRICE) and cpu_second_price() is None:
        wrong.add(CPU_SECOND_PRICE)
    if wrong:
        return Result("degraded", f"invalid settings: {', '.join(sorted(wrong))}")
    return Result("healthy", "all settings are valid")


def _models() -> Result:
    """Check that all recorded models and calculations are in the contract; others are recorded as `other`."""
    try:
        totals = snapshot(["signalscope.attribute.overflow", "signal_service.greeks.calculation"]).totals
    except NotKeptError as error:
        return Result("unknown", str(error))
    if not any(total.count for total in totals.get("signal_service.greeks.calculation", {}).values()):
        return Result("unknown", "no calculation has been recorded yet")
    unknown = {
        values[1]
        for values, overflow in totals.get("signalscope.attribute.overflow", {}).items()
        if len(values) == 2 and values[1] in ("model_type", "calculation_type") and overflow.total > 0
    }
    if unknown:
        names = ", ".join(sorted(unknown))
        return Result("degraded", f"not in the contract: {names}; allow values with SIGNALSCOPE_ALLOW")
    return Result("healthy", "all recorded models are in the contract")


def _status(value: float, degraded: float, unhealthy: float) -> Status:
    return "unhealthy" if value >= unhealthy else "degraded" if value >= degraded else "healthy"


def _services(vector: Vector) -> list[str]:
    return sorted({dict(labels)["service_name"] for labels in vector})


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
