"""Cases of critical items that wait, and of queues that are full or reject items."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series


def _size(priority: str, instance: str = "a") -> str:
    return series("signal_service_queue_size", f'queue_type="work", priority="{priority}"', instance=instance)


def _event(event: str, priority: str = "low") -> str:
    labels = f'queue_type="work", priority="{priority}", event="{event}"'
    return series("signal_service_queue_items_total", labels)


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
        "CriticalItemsRejected", "one item is rejected in the second minute, and another one is dropped later",
        {_event("rejected", "critical"): "0x24 1x60", _event("dropped", "critical"): "0x60 1x24"},
        {"2m": 0, "2m5s": 1, "2m55s": 1, "3m10s": 0, "4m55s": 0, "5m5s": 1, "6m10s": 0}, every="5s",
    ),
    Case(
        "CriticalItemsRejected", "critical items are processed or fail; others are rejected",
        {_event("enqueued", "critical"): "0+9x60", _event("processed", "critical"): "0+8x60",
         _event("failed", "critical"): "0+1x60", _event("rejected", "critical"): "0x60",
         _event("rejected", "high"): "0+9x60", _event("dropped"): "0+9x60"},
        {"1m": 0, "5m": 0}, every="5s",
    ),
    Case(
        "CriticalItemsRejected", "rejections long ago, and a restart",
        {_event("rejected", "critical"): "50x30 0x30"}, {"1m": 0, "2m35s": 0, "4m": 0}, every="5s", reset=True,
    ),
    Case("CriticalItemsRejected", "no data", {_event("rejected", "critical"): "_x60"}, {"4m": 0}, every="5s"),
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
