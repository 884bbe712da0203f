"""What is about to fail: breakers that flap, dependencies that get worse, memory that will not last."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]

#: A trend needs nearly as much history as it looks back on, and so do the last hour's growth and the usual.
_TREND, _TREND_HISTORY = "30m", "25m"
_GROWTH, _GROWTH_HISTORY, _STILL = "1h", "45m", "15m"


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    ask, settings = Promql(config.selectors.job), config.forecast
    memory = ask.of("MEMORY")
    growth = f"deriv({memory}[{_GROWTH}])"
    openings = ask.raw("signal_service.circuit_breaker.transitions", 'to="open"')
    latency = ask.of("DEPENDENCY_P95")
    return [
        Group(
            "predictive",
            config.pipeline.insight,
            (
                Recording(
                    "MEMORY_EXHAUSTION",
                    f"clamp_min(1 - {memory}, 0) / ({growth} > 0)"
                    f" and deriv({memory}[{_STILL}]) > 0.5 * {growth}"
                    f" and {memory} > {settings.memory_share:g} and {memory} offset {_GROWTH_HISTORY}",
                ),
                Recording(
                    "BREAKER_OPENINGS",
                    "max by (job, service_name, operation) "
                    f"(round(increase({openings}[{duration(settings.flapping_window)}])))",
                ),
                Recording(
                    "DEPENDENCY_P95_USUAL",
                    f"quantile_over_time(0.5, {latency}[6h] offset {_TREND}) and {latency} offset 1h",
                ),
                Recording("DEPENDENCY_P95_AHEAD", _ahead(latency, config)),
                Recording("DEPENDENCY_ERROR_AHEAD", _ahead(ask.of("DEPENDENCY_ERROR_RATIO"), config)),
            ),
        )
    ]


def _ahead(series: str, config: Config) -> str:
    predicted = f"predict_linear({series}[{_TREND}], {config.forecast.trend})"
    return f"{predicted} and {series} offset {_TREND_HISTORY}"
