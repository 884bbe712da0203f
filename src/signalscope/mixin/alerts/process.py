"""Alerts about one Python process: its event loop and its thread pools."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table import PROCESS as SEPARATE
from signalscope.mixin.alerts._model import PROCESS, Alert, maker


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    alert, limits = maker(config, "process", dashboard="developer"), config.thresholds

    def lag(ask: Promql, above: float) -> str:
        return f"{ask.of('EVENT_LOOP_LAG_P99')} > {above:g}"

    yield alert(
        "EventLoopLagHigh",
        lambda ask: lag(ask, limits.event_loop_lag_critical_seconds),
        lambda ask: lag(ask, limits.event_loop_lag_seconds),
        severity="critical",
        for_=config.holds.event_loop,
        values={"window": duration(config.lag_window)},
        summary=f"The event loop of {PROCESS} of {{{{ $labels.job }}}} is late",
        description="The 99th percentile of its lag is {{ $value | humanizeDuration }}; the limits are "
        f"{limits.event_loop_lag_seconds:g} s (warning) and {limits.event_loop_lag_critical_seconds:g} s (critical).",
        impact="All requests of this process wait, and its health checks and calls to other services time out.",
        response="Find the code that blocks the loop of this process: `py-spy dump --pid PID`; move it to a thread.",
    )
    yield alert(
        "ExecutorSaturated",
        _saturated,
        for_=config.holds.executor,
        summary=f"No thread is free in the pool {{{{ $labels.executor }}}} of {PROCESS}",
        description="{{ $value | humanize }} tasks of {{ $labels.job }} wait for a thread, and all threads are busy, "
        f"for {duration(config.holds.executor)}.",
        impact="Work that needs a thread is late: `asyncio.to_thread`, and requests to plain functions.",
        response="Find what the threads do: `py-spy dump --pid PID`; give slow work a thread pool of its own.",
    )


def _saturated(ask: Promql) -> str:
    queued = ask.raw("signal_service.executor.queued_tasks")
    idle = ask.raw("signal_service.executor.threads", 'state="idle"')
    return f"{queued} > 0 and {ask.on(*SEPARATE, 'executor')} {idle} == 0"
