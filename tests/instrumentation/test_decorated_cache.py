"""A cache of a library behind a decorated class of the program: only the decorator measures it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cachetools import TTLCache

from signalscope import instrument_cache
from signalscope.instrumentation.cachetools import CachetoolsInstrumentor
from signalscope.testing import Captured, capture


class _Greeks:
    """A class of a service with decorated calls, and a method without a decorator."""

    def __init__(self) -> None:
        self._store: TTLCache[str, float] = TTLCache(maxsize=1, ttl=60)

    @instrument_cache(cache_type="greeks")
    def get(self, key: str) -> float | None:
        return self._store.get(key)

    @instrument_cache(cache_type="greeks", operation="set")
    def set(self, key: str, value: float) -> None:
        self._store[key] = value

    def housekeeping(self) -> list[float]:
        """Change the cache outside of decorated calls; the instrumentor does not measure this either."""
        self._store.expire()
        values = list(self._store.values())
        self._store.clear()
        return values


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the metrics recorded while cachetools is instrumented."""
    instrumentor: Any = CachetoolsInstrumentor()
    with capture() as captured:
        instrumentor.instrument()
        try:
            yield captured
        finally:
            instrumentor.uninstrument()


def test_a_cache_behind_a_decorator_is_measured_once(captured: Captured) -> None:
    """Only the decorator records its operations, evictions and entries, also outside of decorated calls."""
    cache = _Greeks()
    assert cache.get("a") is None
    cache.set("a", 1.0)
    cache.set("b", 2.0)  # makes room
    assert cache.get("b") == 2.0
    assert cache.housekeeping() == [2.0]
    assert {
        point.labels["cache_type"] for point in captured.points("signal_service_cache_operations_total")
    } == {"greeks"}
    assert captured.value("signal_service_cache_operations_total") == 4
    assert not captured.points("signal_service_cache_entries")
    assert not captured.points("signal_service_cache_evictions_total")


def test_another_cache_is_measured_all_the_same(captured: Captured) -> None:
    """A cache that no decorated call uses is measured by the instrumentor."""
    _Greeks().get("a")
    quotes: TTLCache[str, float] = TTLCache(maxsize=8, ttl=60)
    quotes["x"] = 1.0
    assert quotes["x"] == 1.0
    assert captured.value("signal_service_cache_operations_total", cache_type="greeks") == 1
    assert captured.value("signal_service_cache_operations_total") == 3
