"""Alerts about capacity that will not last, and about the calendar that tells."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin import series
from signalscope.mixin._promql import Promql
from signalscope.mixin.alerts._model import Alert
from signalscope.mixin.calendar import valid_until
from signalscope.mixin.recordings.forecast import WITHIN

__all__ = ["alerts"]

_MONTHS = 60 * 86_400


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [_exhausted(config), _memory(config), _calendar(config)]


def _exhausted(config: Config) -> Alert:
    ask, settings = Promql(config.selectors.job), config.forecast
    return Alert(
        name="CapacityExhaustedWithin48h",
        severity="warning",
        domain="capacity",
        expr=f"{ask.of('EXHAUSTION')} < {WITHIN}",
        hold=settings.hold,
        keep=settings.keep,
        window=900 + config.pipeline.forecast,
        summary="{{ $labels.resource }} of {{ $labels.job }} will not last for 48 hours",
        description="At the present growth it is exhausted "
        f"({100 * settings.exhausted_at:g} % in use) in {{{{ $value | humanizeDuration }}}}.",
        impact="None yet. When it is exhausted requests wait or fail, most likely at the open or the close.",
        response="Add capacity before the time that is named; see whether growth or a leak is behind it.",
        dashboard="capacity",
    )


def _memory(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    close = f'{series.get("CALENDAR_CLOSE").name}{{horizon="now"}}'
    return Alert(
        name="MemoryExhaustedBeforeClose",
        severity="warning",
        domain="capacity",
        expr=f"{ask.of('MEMORY_EXHAUSTION')} < on () group_left () {close}",
        hold=config.holds.memory_trend,
        keep=config.holds.keep_firing * 5,
        window=900 + config.pipeline.insight,
        summary="{{ $labels.instance }} of {{ $labels.job }} runs out of memory before the close",
        description="At the growth of the last hour its memory reaches the limit of "
        f"{config.thresholds.memory_bytes / 1024**3:g} GiB in {{{{ $value | humanizeDuration }}}}.",
        impact="None yet; the process will be killed in the session, and its requests with it.",
        response="Restart instances one after the other now, rather than have them killed at the close.",
        dashboard="capacity",
    )


def _calendar(config: Config) -> Alert:
    last = config.calendar.valid_until
    return Alert(
        name="TradingCalendarEnds",
        severity="info",
        domain="telemetry",
        expr=f"vector(time()) > {valid_until(config.calendar) - _MONTHS}",
        hold=0,
        window=config.pipeline.evaluation,
        summary="The trading calendar ends soon",
        description=f"Its last day is {last}. After it there are no anomalies and no forecasts.",
        impact="None yet; after that day nobody is told what is unusual.",
        response="Add the exchange's holidays of the next years to [calendar], move valid_until, generate again.",
        dashboard="capacity",
    )
