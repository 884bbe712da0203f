"""Series of queues: size, fill, throughput, waiting, backpressure."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, named, quantile, ratio
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]

_ITEMS = "signal_service.queue.items"


def groups(config: Config) -> list[Group]:
    """The group of this module."""
    ask = Promql(config.selectors.job)
    shared = config.selectors.shared_queues
    own, common = f'queue_type!~"{shared}"', f'queue_type=~"{shared}"'

    def whole(name: str, by: str) -> str:
        """Every process has its own queue, and they add up; a shared one is seen by each."""
        return f"sum by ({by}) ({ask.raw(name, own)}) or max by ({by}) ({ask.raw(name, common)})"

    size = ask.of("QUEUE_SIZE")
    refused = ask.of("QUEUE_EVENTS", 'event="rejected"')
    offered = ask.of("QUEUE_EVENTS", 'event=~"enqueued|rejected"')
    kept = "job, queue_type"
    refused_share = ratio(f"sum by ({kept}) ({refused})", f"sum by ({kept}) ({offered})")

    def p95(name: str) -> str:
        return quantile(0.95, ask.rate(name, by="queue_type, priority, le", suffix="_bucket"))

    return [
        Group(
            "queue",
            config.pipeline.recording,
            (
                Recording("QUEUE_SIZE", whole("signal_service.queue.size", "job, queue_type, priority")),
                Recording("QUEUE_EVENTS", ask.rate(_ITEMS, by="queue_type, priority, event")),
                Recording(
                    "QUEUE_RATE",
                    f"sum by (job, queue_type, priority) ({ask.of('QUEUE_EVENTS', _PROCESSED)})",
                ),
                Recording(
                    "QUEUE_FILL",
                    f"sum by ({kept}) ({size}) / (({whole('signal_service.queue.capacity', kept)}) > 0)",
                ),
                # The worse of how full it is and how much it refuses.
                Recording(
                    "QUEUE_BACKPRESSURE",
                    f"clamp(max by ({kept}) ({named(ask.of('QUEUE_FILL'), part='fill')}"
                    f" or {named(refused_share, part='refused')}), 0, 1)",
                ),
                Recording("QUEUE_WAIT_P95", p95("signal_service.queue.wait")),
                Recording("QUEUE_PROCESSING_P95", p95("signal_service.queue.processing")),
            ),
        )
    ]


_PROCESSED = 'event="processed"'
