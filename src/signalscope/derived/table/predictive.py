"""Early signs of failures: flapping breakers, dependencies that get worse, memory that runs out."""

from __future__ import annotations

from signalscope.derived._expressions import PromqlOnly
from signalscope.derived._promql import Promql, duration
from signalscope.derived._rows import group, series

#: A window in seconds, and the least history that it needs: nearly as long as the window.
_TREND, _TREND_HISTORY = 1_800, "25m"
_GROWTH, _GROWTH_HISTORY, _STILL = 3_600, "45m", 900
_USUAL = 6 * 3_600


def _memory(ask: Promql) -> str:
    memory = ask.of("MEMORY")
    growth = f"deriv({memory}[{duration(_GROWTH)}])"
    return (
        f"clamp_min(1 - {memory}, 0) / ({growth} > 0)"
        f" and deriv({memory}[{duration(_STILL)}]) > 0.5 * {growth}"
        f" and {memory} > {ask.config.forecast.memory_share:g} and {memory} offset {_GROWTH_HISTORY}"
    )


def _closings(ask: Promql) -> str:
    # Not openings: in an outage, each trial call that fails opens the breaker again.
    closings = ask.raw("signal_service.circuit_breaker.transitions", 'to="closed"')
    window = duration(ask.config.forecast.flapping_window)
    return f"max {ask.by('service_name', 'operation')} (round(increase({closings}[{window}])))"


def _usual(ask: Promql) -> str:
    latency = ask.of("DEPENDENCY_P95")
    return f"quantile_over_time(0.5, {latency}[{duration(_USUAL)}] offset {duration(_TREND)}) and {latency} offset 1h"


def _ahead(key: str) -> PromqlOnly:
    def build(ask: Promql) -> str:
        series = ask.of(key)
        predicted = f"predict_linear({series}[{duration(_TREND)}], {ask.config.forecast.trend})"
        return f"{predicted} and {series} offset {_TREND_HISTORY}"

    return PromqlOnly(build, over=_TREND)


GROUPS = (
    group("predictive", "insight", {
        "MEMORY_EXHAUSTION": series(
            "instance:process_memory_exhaustion:seconds", unit="s", labels="job instance process?",
            meaning="Seconds until the memory of a process reaches its limit at the growth of the last hour. Absent "
            "if it no longer grows, or is far below the limit.",
            expr=PromqlOnly(_memory, over=_GROWTH, shows=_STILL),
        ),
        "BREAKER_CLOSINGS": series(
            "job_service_name_operation:signal_service_circuit_breaker_closings:increase", unit="{transition}",
            labels="job service_name operation",
            meaning="How often a breaker has recently closed again, in the instance where it did so most often.",
            expr=PromqlOnly(_closings, over=lambda config: config.forecast.flapping_window, shows=0),
        ),
        "DEPENDENCY_P95_USUAL": series(
            "job_service_name:signal_service_external_service_duration_seconds:p95_median6h", unit="s",
            labels="job service_name", meaning="Median of the 95th percentile of the last six hours.",
            expr=PromqlOnly(_usual, over=_USUAL + _TREND, shows=0),
        ),
        "DEPENDENCY_P95_AHEAD": series(
            "job_service_name:signal_service_external_service_duration_seconds:p95_ahead", unit="s",
            labels="job service_name", meaning="95th percentile if its trend lasts.", expr=_ahead("DEPENDENCY_P95"),
        ),
        "DEPENDENCY_ERROR_AHEAD": series(
            "job_service_name:signal_service_external_service_errors:ratio_ahead", unit="",
            labels="job service_name", meaning="Ratio of failed calls if its trend lasts.",
            expr=_ahead("DEPENDENCY_ERROR_RATIO"),
        ),
    }),
)  # fmt: skip
