"""Alerts about queues."""

from __future__ import annotations

from functools import partial

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]

_alert = partial(Alert, domain="queue")


def alerts(config: Config) -> list[Alert]:
    """Return the alerts of this module."""
    return [_critical_backlog(config), _backpressure(config)]


def _critical_backlog(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.critical_backlog
    limit, waiting = config.thresholds.critical_backlog_items, ask.of("QUEUE_SIZE", 'priority="critical"')
    return _alert(
        name="CriticalQueueBacklog",
        severity="critical",
        ask=ask,
        expr=f"sum by (job, queue_type) ({waiting}) > {limit:g}",
        for_=for_,
        summary="Critical work of {{ $labels.job }} is waiting",
        description="{{ $value | humanize }} critical items wait in the queue {{ $labels.queue_type }}, more than "
        f"{limit:g}, for {duration(for_)}.",
        impact="Alerts and signals that clients act on at once are late.",
        response="See below whether items are processed at all, or come faster than they are processed.",
    )


def _backpressure(config: Config) -> Alert:
    ask, for_ = Promql(config), config.holds.backpressure
    limit = config.thresholds.queue_backpressure
    return _alert(
        name="QueueBackpressureHigh",
        severity="warning",
        ask=ask,
        expr=f"{ask.of('QUEUE_BACKPRESSURE')} > {limit:g}",
        for_=for_,
        keep_firing_for=config.holds.keep_firing,
        summary="The queue {{ $labels.queue_type }} of {{ $labels.job }} does not keep up",
        description=f"Its backpressure is {{{{ $value | humanizePercentage }}}}, more than {100 * limit:g} %.",
        impact="Deliveries are late; when the queue is full, they are refused.",
        response="See below which priority fills it, and whether processing has become slower.",
    )
