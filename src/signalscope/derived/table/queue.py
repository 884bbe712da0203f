"""Queues: size, fill, throughput, waiting, backpressure."""

from __future__ import annotations

from signalscope.derived._expressions import (
    Clamp,
    Expr,
    Instrument,
    Label,
    Quantile,
    Series,
    Setting,
    matches,
    matches_not,
    one_of,
)
from signalscope.derived._operators import Max, Per, Ratio, Sum, Union
from signalscope.derived._rows import group, series
from signalscope.derived.table import rate

_SHARED = Setting("selectors.shared_queues")


def _whole(name: str, *by: str) -> Expr:
    """Every process has its own queue, and they add up; a shared one is seen by each."""
    own, shared = (Instrument(name, queue_type=match(_SHARED)) for match in (matches_not, matches))
    return Union(Sum(own, *by), Max(shared, *by))


def _p95(name: str) -> Expr:
    return Quantile(0.95, rate(name, "queue_type", "priority", "le", part="bucket"))


_REFUSED = Ratio(
    Sum(Series("QUEUE_EVENTS", event="rejected"), "queue_type"),
    Sum(Series("QUEUE_EVENTS", event=one_of("enqueued", "rejected")), "queue_type"),
)

GROUPS = (
    group("queue", "recording", {
        "QUEUE_SIZE": series(
            "job_queue_type_priority:signal_service_queue_size:sum", unit="{item}", meaning="Items waiting.",
            expr=_whole("signal_service.queue.size", "queue_type", "priority"),
        ),
        "QUEUE_EVENTS": series(
            "job_queue_type_priority_event:signal_service_queue_items:rate5m", unit="{item}/s",
            meaning="Items, by what happened to them.",
            expr=rate("signal_service.queue.items", "queue_type", "priority", "event"),
        ),
        "QUEUE_RATE": series(
            "signal_service_queue_processing_rate_per_second", unit="{item}/s", meaning="Items processed.",
            expr=Sum(Series("QUEUE_EVENTS", event="processed"), "queue_type", "priority"),
        ),
        "QUEUE_FILL": series(
            "job_queue_type:signal_service_queue_fill:ratio", unit="",
            meaning="Items waiting, of those the queue can hold.",
            expr=Per(Sum(Series("QUEUE_SIZE"), "queue_type"), _whole("signal_service.queue.capacity", "queue_type")),
        ),
        # The worse of how full it is and how much it refuses.
        "QUEUE_BACKPRESSURE": series(
            "signal_service_queue_backpressure_level", unit="",
            meaning="How far a queue is from keeping up: 0 empty, 1 full or refusing items.",
            expr=Clamp(
                Max(Union(Label(Series("QUEUE_FILL"), part="fill"), Label(_REFUSED, part="refused")), "queue_type")
            ),
        ),
        "QUEUE_WAIT_P95": series(
            "job_queue_type_priority:signal_service_queue_wait_seconds:p95", unit="s",
            meaning="95th percentile of the waiting time.", expr=_p95("signal_service.queue.wait"),
        ),
        "QUEUE_PROCESSING_P95": series(
            "job_queue_type_priority:signal_service_queue_processing_seconds:p95", unit="s",
            meaning="95th percentile of the processing time.", expr=_p95("signal_service.queue.processing"),
        ),
    }),
)  # fmt: skip
