"""Alerts about queues."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [_critical_backlog(config), _backpressure(config)]


def _critical_backlog(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.critical_backlog_items, config.holds.critical_backlog
    return Alert(
        name="CriticalQueueBacklog",
        severity="critical",
        domain="queue",
        expr=f"sum by (job, queue_type) ({ask.of('QUEUE_SIZE', _CRITICAL)}) > {limit:g}",
        hold=hold,
        window=config.pipeline.paced(hold),
        summary="Critical work of {{ $labels.job }} is waiting",
        description="{{ $value | humanize }} critical items wait in the queue {{ $labels.queue_type }}, "
        "more than "
        f"{limit:g}, for {duration(hold)}.",
        impact="Alerts and signals that clients act on at once are late.",
        response="See below whether items are processed at all, or come faster than they are processed.",
    )


def _backpressure(config: Config) -> Alert:
    ask = Promql(config.selectors.job)
    limit, hold = config.thresholds.queue_backpressure, config.holds.backpressure
    return Alert(
        name="QueueBackpressureHigh",
        severity="warning",
        domain="queue",
        expr=f"{ask.of('QUEUE_BACKPRESSURE')} > {limit:g}",
        hold=hold,
        keep=config.holds.keep_firing,
        window=300 + config.pipeline.paced(hold),
        summary="The queue {{ $labels.queue_type }} of {{ $labels.job }} does not keep up",
        description="Its backpressure is {{ $value | humanizePercentage }}, more than "
        f"{100 * limit:g} %: it is that full, or refuses that share of what comes.",
        impact="Deliveries are late; when the queue is full, they are refused.",
        response="See below which priority fills it, and whether processing has become slower.",
    )


_CRITICAL = 'priority="critical"'
