"""Callbacks of a collection that use an instrument first: the SDK's lock is held, and the export must go on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.metrics import CallbackOptions, Observation
from tests.recording.conftest import Recorded
from tests.waiting import DEADLINE, eventually

from signalscope import contract, recording
from signalscope.contract import Instrument, Kind
from signalscope.recording._state import live
from signalscope.users._active import ActiveUsers
from signalscope.users._sketch import Shared

_numbers = itertools.count()


def _new(kind: Kind) -> str:
    """Return the name of a new instrument that nothing has used."""
    name = f"collections.number_{next(_numbers)}"
    buckets = (1.0,) if kind is Kind.HISTOGRAM else None
    contract.extend(Instrument(name, kind, "{item}", "An instrument of the test.", "tests", buckets=buckets))
    return name


def _in_time(act: Callable[[], object]) -> None:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    assert not thread.is_alive(), "it waits for a lock for ever"


def _observed_by_signalscope(act: Callable[[], None]) -> None:
    def observer() -> Iterator[tuple[float, tuple[str, ...]]]:
        act()
        yield 1, ()

    recording.observe(_new(Kind.GAUGE), observer)


def _observed_by_the_sdk(act: Callable[[], None]) -> None:
    def callback(_options: CallbackOptions) -> Iterator[Observation]:
        act()
        yield Observation(1)

    live.meter.create_observable_gauge(f"collections.own_{next(_numbers)}", callbacks=[callback])


@pytest.mark.parametrize("observed", [_observed_by_signalscope, _observed_by_the_sdk])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_callback_may_use_an_instrument_first(
    recorded: Recorded, kind: Kind, observed: Callable[[Callable[[], None]], None]
) -> None:
    """An instrument that a callback creates is exported, at the latest by the next collection."""
    name = _new(kind)
    observed(lambda: recording.get_instrument(name).series().record(1))
    _in_time(lambda: recorded.points(name))
    eventually(lambda: recorded.points(name), DEADLINE, "the instrument is exported")


def test_a_callback_may_wait_for_a_thread_that_uses_a_gauge_first(recorded: Recorded) -> None:
    """A thread that holds a lock of the program creates a gauge at once, while a callback waits for that lock."""
    name, lock, is_held, is_collecting = (
        _new(Kind.GAUGE),
        threading.Lock(),
        threading.Event(),
        threading.Event(),
    )

    def use() -> None:
        with lock:
            is_held.set()
            is_collecting.wait(DEADLINE)
            recording.get_instrument(name).series().record(7)

    def wait() -> None:
        is_collecting.set()
        with lock:
            pass

    _observed_by_signalscope(wait)
    threading.Thread(target=use, daemon=True).start()
    assert is_held.wait(DEADLINE)
    _in_time(lambda: recorded.points(name))
    eventually(lambda: recorded.points(name), DEADLINE, "the gauge is exported")


def test_users_are_observed_without_the_lock_of_their_sketches() -> None:
    """The gauge may have to wait for a collection, whose callbacks may count users."""
    pytest.importorskip("datasketches")
    shared = Shared(ActiveUsers, lambda _: locked.append(shared.lock.locked()))
    locked: list[bool] = []
    assert shared.get() is shared.get() is not None
    assert locked == [False]
