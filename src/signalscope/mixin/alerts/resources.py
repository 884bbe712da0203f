"""Alerts about what the service uses up."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.memory_bytes, config.holds.memory
    return [
        Alert(
            name="HighMemoryUsage",
            severity="warning",
            domain="capacity",
            expr=f"{ask.raw('process.resident_memory')} > {limit:.0f}",
            hold=hold,
            window=0,
            summary="{{ $labels.instance }} of {{ $labels.job }} uses much memory",
            description="Its resident memory has been above "
            f"{limit / 1024**3:g} GiB for {duration(hold)}; it is {{{{ $value | humanize1024 }}}}B.",
            impact="None yet; when memory runs out the process is killed, and its requests with it.",
            response="See which kind of work grows below; restart the process in a quiet moment.",
            dashboard="capacity",
        )
    ]
