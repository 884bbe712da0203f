"""The catalogue of faults, and the switches in the service."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from tests.waiting import DEADLINE, eventually_async

from signalscope.contract import PRIORITIES
from signalscope.demo.faults import DEPENDENCIES, FAULTS, UnknownFaultError, find
from signalscope.demo.service.caches import MemoryCache
from signalscope.demo.service.calculations import Calculator
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.subscriptions import Subscriptions
from signalscope.demo.service.switches import Switches
from signalscope.demo.service.workqueue import MemoryQueue


class Parts:
    """The parts of a service that faults change."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.calculator = Calculator(self.counts)
        self.cache = MemoryCache("greeks", 10, 60.0, self.counts)
        self.queue = MemoryQueue(dict.fromkeys(PRIORITIES, 10), self.counts)
        self.subscriptions = Subscriptions()
        self.switches = Switches(self.calculator, [self.cache], self.queue, self.subscriptions)


def _active(subscriptions: Subscriptions) -> float:
    return sum(number for number, _ in subscriptions.counted())


def test_each_dependency_can_be_down_slow_and_failing() -> None:
    """Each of the five services has three faults."""
    broken = {(fault.dependency, fault.mode) for fault in FAULTS.values() if fault.dependency}
    assert broken == {(name, mode) for name in DEPENDENCIES for mode in ("down", "slow", "failing")}
    assert {fault.where for fault in FAULTS.values() if fault.dependency} == {"dependencies"}


def test_the_service_has_a_switch_for_each_of_its_faults() -> None:
    """Every fault of the service has a switch, and all are off at first."""
    state = Parts().switches.state()
    assert set(state) == {name for name, fault in FAULTS.items() if fault.where == "service"}
    assert not any(state.values())


def test_unknown_fault_names_those_there_are() -> None:
    """The error names the most similar fault, and lists the faults of the chosen server."""
    with pytest.raises(
        UnknownFaultError, match=r"unknown fault 'config-down'; the faults are greeks-nan, (?!.*-slow,)"
    ):
        find("config-down", "service")
    with pytest.raises(
        UnknownFaultError, match=r"unknown fault 'coffee'; the faults are ticker-down, .*cpu-burn"
    ):
        find("coffee")
    with pytest.raises(
        UnknownFaultError, match=r"unknown fault 'cofig-down' \(did you mean config-down\?\); "
    ):
        find("cofig-down")


@pytest.mark.parametrize(
    ("one", "other", "excluded"),
    [
        ("config-down", "config-slow", True), ("config-slow", "config-failing", True),
        ("config-down", "ticker-down", False), ("greeks-nan", "greeks-failing", True),
        ("greeks-nan", "cpu-burn", False), ("service-down", "cpu-burn", True),
        ("service-down", "config-down", False), ("loop-blocked", "config-slow", False),
        ("loop-blocked", "cpu-burn", False), ("service-down", "service-down", False),
    ],
)  # fmt: skip
def test_faults_that_hide_each_other_exclude_each_other(one: str, other: str, excluded: bool) -> None:
    """The modes of a service, two effects on a result, and the end of the service with its other faults."""
    assert find(one).excludes(find(other)) is excluded
    assert find(other).excludes(find(one)) is excluded


async def test_every_switch_goes_on_and_off() -> None:
    """A fault is shown as on while it is on; a second on changes nothing; off ends it."""
    parts = Parts()
    for name in parts.switches.state():
        parts.switches.switch(name, on=True)
        parts.switches.switch(name, on=True)
        await asyncio.sleep(0)
        assert parts.switches.state()[name] is True
        parts.switches.switch(name, on=False)
        parts.switches.switch(name, on=False)
        assert parts.switches.state()[name] is False
    await parts.switches.close()
    assert parts.switches.api_delay == 0.0
    assert _active(parts.subscriptions) == _active(Subscriptions())


async def test_surge_passes_ten_thousand_and_ends() -> None:
    """The surge raises the active subscriptions above 10,000; off restores the number before."""
    parts = Parts()
    before = _active(parts.subscriptions)
    parts.switches.switch("subscription-surge", on=True)
    assert _active(parts.subscriptions) > 10_000
    parts.switches.switch("subscription-surge", on=False)
    assert _active(parts.subscriptions) == before


async def test_flood_fills_the_queue() -> None:
    """The flood fills each priority; the queue then rejects jobs of every priority, again and again."""
    parts = Parts()
    parts.switches.switch("queue-flood", on=True)
    full = dict.fromkeys(PRIORITIES, 10)
    await eventually_async(lambda: parts.queue.sizes() == full, "a full queue")
    rejected = [f"{priority},rejected" for priority in PRIORITIES]

    def all_rejected_twice() -> bool:
        by = parts.counts.snapshot()["queue_items"]["by"]
        return all(by.get(key, 0) >= 2 for key in rejected)

    await eventually_async(all_rejected_twice, "two rejected jobs of every priority")
    assert parts.queue.sizes() == full
    await parts.switches.close()


async def test_flush_empties_the_cache() -> None:
    """The flush empties the cache again and again."""
    parts = Parts()
    await parts.cache.set("a", b"1")
    parts.switches.switch("cache-flush", on=True)
    await eventually_async(lambda: parts.cache.entries() == 0, "an empty cache")
    await parts.switches.close()


@pytest.fixture
def counting() -> Iterator[int]:
    """The process id of a program that only counts."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as program:
        yield program.pid
        program.kill()


async def test_burn_takes_a_core_and_leaves_the_loop_free(counting: int) -> None:
    """The thread gets as much CPU time as a program that only counts, and timers still run.

    The other program is the reference, since the two may have less than a core together.
    """
    import psutil  # noqa: PLC0415  # only here

    parts = Parts()
    own, counter = psutil.Process(), psutil.Process(counting)
    await eventually_async(lambda: counter.cpu_times().user > 0.1, "the other program")
    parts.switches.switch("cpu-burn", on=True)
    own_before, counter_before, beats = own.cpu_times().user, counter.cpu_times().user, 0

    def has_counted_for_a_second() -> bool:
        nonlocal beats
        beats += 1
        return counter.cpu_times().user - counter_before >= 1.0

    await eventually_async(has_counted_for_a_second, "a second of the other program")
    used = own.cpu_times().user - own_before
    parts.switches.switch("cpu-burn", on=False)
    threads = [thread for thread in threading.enumerate() if thread.name == "fault-cpu-burn"]
    for thread in threads:
        thread.join(DEADLINE)
    assert threads
    assert used > 0.4
    assert beats > 10
