"""Alerts about load and resources of the service, exhausted now or soon."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table.forecast import RESTS_ON, WITHIN
from signalscope.mixin.alerts._model import PROCESS, Alert, maker


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    alert = maker(config, "capacity", dashboard="capacity")
    limits, forecast = config.thresholds, config.forecast
    memory = f"{limits.memory_bytes / 1024**3:g} GiB"
    yield maker(config, "business")(
        "HighActiveSubscriptions",
        lambda ask: f"{ask.of('SUBSCRIPTIONS_TOTAL')} > {limits.active_subscriptions:g}",
        severity="info",
        for_=config.holds.subscriptions,
        summary="{{ $labels.job }} has many active subscriptions",
        description="{{ $value | humanize }} subscriptions are active; the limit is "
        f"{limits.active_subscriptions:g}.",
        impact="None yet. Delivery takes longer when signals are frequent.",
        response="Find out whether the cause is growth or one client; check the queue, and plan capacity.",
        dashboard="capacity",
    )
    yield alert(
        "SignalServiceHighCPUUsage",
        lambda ask: (
            f"100 * rate({ask.raw('process.cpu')}[{ask.window(config.windows.cpu)}]) > {limits.cpu_percent:g}"
        ),
        severity="info",
        for_=config.holds.cpu,
        summary=f"{PROCESS} of {{{{ $labels.job }}}} has high CPU usage",
        description="It has used {{ $value | humanize }} % of a core for "
        f"{duration(config.holds.cpu)}; the limit is {limits.cpu_percent:g} %.",
        impact="None yet. Latency will rise, because a Python process can use only one core for its code.",
        response="Add replicas before the close of the session; look for calculations that are not vectorised.",
    )
    yield alert(
        "HighMemoryUsage",
        lambda ask: f"{ask.raw('process.resident_memory')} > {limits.memory_bytes:.0f}",
        for_=config.holds.memory,
        summary=f"{PROCESS} of {{{{ $labels.job }}}} has high memory usage",
        description=f"Its resident memory has been above {memory} for {duration(config.holds.memory)}; "
        "now it is {{ $value | humanize1024 }}B.",
        impact="None yet. When memory is exhausted, the process is killed and its requests fail.",
        response="Find the growing kind of work below; restart the process when the load is low.",
    )
    yield alert(
        "CapacityExhaustedWithin48h",
        lambda ask: ask.measured(f"{ask.of('EXHAUSTION')} < {WITHIN}", RESTS_ON),
        for_=forecast.hold,
        keep_firing_for=forecast.keep,
        summary="{{ $labels.resource }} of {{ $labels.job }} will be exhausted within 48 hours",
        description=f"By the forecast, it is exhausted ({100 * forecast.exhausted_at:g} % in use) in "
        "{{ $value | humanizeDuration }}.",
        impact="None yet. When it is exhausted, requests wait or fail, most likely at the open or the close.",
        response="Add capacity before that time; find out whether the cause is growth or a leak.",
    )
    yield alert(
        "MemoryExhaustedBeforeClose",
        _exhausted_before_close,
        for_=config.holds.memory_trend,
        keep_firing_for=config.holds.keep_firing * 5,
        summary=f"{PROCESS} of {{{{ $labels.job }}}} will run out of memory before the close",
        description=f"At the growth rate of the last hour, its memory reaches the limit of {memory} in "
        "{{ $value | humanizeDuration }}.",
        impact="None yet. The process will be killed during the session, and its requests will fail.",
        response="Restart the instances one after the other now, before they are killed at the close.",
    )


def _exhausted_before_close(ask: Promql) -> str:
    close = f'{ask.name("CALENDAR_CLOSE")}{{horizon="now"}}'
    return f"{ask.of('MEMORY_EXHAUSTION')} < on () group_left () {close}"
