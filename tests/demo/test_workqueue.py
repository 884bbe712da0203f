"""The work queue: urgent jobs first, bounded, and with a count for every job."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.waiting import eventually_async

from signalscope.contract import PRIORITIES
from signalscope.demo.service.choices import UnknownChoiceError
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.workqueue import Job, MemoryQueue, QueueFullError, Workers
from signalscope.testing import Captured, capture


@pytest.fixture
def captured() -> Iterator[Captured]:
    """The recorded measurements."""
    with capture() as recorded:
        yield recorded


async def test_most_urgent_first_then_oldest() -> None:
    """Jobs come out by priority, and in order within a priority."""
    queue = MemoryQueue(dict.fromkeys(PRIORITIES, 10), Counts())
    for number, priority in enumerate(("low", "critical", "medium", "high", "critical", "low")):
        await queue.put(Job("work", priority, {"number": number}))
    assert queue.sizes() == {"critical": 2, "high": 1, "medium": 1, "low": 2}
    order = [(await queue.get())[0].payload["number"] for _ in range(6)]
    assert order == [1, 4, 3, 2, 0, 5]
    assert queue.sizes() == {"critical": 0, "high": 0, "medium": 0, "low": 0}


async def test_full_queue_rejects() -> None:
    """A queue without room for a priority rejects its jobs and counts them as rejected, not as enqueued."""
    counts = Counts()
    queue = MemoryQueue({**dict.fromkeys(PRIORITIES, 1), "critical": 0}, counts)
    await queue.put(Job("work", "low"))
    with pytest.raises(QueueFullError, match=r"full \(0 critical jobs\)"):
        await queue.put(Job("work", "critical"))
    with pytest.raises(QueueFullError, match=r"full \(1 low jobs\)"):
        await queue.put(Job("work", "low"))
    by = counts.snapshot()["queue_items"]["by"]
    assert by == {"low,enqueued": 1, "low,rejected": 1, "critical,rejected": 1}
    assert (queue.sizes()["critical"], queue.sizes()["low"], queue.capacity) == (0, 1, 3)


async def test_a_flood_of_low_jobs_does_not_push_out_critical_ones() -> None:
    """Every critical job is accepted and processed while the low jobs use up their capacity."""
    counts = Counts()
    queue = MemoryQueue(dict.fromkeys(PRIORITIES, 3), counts)

    async def handle(_: Job) -> None:
        await asyncio.sleep(0)

    workers = Workers(queue, {"work": handle}, counts, number=1)
    workers.start()
    for _ in range(50):
        while queue.sizes()["low"] < 3:
            await queue.put(Job("work", "low"))
        with pytest.raises(QueueFullError):
            await queue.put(Job("work", "low"))
        await queue.put(Job("work", "critical"))
        assert queue.sizes()["critical"] <= 3
        await asyncio.sleep(0)
    await eventually_async(lambda: not any(queue.sizes().values()), "an empty queue")
    await workers.stop()
    by = counts.snapshot()["queue_items"]["by"]
    assert (by["critical,processed"], by.get("critical,rejected")) == (50, None)
    assert by["low,rejected"] == 50


async def test_tells_when_a_job_was_added() -> None:
    """Each job comes with the time it was added."""
    now = 5.0
    queue = MemoryQueue(dict.fromkeys(PRIORITIES, 10), Counts(), monotonic=lambda: now)
    await queue.put(Job("work", "low"))
    now = 6.0
    await queue.put(Job("work", "high"))
    assert [(await queue.get())[1] for _ in range(2)] == [6.0, 5.0]


async def test_unknown_priority_names_the_allowed_ones() -> None:
    """The error lists the allowed priorities, and no job is queued."""
    queue = MemoryQueue(dict.fromkeys(PRIORITIES, 10), Counts())
    with pytest.raises(
        UnknownChoiceError, match="unknown priority 'urgent'; allowed: critical, high, medium, low"
    ):
        await queue.put(Job("work", "urgent"))
    assert sum(queue.sizes().values()) == 0


async def test_workers_process_and_survive_failures() -> None:
    """A failed job is counted as failed; the worker continues with the next."""
    counts = Counts()
    queue = MemoryQueue(dict.fromkeys(PRIORITIES, 10), counts)
    done = asyncio.Event()

    async def handle(job: Job) -> None:
        if job.payload.get("bad"):
            raise RuntimeError("bad job")
        done.set()

    workers = Workers(queue, {"work": handle}, counts, number=1)
    await queue.put(Job("work", "critical", {"bad": True}))
    await queue.put(Job("unheard-of", "high"))
    await queue.put(Job("work", "low"))
    workers.start()
    await asyncio.wait_for(done.wait(), 5)
    await workers.stop()
    by = counts.snapshot()["queue_items"]["by"]
    assert by == {
        "critical,enqueued": 1, "high,enqueued": 1, "low,enqueued": 1,
        "critical,failed": 1, "high,failed": 1, "low,processed": 1,
    }  # fmt: skip


async def test_every_job_of_a_flood_is_accounted_for(captured: Captured) -> None:
    """Enqueued jobs = processed + failed + dropped + waiting, in counts and metrics, also at a sudden end."""
    counts = Counts()
    queue = MemoryQueue(dict.fromkeys(PRIORITIES, 12), counts)
    begun = stuck = 0

    async def handle(job: Job) -> None:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0)
        if begun % 7 == 0:
            raise RuntimeError("every seventh")
        if begun > 60:
            nonlocal stuck
            stuck += 1
            await asyncio.Event().wait()

    workers = Workers(queue, {"work": handle}, counts, number=4)
    workers.start()
    rejected = 0
    for number in range(150):
        try:
            await queue.put(Job("work", PRIORITIES[number % 4]))
        except QueueFullError:
            rejected += 1
        if number % 3 == 0:
            await asyncio.sleep(0)
    await eventually_async(lambda: stuck == 4, "four workers that are stuck")
    await workers.stop()
    events: Counter[str] = Counter()
    for labels, number in counts.snapshot()["queue_items"]["by"].items():
        events[labels.partition(",")[2]] += number
    waiting = sum(queue.sizes().values())
    assert events["enqueued"] + events["rejected"] == 150
    assert events["rejected"] == rejected > 0
    assert events["dropped"] == 4
    assert waiting > 0
    assert events["enqueued"] == events["processed"] + events["failed"] + events["dropped"] + waiting
    name = "signal_service_queue_items_total"
    assert {event: captured.value(name, queue_type="work", event=event) for event in events} == events
