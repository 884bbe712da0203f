"""Alerts about what the service uses up."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    ask = Promql(config)
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
            meaning="One process holds more memory than it was sized for.",
            why=f"Of each process, since each is killed for itself. {duration(hold)} let a large "
            f"calculation finish. "
            "Memory rarely moves to and fro around the limit, so nothing keeps it firing.",
            diagnosis={
                "Of each process": ask.raw("process.resident_memory"),
                "By kind of work": ask.of("MEMORY_OPERATION"),
                "Caches": ask.of("CACHE_BYTES"),
                "Growth in an hour": f"deriv({ask.raw('process.resident_memory')}[1h]) * 3600",
            },
            mitigation=(
                "Restart the process; instances one after the other.",
                "Make the largest cache smaller.",
                "If it grows all day, look for a leak before the limit is raised.",
            ),
            dashboard="capacity",
        )
    ]
