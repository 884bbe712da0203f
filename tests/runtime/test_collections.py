"""Pauses of the garbage collector."""

from __future__ import annotations

import gc

from signalscope import runtime
from signalscope.runtime import _collections
from signalscope.testing import capture

_PAUSE = "signal_service_gc_pause_seconds"


def test_a_collection_is_recorded_with_its_generation() -> None:
    """Once each, however often `start` is called."""
    runtime.start()
    runtime.start()
    assert gc.callbacks.count(_collections._measure) == 1
    with capture() as captured:
        captured.points(_PAUSE)  # what has waited until now
        before = captured.count(_PAUSE, generation="2")
        for _ in range(3):
            gc.collect()
        assert captured.count(_PAUSE, generation="2") == before + 3
        total = captured.value(_PAUSE, generation="2")
        assert total is not None
        assert 0 < total < 60


def test_a_collection_while_a_lock_is_held_does_not_wait() -> None:
    """A collection may begin at any allocation, also inside the recording core."""
    with _collections._pauses.lock:
        gc.collect()


def test_pauses_do_not_grow_without_a_reader() -> None:
    """The oldest ones are dropped."""
    for _ in range(_collections._KEPT + 10):
        _collections._measure("start", {"generation": 0})
        _collections._measure("stop", {"generation": 0})
    assert len(_collections._pauses.waiting) == _collections._KEPT
    _collections._pauses.waiting.clear()
