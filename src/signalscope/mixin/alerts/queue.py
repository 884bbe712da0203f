"""Alerts about queues."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.derived._promql import Promql, duration
from signalscope.mixin.alerts._model import Alert

__all__ = ["alerts"]


def alerts(config: Config) -> list[Alert]:
    """The alerts of this module."""
    return [_critical_backlog(config), _backpressure(config)]


def _diagnosis(ask: Promql) -> dict[str, str]:
    return {
        "Waiting by priority": ask.of("QUEUE_SIZE"),
        "Processed a second": ask.of("QUEUE_RATE"),
        "What happens to items": ask.of("QUEUE_EVENTS"),
        "Waiting time": ask.of("QUEUE_WAIT_P95"),
        "Processing time": ask.of("QUEUE_PROCESSING_P95"),
    }


def _critical_backlog(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="Critical items go first, so when they wait, all workers are busy with critical work, or "
        "none works.",
        why=f"The number that waits, throughout {duration(hold)}: critical items are processed in much "
        f"less, so a burst "
        "that is being worked off is no alert. It ends with the backlog.",
        diagnosis=_diagnosis(ask),
        mitigation=(
            "Nothing is processed: restart the workers; see what the last item was.",
            "Slow processing: find the slow dependency (Processing time, bottleneck_analysis).",
            "More work than workers: add replicas; scaling_recommendation says how many.",
        ),
    )


def _backpressure(config: Config) -> Alert:
    ask = Promql(config)
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
        meaning="More comes than is processed, for long enough to fill the queue.",
        why="The worse of two shares: items waiting of those it can hold, and items refused of those "
        "offered. Below the "
        f"limit there is time to act. Held for {duration(hold)} against bursts, and kept on for "
        f"{duration(config.holds.keep_firing)}, because a queue around the limit comes and goes.",
        diagnosis={"Backpressure": ask.of("QUEUE_BACKPRESSURE"), "How full": ask.of("QUEUE_FILL")}
        | _diagnosis(ask),
        mitigation=(
            "Add replicas (workers).",
            "Refuse or drop low priority for a while: what is late is often of no use any more.",
            "One kind of work fills it: find who asks for it, and limit that.",
        ),
    )


_CRITICAL = 'priority="critical"'
