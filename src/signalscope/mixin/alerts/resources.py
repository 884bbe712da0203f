"""Alerts about load and resources of the service: used up now, and used up soon."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table.forecast import WITHIN
from signalscope.mixin.alerts._model import Alert, maker


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this module."""
    alert = maker(config, "capacity", dashboard="capacity")
    limits, forecast = config.thresholds, config.forecast
    memory = f"{limits.memory_bytes / 1024**3:g} GiB"
    yield maker(config, "business")(
        "HighActiveSubscriptions",
        lambda ask: f"{ask.of('SUBSCRIPTIONS_TOTAL')} > {limits.active_subscriptions:g}",
        severity="info",
        for_=config.holds.subscriptions,
        summary="{{ $labels.job }} has many active subscriptions",
        description="{{ $value | humanize }} subscriptions are active, more than "
        f"{limits.active_subscriptions:g}.",
        impact="None yet; delivery will take longer when signals are frequent.",
        response="See whether it is growth or one client; check the queue, and plan capacity.",
        dashboard="capacity",
    )
    yield alert(
        "SignalServiceHighCPUUsage",
        lambda ask: (
            f"100 * rate({ask.raw('process.cpu')}[{ask.window(config.windows.cpu)}]) > {limits.cpu_percent:g}"
        ),
        severity="info",
        for_=config.holds.cpu,
        summary="{{ $labels.instance }} of {{ $labels.job }} is short of CPU",
        description="It has used {{ $value | humanize }} % of a core for "
        f"{duration(config.holds.cpu)}, more than {limits.cpu_percent:g} %.",
        impact="None yet; latency rises next, as a Python process cannot use more than one core for its code.",
        response="Add replicas before the close of the session; look for a loop that calculates one by one.",
    )
    yield alert(
        "HighMemoryUsage",
        lambda ask: f"{ask.raw('process.resident_memory')} > {limits.memory_bytes:.0f}",
        for_=config.holds.memory,
        summary="{{ $labels.instance }} of {{ $labels.job }} uses much memory",
        description=f"Its resident memory has been above {memory} for {duration(config.holds.memory)}; "
        "it is {{ $value | humanize1024 }}B.",
        impact="None yet; when memory runs out the process is killed, and its requests with it.",
        response="See which kind of work grows below; restart the process in a quiet moment.",
    )
    yield alert(
        "CapacityExhaustedWithin48h",
        lambda ask: f"{ask.of('EXHAUSTION')} < {WITHIN}",
        for_=forecast.hold,
        keep_firing_for=forecast.keep,
        summary="{{ $labels.resource }} of {{ $labels.job }} will not last for 48 hours",
        description=f"At the present growth it is exhausted ({100 * forecast.exhausted_at:g} % in use) in "
        "{{ $value | humanizeDuration }}.",
        impact="None yet. When it is exhausted requests wait or fail, most likely at the open or the close.",
        response="Add capacity before the time that is named; see whether growth or a leak is behind it.",
    )
    yield alert(
        "MemoryExhaustedBeforeClose",
        _exhausted_before_close,
        for_=config.holds.memory_trend,
        keep_firing_for=config.holds.keep_firing * 5,
        summary="{{ $labels.instance }} of {{ $labels.job }} runs out of memory before the close",
        description=f"At the growth of the last hour its memory reaches the limit of {memory} in "
        "{{ $value | humanizeDuration }}.",
        impact="None yet; the process will be killed in the session, and its requests with it.",
        response="Restart instances one after the other now, rather than have them killed at the close.",
    )


def _exhausted_before_close(ask: Promql) -> str:
    close = f'{ask.name("CALENDAR_CLOSE")}{{horizon="now"}}'
    return f"{ask.of('MEMORY_EXHAUSTION')} < on () group_left () {close}"
