"""Common parts of the instrumentors of task queues."""

from __future__ import annotations

from signalscope.recording import get_instrument

TASK = "signal_service.background_task"
ITEMS = "signal_service.queue.items"
#: arq has no priorities; a number in Celery has opposite meanings with Redis and with RabbitMQ.
PRIORITY = "medium"


def count_item(queue: str, event: str) -> None:
    """Count a message of a queue; the event is enqueued, processed, failed, rejected or dropped."""
    get_instrument(ITEMS).series(queue, PRIORITY, event).record(1)


def record_task(name: str, outcome: str, elapsed: float) -> None:
    """Record one run of a task; its duration is in seconds."""
    get_instrument(TASK).series(name, PRIORITY, outcome).record(elapsed)
