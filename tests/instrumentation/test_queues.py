"""Queues of the standard library, with names from a variable and from code."""

from __future__ import annotations

import asyncio
import gc
import heapq
import queue
import threading
import weakref
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from tests.collector.conftest import Collector
from tests.instrumentation.cases import Case, run

from signalscope import ContractError
from signalscope.instrumentation._base._priorities import classifier, priority_of_value
from signalscope.instrumentation.queues import QueuesInstrumentor, name_queue
from signalscope.testing import Captured, capture

ITEMS = ("signal_service_queue_items_total", "queue_type", "priority", "event")
WAITS = ("signal_service_queue_wait_seconds_count", "queue_type", "priority", "outcome")
PROCESSING = ("signal_service_queue_processing_seconds_count", "queue_type", "priority", "outcome")
SIZE = ("signal_service_queue_size", "queue_type", "priority")
CAPACITY = ("signal_service_queue_capacity", "queue_type")

PROGRAM = Case(
    versions=((),),
    instrumentor="queues:QueuesInstrumentor",
    variables={
        "SIGNALSCOPE_QUEUES": "program:orders=orders;program:Worker.queue=signals(1,5,10);program:app.state.*=other;"
        "program:app.state.jobs=jobs;program:BY_NAME[[]quotes]=quotes"
    },
    program="""
import asyncio, queue, threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
@dataclass(order=True)
class Order:
    priority: int
    payload: Any = field(compare=False)
orders = queue.PriorityQueue(maxsize=3)
unnamed = queue.Queue()
BY_NAME = {"quotes": queue.LifoQueue()}
app = SimpleNamespace(state=SimpleNamespace())
class Worker:
    def __init__(self):
        self.queue = asyncio.PriorityQueue()
    async def work(self):
        for _ in range(4):
            number, job = await self.queue.get()
            try:
                if job == "bad":
                    raise ValueError(job)
            except ValueError as error:
                print("failed", error)
                self.queue.task_done()
            else:
                self.queue.task_done()
    async def run(self):
        for item in ((7, "medium"), (1, "critical"), (20, "low"), (3, "bad")):
            await self.queue.put(item)
        await self.work()
        await self.queue.join()
for order in (Order(1, {}), Order(0, {}), Order(2, {})):
    orders.put(order)
try:
    orders.put_nowait(Order(9, {}))
except queue.Full:
    print("full")
print(orders.get().priority, orders.get(timeout=1).priority, orders.qsize(), orders.full())
unnamed.put(1)
print(unnamed.get())
asyncio.run(Worker().run())
app.state.jobs = queue.Queue()
app.state.jobs.put("job")
thread = threading.Thread(target=lambda: (print(app.state.jobs.get()), app.state.jobs.task_done()))
thread.start()
thread.join()
app.state.jobs.join()
BY_NAME["quotes"].put({"priority": "HIGH"})
BY_NAME["quotes"].put("plain")
print(BY_NAME["quotes"].get(), orders)
""".replace(", orders)", ")"),
    expected={
        ITEMS: {
            **{("orders", priority, "enqueued"): 1 for priority in ("critical", "high", "medium")},
            ("orders", "low", "rejected"): 1,
            ("orders", "critical", "processed"): 1,
            ("orders", "high", "processed"): 1,
            **{
                ("signals", priority, event): 1
                for priority in ("critical", "high", "medium", "low")
                for event in ("enqueued", "processed")
            },
            ("jobs", "medium", "enqueued"): 1,
            ("jobs", "medium", "processed"): 1,
            ("quotes", "high", "enqueued"): 1,
            ("quotes", "medium", "enqueued"): 1,
            ("quotes", "medium", "processed"): 1,
        },
        WAITS: {
            ("orders", "critical", "success"): 1,
            ("orders", "high", "success"): 1,
            **{("signals", priority, "success"): 1 for priority in ("critical", "high", "medium", "low")},
            ("jobs", "medium", "success"): 1,
            ("quotes", "medium", "success"): 1,
        },
        PROCESSING: {
            ("signals", "critical", "success"): 1,
            ("signals", "high", "error"): 1,
            ("signals", "medium", "success"): 1,
            ("signals", "low", "success"): 1,
            ("jobs", "medium", "success"): 1,
        },
        SIZE: {("orders", "medium"): 1, ("quotes", "high"): 1},
        CAPACITY: {("orders",): 3},
    },
    names=(),
    call="",
    counted="",
)


@pytest.mark.needs("collector")
def test_named_queues_are_measured_and_others_are_not(one_collector: Collector, tmp_path: Path) -> None:
    """Names match variables, attributes, paths and dictionary keys; priorities are numbers, names and levels."""
    run(PROGRAM, (), one_collector, tmp_path)


@pytest.fixture
def captured() -> Any:
    """Return the recorded metrics."""
    with capture() as captured:
        yield captured


def test_naming_changes_nothing_for_the_program(captured: Captured) -> None:
    """Order, values, sizes and exceptions stay the same; the items are the same objects."""
    plain: queue.PriorityQueue[Any] = queue.PriorityQueue()
    named: queue.PriorityQueue[Any] = queue.PriorityQueue()
    name_queue(named, "named")
    items = [(number % 3, number) for number in range(20)]
    for instance in (plain, named):
        for item in items:
            instance.put(item)
    assert plain.qsize() == named.qsize()
    taken = [(plain.get(), named.get()) for _ in range(10)]
    assert all(put is got for put, got in taken)
    incomparable: queue.PriorityQueue[Any] = queue.PriorityQueue()
    name_queue(incomparable, "incomparable")
    incomparable.put({})
    with pytest.raises(TypeError, match="not supported between"):
        incomparable.put({})
    assert captured.value("signal_service.queue.items", queue_type="named", event="enqueued") == 20


def test_ending_gives_the_queue_back() -> None:
    """After `uninstrument`, the queue has no added attribute, and works."""
    instance: queue.Queue[int] = queue.Queue()
    before = dict(vars(instance))
    name_queue(instance, "given back")
    instance.put(1)
    assert set(vars(instance)) - set(before)
    instrumentor = QueuesInstrumentor()
    instrumentor.instrument()
    instrumentor.uninstrument()
    assert vars(instance) == before | {"unfinished_tasks": 1}
    assert instance.get() == 1


def test_named_twice_it_counts_once_under_its_last_name(captured: Captured) -> None:
    """An item counts once, under the last name of the queue, from the second `name_queue` on."""
    instance: queue.Queue[int] = queue.Queue()
    name_queue(instance, "first")
    name_queue(instance, "second")
    instance.put(1)
    assert captured.value("signal_service.queue.items", queue_type="second", event="enqueued") == 1
    assert captured.points("signal_service.queue.items", queue_type="first") == []


def test_a_named_queue_is_not_kept_alive(captured: Captured) -> None:
    """The queue and its items are released."""

    class Item:
        pass

    instance: queue.Queue[Item] = queue.Queue()
    name_queue(instance, "gone")
    item = Item()
    instance.put(item)
    queue_gone, item_gone = weakref.ref(instance), weakref.ref(item)
    assert captured.value("signal_service.queue.size", queue_type="gone") == 1
    del instance, item
    gc.collect()
    assert (queue_gone(), item_gone()) == (None, None)
    assert captured.points("signal_service.queue.size", queue_type="gone") == []


def test_items_that_a_program_removes_itself_are_dropped(captured: Captured) -> None:
    """After `queue.clear()` under the mutex, new items are measured, and the memory has a limit."""
    instance: queue.Queue[str] = queue.Queue()
    name_queue(instance, "cleared")
    for _ in range(3):
        instance.put("same object")
    with instance.mutex:
        instance.queue.clear()
    assert captured.value("signal_service.queue.size", queue_type="cleared") == 0
    assert captured.value("signal_service.queue.items", queue_type="cleared", event="dropped") == 3
    instance.put("next")
    assert instance.get() == "next"
    assert captured.value("signal_service.queue.items", queue_type="cleared", event="processed") == 1


def test_a_subclass_that_wraps_items_itself_is_measured(captured: Captured) -> None:
    """The subclass's `_put` and `_get` are used, and waiting items have the priority of their put."""

    class Stable(queue.Queue[Any]):
        def _init(self, maxsize: int) -> None:
            self.queue: Any = []
            self.number = 0

        def _put(self, item: Any) -> None:
            self.number += 1
            heapq.heappush(self.queue, (item["priority"], self.number, item))

        def _get(self) -> Any:
            return heapq.heappop(self.queue)[2]

    instance = Stable()
    name_queue(instance, "stable")
    for priority in (2, 0, 0):
        instance.put({"priority": priority})
    assert instance.get() == {"priority": 0}
    assert captured.count("signal_service.queue.wait", priority="critical") == 1
    assert captured.value("signal_service.queue.size", queue_type="stable", priority="medium") == 1


def test_many_threads_lose_nothing(captured: Captured) -> None:
    """All items that are put in are taken out and counted; none is left."""
    instance: queue.Queue[int] = queue.Queue(maxsize=5)
    name_queue(instance, "busy")

    def produce() -> None:
        for number in range(200):
            instance.put(number)

    def consume() -> None:
        for _ in range(200):
            instance.get()
            instance.task_done()

    threads = [threading.Thread(target=work) for work in (produce, consume) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for event in ("enqueued", "processed"):
        assert captured.value("signal_service.queue.items", queue_type="busy", event=event) == 800
    assert captured.count("signal_service.queue.wait", queue_type="busy") == 800
    assert captured.count("signal_service.queue.processing", queue_type="busy") == 800
    assert captured.value("signal_service.queue.size", queue_type="busy") == 0


async def test_a_cancelled_get_takes_nothing(captured: Captured) -> None:
    """A cancelled get of an asyncio consumer records nothing."""
    instance: asyncio.PriorityQueue[Any] = asyncio.PriorityQueue()
    name_queue(instance, "cancelled")
    waiting = asyncio.create_task(instance.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await instance.put((0, "x"))
    assert captured.value("signal_service.queue.size", queue_type="cancelled", priority="critical") == 1
    assert captured.value("signal_service.queue.items", queue_type="cancelled", event="processed") is None


async def test_a_put_that_gives_up_waiting_is_rejected(captured: Captured) -> None:
    """A put that is cancelled while it waits is rejected; a put that gets room in time is not."""
    instance: asyncio.PriorityQueue[Any] = asyncio.PriorityQueue(maxsize=1)
    name_queue(instance, "bounded")
    await instance.put((0, "x"))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(instance.put((1, "y")), 0.01)
    waiting = asyncio.create_task(instance.put((2, "z")))
    await asyncio.sleep(0)
    first = await instance.get()
    await waiting
    assert (first, await instance.get()) == ((0, "x"), (2, "z"))
    counts = {
        (point.labels["priority"], point.labels["event"]): point.value for point in captured.points(ITEMS[0])
    }
    assert counts == {
        ("critical", "enqueued"): 1,
        ("critical", "processed"): 1,
        ("high", "rejected"): 1,
        ("medium", "enqueued"): 1,
        ("medium", "processed"): 1,
    }


@pytest.mark.parametrize("not_a_queue", [queue.SimpleQueue(), [], None])
def test_other_objects_are_not_queues(not_a_queue: Any) -> None:
    """The message names the way out."""
    with pytest.raises(ContractError, match=r"give a queue\.Queue, an asyncio\.Queue or .*\[SS404\]"):
        name_queue(not_a_queue, "x")


def test_levels_must_be_three_ascending_numbers() -> None:
    """The message names the priorities."""
    with pytest.raises(ContractError, match=r"critical, high and medium \[SS405\]"):
        name_queue(queue.Queue(), "x", levels=(2, 1, 0))


class Urgency(IntEnum):
    """Enumeration with names of priorities; its numbers ascend with urgency."""

    LOW = 1
    CRITICAL = 9
    SOMETIME = 0


@dataclass
class Job:
    """Item with an attribute `priority`."""

    priority: Any
    other: int = field(default=0)


@pytest.mark.parametrize(
    ("item", "ordered", "priority"),
    [
        ((0, "x"), True, "critical"),
        ((1, 0, "x"), True, "high"),
        ([2], True, "medium"),
        ((3, "x"), True, "low"),
        ((-5, "x"), True, "critical"),
        (((1, 7), "x"), True, "high"),
        (2.0, True, "medium"),
        ("Critical", True, "critical"),
        (Urgency.CRITICAL, True, "critical"),
        ((Urgency.LOW, "x"), True, "low"),
        (Urgency.SOMETIME, True, "critical"),  # an unknown name: its number counts
        (Job(1), True, "high"),
        (Job("low"), False, "low"),
        ({"priority": 0}, False, "critical"),
        ((0, "x"), False, "medium"),  # the first element is not a priority in a queue without order
        ("text", False, "medium"),
        ((), True, "other"),
        (object(), True, "other"),
        ((float("nan"), "x"), True, "other"),
        (("soon", "x"), True, "other"),
    ],
)
def test_the_priority_of_an_item(item: Any, ordered: bool, priority: str) -> None:
    """The priority comes from the item itself."""
    assert classifier(None, (0, 1, 2), ordered=ordered)(item) == priority


def test_levels_are_the_highest_numbers_of_a_priority() -> None:
    """A level is inclusive, and may be negative."""
    assert [priority_of_value(number, (-10, -5, -1)) for number in (-11, -10, -7, -1, 0)] == [
        "critical", "critical", "high", "medium", "low",
    ]  # fmt: skip


def test_a_priority_function_that_fails_costs_only_the_priority() -> None:
    """The item has the priority `other`, and everything else is measured."""
    assert classifier(lambda item: item.missing, (0, 1, 2), ordered=True)(1) == "other"
