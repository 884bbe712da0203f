"""Cases of critical items that wait, and of queues that are full or reject items."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series


def _size(priority: str, instance: str = "a") -> str:
    return series("signal_service_queue_size", f'queue_type="work", priority="{priority}"', instance=instance)


def _event(event: str) -> str:
    return series("signal_service_queue_items_total", f'queue_type="work", priority="low", event="{event}"')


_CAPACITY = series("signal_service_queue_capacity", 'queue_type="work"')

CASES = [
    Case(
        "CriticalQueueBacklog", "eleven items wait from the first minute, and are then processed",
        {_size("critical"): "0x3 11x20 0x20"}, {"1m45s": 0, "2m": 1, "6m30s": 0},
    ),
    Case(
        "CriticalQueueBacklog", "six items wait in each of two processes",
        {_size("critical", "a"): "6x20", _size("critical", "b"): "6x20"}, {"45s": 0, "1m": 1},
    ),
    Case(
        "CriticalQueueBacklog", "ten items wait, a burst is processed, and other priorities do not count",
        {_size("critical"): "10x10 500x2 10x20", _size("high"): "500x40"}, {"2m": 0, "3m": 0, "8m": 0},
    ),
    Case(
        "QueueBackpressureHigh", "more than 80 % full for three minutes",
        {_size("low"): "81x12 10x40", _CAPACITY: "100x60"}, {"45s": 0, "1m": 1, "3m": 1, "6m": 0},
    ),
    Case(
        "QueueBackpressureHigh", "exactly 80 % full",
        {_size("low"): "80x40", _CAPACITY: "100x40"}, {"9m": 0},
    ),
    Case(
        "QueueBackpressureHigh", "empty, and rejects most items",
        {_size("low"): "0x60", _CAPACITY: "100x60", _event("enqueued"): "0+1x60", _event("rejected"): "0+9x60"},
        {"3m": 1},
    ),
    Case(
        "QueueBackpressureHigh", "rejects some items, and a restart",
        {_event("enqueued"): "0+3x30 0+3x30", _event("rejected"): "0+7x30 0+7x30"}, {"7m45s": 0, "14m": 0},
        reset=True,
    ),
]  # fmt: skip
