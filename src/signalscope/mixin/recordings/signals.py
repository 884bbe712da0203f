"""Series of signals: how many, how long they take, how often they prove right."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration, quantile
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]

_SECONDS = "signal_service.signal.generation"


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    ask = Promql(config.selectors.job)
    buckets = ask.of("SIGNAL_BUCKETS")
    accuracy = ask.raw("signal_service.signal.accuracy_ratio")
    return [
        Group(
            "signals",
            config.pipeline.recording,
            (
                Recording(
                    "SIGNALS_TYPE", ask.rate("signal_service.signals.emitted", by="signal_type, direction")
                ),
                Recording("SIGNALS", f"sum by (job) ({ask.of('SIGNALS_TYPE')})"),
                Recording("SIGNAL_CALLS", ask.rate(_SECONDS, by="outcome", suffix="_count")),
                Recording(
                    "SIGNAL_BUCKETS",
                    ask.rate(
                        _SECONDS,
                        by="signal_type, le",
                        over=duration(config.windows.latency),
                        suffix="_bucket",
                    ),
                ),
                Recording("SIGNAL_P95", quantile(0.95, f"sum by (job, le) ({buckets})")),
                Recording("SIGNAL_P95_TYPE", quantile(0.95, buckets)),
                Recording(
                    "SIGNAL_MEAN",
                    f"{ask.rate(_SECONDS, suffix='_sum')} / ({ask.rate(_SECONDS, suffix='_count')} > 0)",
                ),
                Recording("SIGNAL_ACCURACY", f"avg by (job, signal_type, time_horizon) ({accuracy})"),
            ),
        )
    ]
