"""`@instrument_cache`: hits, misses, errors and the rolling ratio."""

from __future__ import annotations

import asyncio

import pytest

from signalscope import instrument_cache
from signalscope.decorators._hit_ratio import WINDOW_SECONDS, HitRatios
from signalscope.testing import Captured, FakeClock

OPERATIONS = "signal_service_cache_operations_total"


def test_gets_are_hits_or_misses(captured: Captured) -> None:
    """A value that is not None is a hit; every get is counted once and timed once."""
    stored = {"a": 1}

    @instrument_cache(cache_type="greeks")
    def get(key: str) -> int | None:
        return stored.get(key)

    assert [get("a"), get("b"), get("a")] == [1, None, 1]
    assert captured.value(OPERATIONS, cache_type="greeks", operation="get", result="hit") == 2
    assert captured.value(OPERATIONS, cache_type="greeks", operation="get", result="miss") == 1
    assert captured.count("signal_service_cache_operation_seconds", cache_type="greeks") == 3


def test_the_user_says_what_a_hit_is(captured: Captured) -> None:
    """A sentinel of the cache means a miss, and so does an exception in `miss_on`."""
    nothing = object()

    @instrument_cache(cache_type="own", hit=lambda value: value is not nothing)
    def get(key: str) -> object:
        if key == "gone":
            raise KeyError(key)
        return None if key == "none" else nothing

    get("none")
    get("missing")
    with pytest.raises(KeyError):
        get("gone")
    assert captured.value(OPERATIONS, cache_type="own", result="hit") == 1
    assert captured.value(OPERATIONS, cache_type="own", result="miss") == 2


def test_failing_and_cancelled_operations_are_errors(captured: Captured) -> None:
    """Other exceptions and a cancellation have the result `error`, and do not change the hit ratio."""

    @instrument_cache(cache_type="remote")
    async def get(_key: str) -> None:
        await asyncio.Event().wait()

    @instrument_cache(cache_type="remote", operation="set")
    def put(_key: str) -> None:
        raise ConnectionError("no route")

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(get("a"), 0.01)

    asyncio.run(cancelled())
    with pytest.raises(ConnectionError, match="no route"):
        put("a")
    assert captured.value(OPERATIONS, operation="get", result="error") == 1
    assert captured.value(OPERATIONS, operation="set", result="error") == 1
    assert captured.points("signal_service_cache_hit_ratio", cache_type="remote") == []


def test_the_ratio_is_of_the_last_five_minutes() -> None:
    """Old gets leave the window; a cache without gets in the window has no ratio."""
    clock = FakeClock(1_000.0)
    ratios = HitRatios(clock)
    for hit in (True, True, True, False):
        ratios.count("greeks", hit=hit)
    assert list(ratios.ratios()) == [(0.75, ("greeks",))]
    clock.advance(WINDOW_SECONDS / 2)
    ratios.count("greeks", hit=False)
    assert list(ratios.ratios()) == [(0.6, ("greeks",))]
    clock.advance(WINDOW_SECONDS / 2 + 10)
    assert list(ratios.ratios()) == [(0.0, ("greeks",))]
    clock.advance(WINDOW_SECONDS + 10)
    assert list(ratios.ratios()) == []


def test_the_ratio_is_reported(captured: Captured) -> None:
    """The gauge shows the decorated gets."""

    @instrument_cache(cache_type="ratio_test")
    def get(is_hit: bool) -> bool | None:
        return is_hit or None

    for is_hit in (True, False, False, False):
        get(is_hit)
    assert captured.value("signal_service_cache_hit_ratio", cache_type="ratio_test") == 0.25
