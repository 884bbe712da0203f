"""Recording continues and stays exact during interruptions: signals, finalizers, threads that vanish."""

from __future__ import annotations

import gc
import itertools
import signal
import sys
import threading
import time
from types import FrameType

import pytest
from tests.recording.harness import COUNTER, HISTOGRAM, Pair, points
from tests.waiting import DEADLINE

from signalscope.recording import _buffers
from signalscope.recording._buffers import CAPACITY


def test_a_recording_in_a_finalizer_during_a_collection_is_counted() -> None:
    """Garbage collection can run user code, with a decorated call, at any point."""
    pair = Pair()
    record = pair.buffer(HISTOGRAM, "a").record
    finalized = 0

    class Cyclic:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            nonlocal finalized
            finalized += 1
            for number in range(CAPACITY + 1):
                pair.buffer(HISTOGRAM, f"new-{finalized}").record(0.5)
                record(number / CAPACITY)

    threshold = gc.get_threshold()
    gc.set_threshold(5)
    try:
        for _ in range(30):
            Cyclic()
            record(1.0)
            pair.collect()
    finally:
        gc.set_threshold(*threshold)
        gc.collect()
    collected = points(pair.collect()[0], HISTOGRAM)
    assert finalized == 30
    assert collected["a"].count == 30 + finalized * (CAPACITY + 1)
    assert sum(point.count for key, point in collected.items() if key != "a") == finalized * (CAPACITY + 1)


def test_a_collection_inside_a_collection_leaves_everything_to_the_next() -> None:
    """A finalizer that flushes must not wait for the collection that it interrupts."""
    pair = Pair()
    store, wants = pair.fast_path.store, pair.fast_path.store.readers[0]
    buffer = pair.buffer(HISTOGRAM, "a")
    buffer.record(1.0)
    inner: list[object] = []

    class Flushing(float):
        def __add__(self, other: object) -> float:
            inner.append(store.collect(wants, time.time_ns()))
            return super().__add__(float(other))  # type: ignore[arg-type]  # only added to numbers here

        __radd__ = __add__

    buffer.record(Flushing(1.0))
    point = points(pair.collect()[0], HISTOGRAM)["a"]
    assert inner
    assert not any(inner)
    assert (point.count, point.sum) == (2, 2.0)


def test_an_interrupted_fold_neither_blocks_a_collection_nor_counts_twice() -> None:
    """A signal handler that waits for the final export may have interrupted a fold."""
    pair = Pair()
    buffer = pair.buffer(HISTOGRAM, "a")
    for _ in range(CAPACITY - 1):
        buffer.record(0.5)
    in_fold, go_on, is_folded = threading.Event(), threading.Event(), threading.Event()

    class Slow(float):
        def __radd__(self, other: float) -> float:
            if threading.current_thread() is thread and not go_on.is_set():
                in_fold.set()
                go_on.wait(DEADLINE)
                is_folded.set()
            return float(other) + float(self)

    thread = threading.Thread(target=lambda: buffer.record(Slow(0.5)))
    thread.start()
    assert in_fold.wait(DEADLINE)
    point = points(pair.collect()[0], HISTOGRAM)["a"]
    assert not is_folded.is_set()
    assert point.count == CAPACITY
    go_on.set()
    thread.join()
    buffer.record(0.5)
    assert points(pair.collect()[0], HISTOGRAM)["a"].count == CAPACITY + 1
    assert buffer.values == []


def test_recording_does_not_wait_for_a_fold() -> None:
    """While another thread folds, values stay in the buffer; the next thread that gets the lock folds them."""
    pair = Pair()
    buffer = pair.buffer(HISTOGRAM, "a")
    with _buffers._folding.lock:
        for _ in range(3 * CAPACITY):
            buffer.record(0.5)
        assert len(buffer.values) == 3 * CAPACITY
    buffer.record(0.5)
    assert buffer.values == []
    assert points(pair.collect()[0], HISTOGRAM)["a"].count == 3 * CAPACITY + 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
# Python drops an exception in a callback of the garbage collector, and Hypothesis has such a callback.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_lose_nothing_and_repeat_nothing() -> None:
    """One handler records and one raises, thousands of times, between any two steps of recording."""
    pair = Pair()
    record = pair.buffer(HISTOGRAM, "a").record
    numbers = itertools.count(1)  # two handlers that interrupt one another do not get the same value
    begun = done = recorded = interrupted = 0
    deadline = time.monotonic() + DEADLINE
    may_raise = False

    class Interrupted(BaseException):
        pass

    def handler(_number: int, _frame: FrameType | None) -> None:
        nonlocal recorded, may_raise
        number = next(numbers)
        pair.buffer(COUNTER, "signals").record(1)  # may itself be interrupted by the next signal
        recorded += 1
        if may_raise and number % 2:
            may_raise = False  # wait until the first exception has been caught
            raise Interrupted

    def record_until_interrupted() -> None:
        """A separate function: CPython 3.13 has steps of a loop that a `try` around it does not cover."""
        nonlocal begun, done, may_raise
        while time.monotonic() < deadline:
            may_raise = True
            begun += 1
            record(0.5)
            done += 1
        may_raise = False

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        while interrupted < 2_000 and time.monotonic() < deadline:
            try:
                record_until_interrupted()
            except Interrupted:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    point = points(pair.collect()[0], HISTOGRAM)["a"]
    assert interrupted == 2_000
    # An exception may occur before or after the append of the interrupted call, but nowhere else.
    assert done <= point.count <= begun
    assert point.sum == point.count * 0.5
    assert recorded <= points(pair.collect()[0], COUNTER)["signals"].value < next(numbers)


class _InterruptedError(BaseException):
    """Raised by a signal handler."""


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals for one thread")
def test_an_exception_of_a_signal_handler_as_a_collection_begins_leaves_the_store_unlocked() -> None:
    """The signal arrives when the collection has acquired the lock, and its thread has not run since."""
    pair = Pair()
    pair.buffer(HISTOGRAM, "a").record(1.0)
    store = pair.fast_path.store
    lock, main = store.lock, threading.get_ident()
    is_holding = threading.Event()

    def handler(_number: int, _frame: FrameType | None) -> None:
        raise _InterruptedError

    def hand_over() -> None:
        with lock:
            is_holding.set()
            time.sleep(0.1)  # sleep: the main thread cannot report that it waits for the lock
        begun = time.perf_counter()
        while time.perf_counter() - begun < 0.05:
            pass  # the main thread has the lock now, and waits for the interpreter
        signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=hand_over)
    interval = sys.getswitchinterval()
    before = signal.signal(signal.SIGUSR1, handler)
    sys.setswitchinterval(DEADLINE)
    try:
        thread.start()
        assert is_holding.wait(DEADLINE)
        with pytest.raises(_InterruptedError):
            store.collect(store.readers[0], time.time_ns())
    finally:
        sys.setswitchinterval(interval)
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    assert store.collect(store.readers[0], time.time_ns(), timeout=0)
    assert store.totals([HISTOGRAM.name])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
# Python drops an exception in the callback of a weak reference or of the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_exceptions_of_a_signal_handler_anywhere_in_collections_leave_the_store_unlocked() -> None:
    """Hundreds of signals arrive between any two steps of a collection; the exceptions are stored."""
    pair = Pair()
    store = pair.fast_path.store
    reader = store.readers[0]
    kept: list[BaseException] = []
    deadline = time.monotonic() + DEADLINE
    may_raise = False

    def handler(_number: int, _frame: FrameType | None) -> None:
        nonlocal may_raise
        if may_raise:
            may_raise = False  # wait until the first exception has been caught
            raise _InterruptedError

    def collect_until_interrupted() -> None:
        """A separate function: CPython 3.13 has steps of a loop that a `try` around it does not cover."""
        nonlocal may_raise
        while time.monotonic() < deadline:
            may_raise = True
            pair.buffer(HISTOGRAM, "a").record(0.5)
            store.collect(reader, time.time_ns())
        may_raise = False

    pair.buffer(HISTOGRAM, "a").record(
        0.5
    )  # or a signal before the first measurement leaves nothing to collect
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        while len(kept) < 300 and time.monotonic() < deadline:
            try:
                collect_until_interrupted()
            except _InterruptedError as error:
                kept.append(error)
            assert store.collect(reader, time.time_ns(), timeout=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(kept) == 300


def test_values_that_are_no_numbers_do_not_stop_the_others() -> None:
    """The values are counted as rejected, even if their methods raise."""

    class Hostile:
        def __radd__(self, other: object) -> object:
            raise RuntimeError("never mind")

        def __float__(self) -> float:
            raise OSError("neither")

    pair = Pair()
    record = pair.buffer(HISTOGRAM, "a").record
    for value in (Hostile(), "x", None, 10**400, 1.0, True):
        record(value)  # type: ignore[arg-type]  # that is the point
    point = points(pair.collect()[0], HISTOGRAM)["a"]
    assert (point.count, point.sum) == (2, 2.0)
    assert pair.errors == [("recording.value", 4)]
