"""Alerts about queues."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope.config import Config
from signalscope.derived._promql import duration
from signalscope.mixin.alerts._model import Alert, maker, shown_after


def alerts(config: Config) -> Iterator[Alert]:
    """Yield the alerts of this subject."""
    alert, limits = maker(config, "queue"), config.thresholds
    critical, lost, minute = 'priority="critical"', 'event=~"rejected|dropped"', 60
    yield alert(
        "CriticalQueueBacklog",
        lambda ask: (
            f"sum {ask.by('queue_type')} ({ask.of('QUEUE_SIZE', critical)}) > {limits.critical_backlog_items:g}"
        ),
        severity="critical",
        for_=config.holds.critical_backlog,
        summary="Critical items of {{ $labels.job }} are waiting",
        description="{{ $value | humanize }} critical items wait in the queue {{ $labels.queue_type }}; more than "
        f"{limits.critical_backlog_items:g} for {duration(config.holds.critical_backlog)}.",
        impact="Urgent alerts and signals for clients are late.",
        response="Check below whether items are processed at all, or arrive faster than they are processed.",
    )
    yield alert(
        "CriticalItemsRejected",
        lambda ask: (
            f"sum {ask.by('queue_type')} (increase("
            f"{ask.raw('signal_service.queue.items', critical, lost)}"
            f"[{ask.window(minute)}])) > 0"
        ),
        severity="critical",
        for_=0,
        shows_after=0,
        summary="The queue {{ $labels.queue_type }} of {{ $labels.job }} refuses critical items",
        description=f"About {{{{ $value | humanize }}}} were rejected or dropped in {duration(minute)}.",
        impact="Urgent alerts and signals for clients are lost, unless the sender tries again.",
        response="Check below whether critical items fill their capacity, or workers were cancelled.",
    )
    yield alert(
        "QueueBackpressureHigh",
        lambda ask: f"{ask.of('QUEUE_BACKPRESSURE')} > {limits.queue_backpressure:g}",
        for_=config.holds.backpressure,
        shows_after=shown_after(
            0, "QUEUE_BACKPRESSURE", config, config.holds.backpressure
        ),  # the fill is current
        keep_firing_for=config.holds.keep_firing,
        summary="The queue {{ $labels.queue_type }} of {{ $labels.job }} does not keep up",
        description="Its backpressure is {{ $value | humanizePercentage }}; the limit is "
        f"{100 * limits.queue_backpressure:g} %.",
        impact="Deliveries are late; when the queue is full, new items are rejected.",
        response="Check below which priority fills the queue, and whether processing has become slower.",
    )
