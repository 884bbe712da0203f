"""The base class of the bounded work queue with four priorities, its measurements, and the queue in memory.

`signalscope.demo.service.redis_store` has the queue in Redis.
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
    """The queue is full; the job was rejected."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work.

    Attributes:
        kind: The kind of job, which chooses the handler.
        priority: critical, high, medium or low.
        payload: The data for the handler; it must fit in JSON.
    """

    kind: str
    priority: str
    payload: dict[str, Any] = field(default_factory=dict)


class WorkQueue(ABC):
    """A measured queue, bounded for each priority; the sizes are those last seen by this process.

    Each priority has its own capacity, so that a flood of low jobs leaves room for critical ones.

    Args:
        capacities: The maximum number of waiting jobs of each priority.
        counts: The service's own counts.
    """

    def __init__(self, capacities: Mapping[str, int], counts: Counts) -> None:
        self.capacity = sum(capacities.values())
        self._capacities = capacities
        self._counts = counts
        self._sizes = dict.fromkeys(PRIORITIES, 0)

    async def put(self, job: Job) -> None:
        """Add a job.

        Raises:
            QueueFullError: The queue has no room for a job of this priority.
            UnknownChoiceError: The priority of the job is unknown.
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
        """Return the most urgent job, oldest first, and the time it was added.

        The time is in `time.monotonic` seconds, or an aware datetime if another process may have added the job.
        """

    def sizes(self) -> dict[str, int]:
        """Return the number of waiting jobs for each of the four priorities."""
        return dict(self._sizes)

    @abstractmethod
    async def _add(self, job: Job, rank: int) -> None: ...

    def _full(self, priority: str) -> str:
        return f"the work queue is full ({self._capacities[priority]} {priority} jobs)"

    def _count(self, priority: str, event: str) -> None:
        count_queue_item(QUEUE_TYPE, priority, event)
        self._counts.add("queue_items", priority, event)


class MemoryQueue(WorkQueue):
    """A queue in this process.

    Args:
        capacities: The maximum number of waiting jobs of each priority.
        counts: The service's own counts.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self, capacities: Mapping[str, int], counts: Counts, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(capacities, counts)
        self._monotonic = monotonic
        self._queue: asyncio.PriorityQueue[tuple[int, int, float, Job]] = asyncio.PriorityQueue()
        self._sequence = itertools.count()

    async def get(self) -> tuple[Job, float]:
        """Return the most urgent job, oldest first, and the time it was added."""
        _, _, enqueued_at, job = await self._queue.get()
        self._sizes[job.priority] -= 1
        return job, enqueued_at

    async def _add(self, job: Job, rank: int) -> None:
        if self._sizes[job.priority] >= self._capacities[job.priority]:
            raise QueueFullError(self._full(job.priority))
        self._queue.put_nowait((rank, next(self._sequence), self._monotonic(), job))
        self._sizes[job.priority] += 1


class Workers:
    """Tasks that take jobs from a queue and call their handlers.

    Args:
        queue: The queue of the jobs.
        handlers: The handler of each kind of job; an exception in a handler fails only the job.
        counts: The service's own counts.
        number: The number of jobs to process at the same time.
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
        """Stop, and cancel the jobs in progress."""
        await cancel_all(self._tasks)
        self._tasks = []

    async def _work(self) -> None:
        while True:
            job, enqueued_at = await self._queue.get()
            event = "dropped"  # if this task is cancelled
            try:
                await self._process(job, enqueued_at)
                event = "processed"
            except Exception:  # a failed job must not end the worker
                event = "failed"
            finally:
                self._counts.add("queue_items", job.priority, event)

    @instrument_queue(queue_type=QUEUE_TYPE, priority=arg("job.priority"), enqueued_at=arg("enqueued_at"))
    async def _process(self, job: Job, enqueued_at: float | datetime) -> None:
        await self._handlers[job.kind](job)


async def cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended.

    A task may lose a cancellation that arrives while it finishes an operation: `asyncio.wait_for` of Python 3.11 and
    some libraries have this defect. So a task that has not ended is cancelled again.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)
