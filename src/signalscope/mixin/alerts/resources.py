"""Alerts about resources of the service: used up now, and used up soon."""

from __future__ import annotations

from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table.forecast import WITHIN
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

_alert = partial(Alert, domain="capacity", dashboard="capacity")


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_cpu(config), _memory(config), _exhausted(config), _memory_trend(config)]


def _cpu(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.cpu
    limit, over = config.thresholds.cpu_percent, config.windows.cpu
    return _alert(
        name="SignalServiceHighCPUUsage",
        severity="info",
        ask=ask,
        expr=f"100 * rate({ask.raw('process.cpu')}[{ask.window(over)}]) > {limit:g}",
        for_=for_,
        summary="{{ $labels.instance }} of {{ $labels.job }} is short of CPU",
        description=f"It has used {{{{ $value | humanize }}}} % of a core for {duration(for_)}, more than "
        f"{limit:g} %.",
        impact="None yet; latency rises next, as a Python process cannot use more than one core for its code.",
        response="Add replicas before the close of the session; look for a loop that calculates one by one.",
    )


def _memory(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.memory
    limit = config.thresholds.memory_bytes
    return _alert(
        name="HighMemoryUsage",
        severity="warning",
        ask=ask,
        expr=f"{ask.raw('process.resident_memory')} > {limit:.0f}",
        for_=for_,
        summary="{{ $labels.instance }} of {{ $labels.job }} uses much memory",
        description="Its resident memory has been above "
        f"{limit / 1024**3:g} GiB for {duration(for_)}; it is {{{{ $value | humanize1024 }}}}B.",
        impact="None yet; when memory runs out the process is killed, and its requests with it.",
        response="See which kind of work grows below; restart the process in a quiet moment.",
    )


def _exhausted(config: Config) -> Alert:
    ask, forecast = Promql(config), config.forecast
    return _alert(
        name="CapacityExhaustedWithin48h",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('EXHAUSTION')} < {WITHIN}",
        for_=forecast.hold,
        keep_firing_for=forecast.keep,
        summary="{{ $labels.resource }} of {{ $labels.job }} will not last for 48 hours",
        description="At the present growth it is exhausted "
        f"({100 * forecast.exhausted_at:g} % in use) in {{{{ $value | humanizeDuration }}}}.",
        impact="None yet. When it is exhausted requests wait or fail, most likely at the open or the close.",
        response="Add capacity before the time that is named; see whether growth or a leak is behind it.",
    )


def _memory_trend(config: Config) -> Alert:
    ask = Promql(config)
    close = f'{ask.name("CALENDAR_CLOSE")}{{horizon="now"}}'
    return _alert(
        name="MemoryExhaustedBeforeClose",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('MEMORY_EXHAUSTION')} < on () group_left () {close}",
        for_=config.holds.memory_trend,
        keep_firing_for=config.holds.keep_firing * 5,
        summary="{{ $labels.instance }} of {{ $labels.job }} runs out of memory before the close",
        description="At the growth of the last hour its memory reaches the limit of "
        f"{config.thresholds.memory_bytes / 1024**3:g} GiB in {{{{ $value | humanizeDuration }}}}.",
        impact="None yet; the process will be killed in the session, and its requests with it.",
        response="Restart instances one after the other now, rather than have them killed at the close.",
    )
