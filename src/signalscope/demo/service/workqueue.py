"""The work queue: four priorities, bounded; what it measures, and the one in memory.

`signalscope.demo.service.redis_store` has the same in Redis.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from signalscope import count_queue_item, instrument_queue
from signalscope.contract import PRIORITIES
from signalscope.decorators import arg
from signalscope.demo.service.choices import check_choice
from signalscope.demo.service.counts import Counts

QUEUE_TYPE = "work"


class QueueFullError(RuntimeError):
    """The queue has no room; the item was rejected."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work.

    Attributes:
        kind: Which handler does it.
        priority: critical, high, medium or low.
        payload: What the handler needs; JSON-able.
    """

    kind: str
    priority: str
    payload: dict[str, Any] = field(default_factory=dict)


class WorkQueue(ABC):
    """A measured, bounded queue; sizes are those that this process knows of.

    Args:
        capacity: Jobs that may wait, all priorities together.
        counts: The service's own counts.
    """

    def __init__(self, capacity: int, counts: Counts) -> None:
        self.capacity = capacity
        self._counts = counts
        self._sizes = dict.fromkeys(PRIORITIES, 0)
        self._full = f"the work queue is full ({capacity} jobs)"

    async def put(self, job: Job) -> None:
        """Add a job, or reject it when the queue is full.

        Raises:
            QueueFullError: There is no room.
            UnknownChoiceError: The job's priority does not exist.
        """
        rank = PRIORITIES.index(check_choice("priority", job.priority, PRIORITIES))
        try:
            await self._add(job, rank)
        except QueueFullError:
            self._count(job.priority, "rejected")
            raise
        self._count(job.priority, "enqueued")

    @abstractmethod
    async def get(self) -> tuple[Job, float | datetime]:
        """Return the most urgent job, oldest first, and when it was added.

        That is `time.monotonic` seconds, or an aware datetime when another process may have added it.
        """

    def sizes(self) -> dict[str, int]:
        """Return the numbers of waiting jobs by priority, all four of them."""
        return dict(self._sizes)

    @abstractmethod
    async def _add(self, job: Job, rank: int) -> None: ...

    def _count(self, priority: str, event: str) -> None:
        count_queue_item(QUEUE_TYPE, priority, event)
        self._counts.add("queue_items", priority, event)


class MemoryQueue(WorkQueue):
    """A queue in this process.

    Args:
        capacity: Jobs that may wait, all priorities together.
        counts: The service's own counts.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self, capacity: int, counts: Counts, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(capacity, counts)
        self._monotonic = monotonic
        self._queue: asyncio.PriorityQueue[tuple[int, int, float, Job]] = asyncio.PriorityQueue(capacity)
        self._sequence = itertools.count()

    async def get(self) -> tuple[Job, float]:
        """Return the most urgent job, oldest first, and when it was added."""
        _, _, enqueued_at, job = await self._queue.get()
        self._sizes[job.priority] -= 1
        return job, enqueued_at

    async def _add(self, job: Job, rank: int) -> None:
        try:
            self._queue.put_nowait((rank, next(self._sequence), self._monotonic(), job))
        except asyncio.QueueFull:
            raise QueueFullError(self._full) from None
        self._sizes[job.priority] += 1


class Workers:
    """Tasks that take jobs from a queue and hand them to their handlers.

    Args:
        queue: Where the jobs come from.
        handlers: By kind of job; what they raise fails the job and nothing else.
        counts: The service's own counts.
        number: How many jobs are processed at once.
    """

    def __init__(
        self,
        queue: WorkQueue,
        handlers: Mapping[str, Callable[[Job], Awaitable[None]]],
        counts: Counts,
        number: int = 4,
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._counts = counts
        self._number = number
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start working."""
        self._tasks = [
            asyncio.create_task(self._work(), name=f"worker-{place}") for place in range(self._number)
        ]

    async def stop(self) -> None:
        """Stop; a job being processed is cancelled."""
        await cancel_all(self._tasks)
        self._tasks = []

    async def _work(self) -> None:
        while True:
            job, enqueued_at = await self._queue.get()
            event = "dropped"  # if this task is cancelled
            try:
                await self._process(job, enqueued_at)
                event = "processed"
            except Exception:  # a worker outlives its jobs
                event = "failed"
            finally:
                self._counts.add("queue_items", job.priority, event)

    @instrument_queue(queue_type=QUEUE_TYPE, priority=arg("job.priority"), enqueued_at=arg("enqueued_at"))
    async def _process(self, job: Job, enqueued_at: float | datetime) -> None:
        await self._handlers[job.kind](job)


async def cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their ends.

    A task that finishes something in the very moment in which it is cancelled may go on (in Python 3.11
    `asyncio.wait_for` does, and libraries do), so one that has not ended is cancelled again.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)
