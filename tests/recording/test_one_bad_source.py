"""A source that fails (a breaker, cache, queue, pool or callback) never hides the others of the same metric."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cachetools
import pybreaker
import pytest

import signalscope
from signalscope import recording, runtime
from signalscope.breakers import _model
from signalscope.instrumentation.cachetools import CachetoolsInstrumentor
from signalscope.instrumentation.pybreaker import PybreakerInstrumentor
from signalscope.instrumentation.queues import name_queue
from signalscope.testing import Captured, capture

STATE = "signal_service_circuit_breaker_state"
TRANSITIONS = "signal_service_circuit_breaker_transitions_total"
MEMORY = "signal_service_memory_usage_bytes"


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the points that the test records."""
    with capture() as captured:
        yield captured


class _Fails(float):
    def __float__(self) -> float:
        raise RuntimeError("number")


def _fails_later() -> Iterator[tuple[float, tuple[str]]]:
    yield 1.0, ("early",)
    raise RuntimeError("later")


def _exits() -> Any:
    raise SystemExit(1)


def _is_cancelled() -> Any:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    "broken",
    [
        lambda: [(_Fails(1), ("bad",)), (2.0, ("good",))],
        lambda: [("text", ("bad",)), (2.0, ("good",))],
        lambda: [(float("nan"), ("bad",)), (2.0, ("good",))],
        lambda: [(1.0, ("bad", "too many")), (2.0, ("good",))],
        lambda: [3.0, (2.0, ("good",))],
        lambda: [None, (2.0, ("good",))],
        lambda: [(1.0, 5), (2.0, ("good",))],
    ],
)  # fmt: skip
def test_a_bad_point_of_a_callback_hides_no_other_point(captured: Captured, broken: Any) -> None:
    """The other points of the same callback, and those of other callbacks, are exported."""
    end = [recording.observe("signal_service.memory.usage", broken)]
    end.append(signalscope.observe_memory("other_callback", 3))
    for point in ("good", "other_callback"):
        assert captured.value(MEMORY, operation_type=point) is not None
    for stop in end:
        stop()


@pytest.mark.parametrize("broken", [_fails_later, _exits, _is_cancelled, lambda: 5])
def test_a_callback_that_fails_hides_no_other_callback(captured: Captured, broken: Any) -> None:
    """Neither an error, nor `sys.exit()`, nor a cancelled future reaches the export."""
    end = [recording.observe("signal_service.memory.usage", broken)]
    end.append(signalscope.observe_memory("other_callback", 3))
    assert captured.value(MEMORY, operation_type="other_callback") == 3
    for stop in end:
        stop()


@pytest.fixture
def _pybreaker() -> Iterator[None]:
    for breaker in tuple(_model._reports._breakers):  # of other tests, such as those of the demo service
        breaker.stop()
    instrumentor = PybreakerInstrumentor()
    instrumentor.instrument(skip_dep_check=True)
    yield
    instrumentor.uninstrument()


def _states(captured: Captured) -> dict[str, str]:
    return {p.labels["service_name"]: p.labels["state"] for p in captured.points(STATE) if p.value}


@pytest.mark.usefixtures("_pybreaker")
def test_a_breaker_in_a_state_of_its_own(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """Its state is unknown until it is one of the three again; other breakers report as before."""

    class Forced(pybreaker.CircuitBreakerState):
        def __init__(self, breaker: pybreaker.CircuitBreaker, name: Any) -> None:
            super().__init__(breaker, name)

    good: Any = pybreaker.CircuitBreaker(name="good")
    odd: Any = pybreaker.CircuitBreaker(name="odd")
    good.open()
    assert _states(captured) == {"good": "open", "odd": "closed"}
    odd._state = Forced(odd, "forced-open")
    for _ in range(3):
        assert _states(captured) == {"good": "open"}
    assert captured.value(TRANSITIONS, service_name="odd", to="other") == 1
    assert captured.value("signalscope_internal_errors_total") is None
    assert caplog.text.count("[SS522]") == 1
    assert "'forced_open'" in caplog.text
    for name in (None, 5, ["closed"], "", "\ud800"):
        odd._state = Forced(odd, name)
        assert _states(captured) == {"good": "open"}
    odd.close()
    assert _states(captured) == {"good": "open", "odd": "closed"}
    assert captured.value(TRANSITIONS, service_name="odd", to="closed") == 1


@pytest.mark.usefixtures("_pybreaker")
def test_a_breaker_whose_state_cannot_be_read(captured: Captured) -> None:
    """A state object without a name, or one that raises, hides only its own breaker."""

    class Raises:
        @property
        def name(self) -> str:
            raise RuntimeError("state")

    good: Any = pybreaker.CircuitBreaker(name="good")
    odd: Any = pybreaker.CircuitBreaker(name="odd")
    for state in (Raises(), None, object()):
        odd._state = state
        assert _states(captured) == {"good": "closed"}
    del good


class _GoodCache:
    def __init__(self, size: int) -> None:
        self.cache: Any = cachetools.LRUCache(size)
        self.cache["a"] = 1


class _BadCache:
    def __init__(self, size: int) -> None:
        self.cache: Any = cachetools.LRUCache(size)
        self.cache["a"] = 1


def test_a_cache_that_fails_hides_only_its_own_type(captured: Captured) -> None:
    """The sum of a type with a cache that cannot be read is unknown; other types are reported."""

    class Fails(cachetools.LRUCache):  # type: ignore[type-arg]
        @property
        def getsizeof(self) -> Any:
            raise RuntimeError("size")

    instrumentor = CachetoolsInstrumentor()
    instrumentor.instrument(skip_dep_check=True)
    try:
        good, bad = _GoodCache(7), _BadCache(5)
        assert captured.value("signal_service_cache_capacity", cache_type="bad") == 5
        bad.cache.__class__ = Fails
        assert captured.value("signal_service_cache_capacity", cache_type="good") == 7
        assert captured.value("signal_service_cache_capacity", cache_type="bad") is None
        del good
    finally:
        instrumentor.uninstrument()


def test_a_queue_that_fails_hides_only_its_own_type(captured: Captured) -> None:
    """A queue without a usable limit or size hides no other queue."""
    good: Any = queue.Queue(3)
    good.put(1)
    bad: Any = queue.Queue(4)
    name_queue(good, queue_type="good_queue")
    name_queue(bad, queue_type="bad_queue")
    bad.maxsize, bad.mutex = None, 5
    assert captured.value("signal_service_queue_capacity", queue_type="good_queue") == 3
    assert captured.value("signal_service_queue_capacity", queue_type="bad_queue") is None
    assert captured.value("signal_service_queue_size", queue_type="good_queue", priority="medium") == 1
    assert captured.value("signal_service_queue_size", queue_type="bad_queue", priority="medium") is None


def test_a_thread_pool_that_fails_hides_no_other(captured: Captured) -> None:
    """A pool whose attributes are other objects is left out."""
    bad: Any
    with ThreadPoolExecutor(2) as good, ThreadPoolExecutor(2) as bad:
        end = [runtime.observe_executor(bad, "bad_pool"), runtime.observe_executor(good, "good_pool")]
        threads, bad._max_workers = bad._max_workers, None
        try:
            assert captured.value("signal_service_executor_threads", executor="good_pool", state="idle") == 2
            assert captured.value("signal_service_executor_threads", executor="bad_pool") is None
        finally:
            bad._max_workers = threads
            for stop in end:
                stop()


class _Unprintable:
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("value", "reason"), [("a\ud800", "not valid Unicode"), (_Unprintable(), "ValueError")]
)
def test_a_label_that_cannot_be_exported_says_so(
    captured: Captured, caplog: pytest.LogCaptureFixture, value: Any, reason: str
) -> None:
    """The log does not say that there are too many values; the later message about them is not lost."""
    name = f"reason_{type(value).__name__.strip('_').lower()}"
    signalscope.contract.extend(
        signalscope.contract.Instrument(
            f"signal_service.{name}",
            signalscope.contract.Kind.COUNTER,
            "",
            "A counter of the test.",
            "tests",
            (signalscope.contract.Attribute("kind", "Any kind.", cap=1),),
        )
    )
    for _ in range(2):
        recording.get_instrument(f"signal_service.{name}").series(value).record(1)
    assert reason in caplog.text
    assert caplog.text.count("[SS308]") == 1
    assert "more than" not in caplog.text
    assert captured.value(f"signal_service_{name}_total", kind="other") == 2
    for more in ("one", "two"):
        recording.get_instrument(f"signal_service.{name}").series(more).record(1)
    assert "more than 1 values" in caplog.text
