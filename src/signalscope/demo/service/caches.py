"""The greeks and indicators caches: in memory, with the reason for each eviction known.

`signalscope.demo.service.redis_store` has the same in Redis.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from cachetools import TTLCache

from signalscope import count_eviction, instrument_cache, observe_cache
from signalscope.decorators import arg
from signalscope.demo.service.counts import Counts

__all__ = ["Cache", "MemoryCache", "observe"]


class Cache(Protocol):
    """What the service asks of a cache; values are bytes, so that their size is known."""

    name: str
    capacity: int

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none or its time is up."""

    async def set(self, key: str, value: bytes) -> None:
        """Keep a value for the cache's time to live."""

    async def delete(self, key: str) -> bool:
        """Drop a value; whether there was one."""

    async def clear(self) -> int:
        """Drop everything; how many entries that were."""

    async def expire(self) -> None:
        """Drop what is past its time; called by the housekeeping task."""

    def entries(self) -> int:
        """Entries held now."""

    def size_bytes(self) -> int:
        """Bytes of all values held now."""


def observe(cache: Cache) -> Callable[[], None]:
    """Report a cache's entries, capacity and size at each collection; returns the way to end that."""
    return observe_cache(
        cache.name, entries=cache.entries, capacity=lambda: cache.capacity, size_bytes=cache.size_bytes
    )


class _Evicting(TTLCache[str, bytes]):
    """A TTLCache that tells why entries leave: `popitem` makes room, `expire` is for those out of time."""

    def __init__(
        self, maxsize: int, ttl: float, evicted: Callable[[str, int], None], timer: Callable[[], float]
    ) -> None:
        super().__init__(maxsize, ttl, timer=timer)
        self._evicted = evicted

    def popitem(self) -> tuple[str, bytes]:
        item = super().popitem()
        self._evicted("size", 1)
        return item

    def expire(self, time: float | None = None) -> Any:
        expired = super().expire(time)
        if expired:
            self._evicted("ttl", len(expired))
        return expired


class MemoryCache:
    """A cache in this process.

    Args:
        name: Its ``cache_type`` in the metrics.
        capacity: Entries it can hold.
        ttl: Seconds an entry lives.
        counts: The service's own counts.
        timer: The clock, in seconds.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        ttl: float,
        counts: Counts,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.capacity = capacity
        self._counts = counts
        self._lock = threading.RLock()  # the observers read from the exporter's thread
        self._store = _Evicting(capacity, ttl, self._evicted, timer)

    @instrument_cache(cache_type=arg("self.name"), operation="get")
    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none or its time is up."""
        with self._lock:
            value = self._store.get(key)
        self._counts.add("cache_operations", self.name, "get", "miss" if value is None else "hit")
        return value

    @instrument_cache(cache_type=arg("self.name"), operation="set")
    async def set(self, key: str, value: bytes) -> None:
        """Keep a value; the least recently used one makes room when the cache is full."""
        self._counts.add("cache_operations", self.name, "set", "ok")
        with self._lock:
            self._store[key] = value

    @instrument_cache(cache_type=arg("self.name"), operation="delete")
    async def delete(self, key: str) -> bool:
        """Drop a value; whether there was one."""
        self._counts.add("cache_operations", self.name, "delete", "ok")
        with self._lock:
            found = self._store.pop(key, None) is not None
        if found:
            self._evicted("explicit", 1)
        return found

    async def clear(self) -> int:
        """Drop everything; how many entries that were."""
        with self._lock:
            dropped = len(self._store)
            self._store.clear()
        self._evicted("explicit", dropped)
        return dropped

    async def expire(self) -> None:
        """Drop what is past its time."""
        with self._lock:
            self._store.expire()

    def entries(self) -> int:
        """Entries held now."""
        with self._lock:
            return len(self._store)

    def size_bytes(self) -> int:
        """Bytes of all values held now."""
        with self._lock:
            return sum(len(value) for value in self._store.values())

    def _evicted(self, reason: str, n: int) -> None:
        if n:
            count_eviction(self.name, reason, n)
            self._counts.add("cache_evictions", self.name, reason, n=n)
