"""The common model of circuit breakers, for every way to report a breaker."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pybreaker
import pytest

from signalscope import BreakerMonitor
from signalscope.breakers import watch_breaker
from signalscope.breakers._model import Breaker
from signalscope.instrumentation.pybreaker import PybreakerInstrumentor
from signalscope.testing import Captured, capture

STATE = "signal_service.circuit_breaker.state"
CALLS = "signal_service.circuit_breaker.calls"
TRANSITIONS = "signal_service.circuit_breaker.transitions"


@dataclass(eq=False)
class Readable:
    """A breaker of the program, with a state and counts."""

    state: str = "closed"
    calls: dict[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Return the total calls by outcome."""
        return self.calls


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the points that the test records."""
    with capture() as captured:
        yield captured


def _states(captured: Captured, service: str) -> dict[str, float]:
    return {point.labels["state"]: point.value for point in captured.points(STATE, service_name=service)}


def test_breakers_with_one_name_show_the_worst_state(captured: Captured) -> None:
    """Open is shown before half_open, and half_open before closed: monitors, watched and instrumented breakers."""
    monitors = [BreakerMonitor("monitored_twice", state=state) for state in ("closed", "open", "half_open")]
    assert _states(captured, "monitored_twice") == {"open": 1, "half_open": 0, "closed": 0}
    monitors[1].transition("closed")
    assert _states(captured, "monitored_twice") == {"open": 0, "half_open": 1, "closed": 0}
    instrumentor = PybreakerInstrumentor()
    instrumentor.instrument(skip_dep_check=True)
    try:
        instrumented = pybreaker.CircuitBreaker(name="shared")
        watched = Readable("half_open")
        stop = watch_breaker(watched, "shared")
        assert _states(captured, "shared") == {"open": 0, "half_open": 1, "closed": 0}
        instrumented.open()
        assert _states(captured, "shared") == {"open": 1, "half_open": 0, "closed": 0}
        stop()
    finally:
        instrumentor.uninstrument()
    assert _states(captured, "shared") == {}


def test_a_watched_breaker_of_a_monitored_service_is_not_reported_again(captured: Captured) -> None:
    """Its state, transitions and calls are not recorded until the monitor is deleted."""
    monitor = BreakerMonitor("spoken_for")
    watched = Readable()
    watch_breaker(watched, "spoken_for")
    watched.state, watched.calls = "open", {"failure": 4}
    assert _states(captured, "spoken_for") == {"open": 0, "half_open": 0, "closed": 1}
    assert captured.value(CALLS, service_name="spoken_for") in {None, 0}
    assert captured.value(TRANSITIONS, service_name="spoken_for") in {None, 0}
    del monitor
    gc.collect()
    watched.calls = {"failure": 5}
    assert _states(captured, "spoken_for") == {"open": 1, "half_open": 0, "closed": 0}
    assert captured.value(CALLS, service_name="spoken_for") == 1


def test_setting_a_monitor_s_state_is_a_transition(captured: Captured) -> None:
    """Setting the state counts a transition, and an unknown state is refused as in `transition`."""
    monitor = BreakerMonitor("assigned")
    monitor.state = "open"
    assert captured.value(TRANSITIONS, service_name="assigned", to="open") == 1
    monitor.state = "ajar"
    assert monitor.state == "open"


def test_a_breaker_whose_properties_raise_does_not_affect_others(captured: Captured) -> None:
    """Its state is absent and its calls are not counted; other breakers are still reported."""

    class Failing:
        """Raise, once the breaker is watched."""

        state = "closed"
        broken = False

        def __getattr__(self, name: str) -> object:
            if self.broken:
                raise ConnectionError(name)
            raise AttributeError(name)

    failing = Failing()
    watch_breaker(failing, "failing")
    half_open = Readable("half_open")
    watch_breaker(half_open, "other_one")
    failing.broken = True
    assert _states(captured, "failing") == {}
    assert _states(captured, "other_one")["half_open"] == 1


def test_a_change_that_many_threads_see_is_counted_once(captured: Captured) -> None:
    """Several threads read the same change of state; one transition is counted."""
    breaker = Breaker(("threaded", "all"))
    barrier = threading.Barrier(8)

    def see() -> None:
        for number in range(200):
            barrier.wait()
            breaker.enter("open" if number % 2 == 0 else "closed")

    threads = [threading.Thread(target=see) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert captured.value(TRANSITIONS, service_name="threaded") == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_not_blocked_by_a_lock_of_its_parent(tmp_path: Path) -> None:
    """The parent forks with the lock held; the child enters a state and counts only its own transitions and calls."""
    program = """
        import os
        from signalscope import BreakerMonitor
        from signalscope.breakers import _model
        from signalscope.testing import capture
        with capture() as captured:
            monitor = BreakerMonitor("forked")
            monitor.success()
            with _model._reports.lock:
                child = os.fork()
            if not child:
                monitor.transition("open")
                monitor.failure()
                values = [captured.value("signal_service.circuit_breaker.calls", outcome="failure"),
                         captured.value("signal_service.circuit_breaker.transitions", to="open")]
                print(values, flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            assert captured.value("signal_service.circuit_breaker.transitions", to="open") in (None, 0)
    """
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1, 1]\n"
