"""Queues: size, fill, throughput, waiting time and backpressure."""

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
    """Return the total of all processes: the sum for queues of processes, the maximum for a queue that they share."""
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
            "job_queue_type_priority:signal_service_queue_size:sum", unit="{item}", meaning="Items that wait.",
            expr=_whole("signal_service.queue.size", "queue_type", "priority"),
        ),
        "QUEUE_EVENTS": series(
            "job_queue_type_priority_event:signal_service_queue_items:rate5m", unit="{item}/s",
            meaning="Items by event.",
            expr=rate("signal_service.queue.items", "queue_type", "priority", "event"),
        ),
        "QUEUE_RATE": series(
            "signal_service_queue_processing_rate_per_second", unit="{item}/s", meaning="Items that are processed.",
            expr=Sum(Series("QUEUE_EVENTS", event="processed"), "queue_type", "priority"),
        ),
        "QUEUE_FILL": series(
            "job_queue_type:signal_service_queue_fill:ratio", unit="",
            meaning="Items that wait in a queue over its capacity, 0 to 1.",
            expr=Clamp(
                Per(Sum(Series("QUEUE_SIZE"), "queue_type"), _whole("signal_service.queue.capacity", "queue_type"))
            ),
        ),
        # The higher of the fill and the ratio of refused items.
        "QUEUE_BACKPRESSURE": series(
            "signal_service_queue_backpressure_level", unit="",
            meaning="Backpressure of a queue: 0 is empty, 1 is full or refuses items.",
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
