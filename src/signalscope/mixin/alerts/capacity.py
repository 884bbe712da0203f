"""Alerts about capacity that will not last, and about the calendar that tells."""

from __future__ import annotations

from signalscope import derived
from signalscope.config import Config
from signalscope.derived._calendar import valid_until
from signalscope.derived._promql import Promql, duration
from signalscope.derived.table.forecast import WITHIN
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

_MONTHS = 60 * 86_400


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [_exhausted(config), _memory(config), _calendar(config)]


def _exhausted(config: Config) -> Alert:
    ask, settings = Promql(config), config.forecast
    hold, keep = duration(settings.hold), duration(settings.keep)
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
        meaning="A resource is foreseen to be used up within two days, or is already.",
        why="The median of three seasonal forecasts: last week and the one before, each times the growth since, and "
        f"the last trading days. Absent, not invented, with less than two weeks of history. {hold} let a forecast "
        f"settle; {keep} of keeping cover the time between the moments that are foreseen to be too much.",
        diagnosis={
            "In use now": ask.of("CAPACITY_USED"),
            "In 24 and 48 hours": ask.of("FORECAST"),
            "At the most": ask.of("FORECAST_UPPER"),
            "Growth against the weeks before": ask.of("CAPACITY_TREND"),
            "Replicas that are wanted": ask.of("SCALING"),
        },
        mitigation=(
            "CPU: add replicas; scaling_recommendation says how many.",
            "Queue, cache, database: raise its capacity, or take load off it before the open.",
            "A dependency: ask its owners for more, or cache more of what it answers.",
        ),
        dashboard="capacity",
    )


def _memory(config: Config) -> Alert:
    ask = Promql(config)
    close = f'{derived.get("CALENDAR_CLOSE").name}{{horizon="now"}}'
    hold = duration(config.holds.memory_trend)
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
        meaning="The memory of a process grows steadily, and the session is longer than it will last.",
        why="A line through the last hour, only while it still grows at half that pace or more, and above "
        f"{100 * config.forecast.memory_share:g} % of the limit, so that a process that warms up is left alone. "
        f"{hold} let a large calculation end.",
        diagnosis={
            "Of the limit, each process": ask.of("MEMORY"),
            "Seconds until the limit": ask.of("MEMORY_EXHAUSTION"),
            "By kind of work": ask.of("MEMORY_OPERATION"),
            "Caches": ask.of("CACHE_BYTES"),
        },
        mitigation=(
            "Restart the process; instances one after the other.",
            "Make the largest cache smaller.",
            "Roll back the last release if it grows since then.",
        ),
        dashboard="capacity",
    )


def _calendar(config: Config) -> Alert:
    last = config.calendar.valid_until
    session = f'{derived.get("CALENDAR_SESSION").name}{{horizon="now"}}'
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
        meaning="Holidays are known up to a day only, and that day is less than two months off.",
        why="Sixty days are enough to add what the exchange has published. Nothing to hold: it is a date.",
        diagnosis={"The session's state": session},
        mitigation=("Add holidays and early closes to [calendar] and run `signalscope generate`.",),
        dashboard="capacity",
    )
