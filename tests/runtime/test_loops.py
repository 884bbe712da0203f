"""The lag of event loops: its values, also during a delay; several loops, restarts, forks; nothing is left."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.waiting import DEADLINE, eventually

from signalscope import runtime, user_context
from signalscope.runtime import _loops
from signalscope.testing import Captured, capture
from signalscope.users._context import current_tier

_LAG = "signal_service_event_loop_lag_seconds"
Run = Callable[[Coroutine[Any, Any, Any]], Any]


def _loops_of() -> dict[str, Run]:
    runs: dict[str, Run] = {"asyncio": asyncio.run}
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:  # it is optional
        return runs
    return {**runs, "uvloop": uvloop.run}


@pytest.fixture(params=_loops_of())
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine in an event loop of each kind that is installed."""
    return _loops_of()[request.param]


def _block(seconds: float) -> None:
    time.sleep(seconds)  # sleep: what blocks the event loop


async def _watched(seconds: float) -> None:
    runtime.watch_event_loop()
    await asyncio.sleep(seconds)  # sleep: the time that is measured


def test_a_loop_in_time_has_a_small_value_every_tenth_of_a_second(run: Run) -> None:
    """About ten values in a second, fewer on a busy machine, but never more."""
    with capture() as captured:
        run(_watched(1.05))
        count, total = captured.count(_LAG), captured.value(_LAG)
    assert 3 <= count <= 11
    assert total is not None
    assert total / count < 0.5


def test_a_delay_has_a_value_for_each_of_its_tenths(run: Run) -> None:
    """A loop that stands still for 1.1 s has the values 0.1 to 1.0 s: quantiles see the whole delay."""

    async def main() -> None:
        await _watched(0.05)
        _block(1.06)
        await asyncio.sleep(0.05)  # sleep: until the timer has run

    with capture() as captured:
        run(main())
        count, total = captured.count(_LAG), captured.value(_LAG)
    assert 10 <= count <= 13
    assert total == pytest.approx(sum(0.1 * number for number in range(1, count)) + 1.0, abs=0.3)


def test_values_of_a_delay_are_recorded_before_its_end(run: Run) -> None:
    """Another thread collects metrics while the loop stands still, and each value is counted once."""
    seen: list[int] = []

    def collect(captured: Captured, is_late: threading.Event) -> None:
        is_late.wait(DEADLINE)
        eventually(lambda: captured.count(_LAG) >= 4, DEADLINE, "values during the delay")
        seen.append(captured.count(_LAG))

    async def main(captured: Captured) -> None:
        await _watched(0.05)
        is_late = threading.Event()
        collector = threading.Thread(target=collect, args=(captured, is_late))
        collector.start()
        is_late.set()
        began = time.monotonic()
        while not seen:
            _block(0.05)
        seen.append(int((time.monotonic() - began) / _loops.INTERVAL))
        collector.join()
        await asyncio.sleep(0.01)  # sleep: until the timer has run

    with capture() as captured:
        runtime.start()
        run(main(captured))
        during, tenths = seen
        assert 4 <= during <= tenths + 2
        assert during <= captured.count(_LAG) <= tenths + 3


def test_lateness_is_the_longest_delay_since_then(run: Run) -> None:
    """Only the part after that time counts, and a delay counts while it lasts. Without a watch it is 0."""

    async def main() -> tuple[float, ...]:
        unwatched = runtime.lateness(0.0)
        await _watched(0.05)
        began = time.monotonic()
        _block(0.6)
        during, later = runtime.lateness(began), runtime.lateness(time.monotonic() - 0.2)
        await asyncio.sleep(0.15)  # sleep: until the timer has run
        return unwatched, during, later, runtime.lateness(began), runtime.lateness(time.monotonic())

    unwatched, during, later, after, now = run(main())
    assert unwatched == 0
    assert 0.45 < during < 5
    assert later == pytest.approx(0.2, abs=0.05)
    assert after >= during - 0.05
    assert now < 0.1


def test_a_loop_that_was_stopped_was_not_late() -> None:
    """Between two runs of one loop nothing is due."""
    with capture() as captured, asyncio.Runner() as runner:
        runner.run(_watched(0.25))
        _block(0.8)
        runner.run(_watched(0.25))
        total = captured.value(_LAG)
    assert total is not None
    assert total < 0.5


def test_loops_of_several_threads_are_watched() -> None:
    """Each has values of its own."""
    with capture() as captured:
        threads = [threading.Thread(target=lambda: asyncio.run(_watched(0.55))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert 8 <= captured.count(_LAG) <= 24


def test_nothing_is_left_of_a_closed_loop(run: Run) -> None:
    """No task at the end, no reference to the loop, and no user of the caller in the timer."""
    tiers: list[str] = []
    kept: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def main() -> set[Any]:
        with user_context(tier="enterprise"):
            runtime.watch_event_loop()
        (watch,) = [watch for watch in _loops.watches() if watch._loop() is asyncio.get_running_loop()]
        tick = watch._tick

        def ticking() -> None:
            tiers.append(current_tier())
            tick()

        watch._tick = ticking  # type: ignore[method-assign]
        kept.append(weakref.ref(asyncio.get_running_loop()))
        await asyncio.sleep(0.25)  # sleep: two ticks
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert run(main()) == set()
    assert set(tiers) <= {"unknown"}
    gc.collect()
    assert kept[0]() is None


#: A program of its own: the test process may have threads, and Python 3.12 warns of a fork beside threads.
_FORKING = """
import asyncio, os, sys, warnings
from signalscope import runtime
from signalscope.runtime import _loops
from signalscope.testing import capture
warnings.simplefilter("error")
async def main():
    runtime.watch_event_loop()
    await asyncio.sleep(0.15)  # sleep: a tick
    own = len(_loops.watches())
    child = os.fork()
    if not child:
        os._exit(10 + len(_loops.watches()))
    return own, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
with capture():
    print(*asyncio.run(main()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_no_watch_of_its_parent() -> None:
    """The loop of the parent does not run in the child, so it is not late there."""
    done = subprocess.run([sys.executable, "-c", _FORKING], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "10"]
