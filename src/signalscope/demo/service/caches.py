"""The base class of the greeks and indicators caches, with its measurements, and the cache in memory.

`signalscope.demo.service.redis_store` has the cache in Redis.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from cachetools import TTLCache

from signalscope import count_eviction, instrument_cache
from signalscope.decorators import arg
from signalscope.demo.service.counts import Counts


class Cache(ABC):
    """A measured cache; values are bytes, so that their size is known.

    Args:
        name: The ``cache_type`` in the metrics.
        capacity: The maximum number of entries.
        counts: The service's own counts.
    """

    def __init__(self, name: str, capacity: int, counts: Counts) -> None:
        self.name = name
        self.capacity = capacity
        self._counts = counts

    @instrument_cache(cache_type=arg("self.name"), operation="get")
    async def get(self, key: str) -> bytes | None:
        """Return the value of a key; None if it is missing or expired."""
        value = await self._read(key)
        self._counts.add("cache_operations", self.name, "get", "miss" if value is None else "hit")
        return value

    @instrument_cache(cache_type=arg("self.name"), operation="set")
    async def set(self, key: str, value: bytes) -> None:
        """Store a value for the cache's time to live; a full cache evicts another value."""
        await self._write(key, value)
        self._counts.add("cache_operations", self.name, "set", "ok")

    @instrument_cache(cache_type=arg("self.name"), operation="delete")
    async def delete(self, key: str) -> bool:
        """Delete the value of a key; return True if it existed."""
        was_there = await self._remove(key)
        self._counts.add("cache_operations", self.name, "delete", "ok")
        self._count_evictions("explicit", int(was_there))
        return was_there

    async def clear(self) -> int:
        """Delete all entries; return their number."""
        dropped = await self._remove_all()
        self._count_evictions("explicit", dropped)
        return dropped

    @abstractmethod
    async def expire(self) -> None:
        """Delete the expired entries; the housekeeping task calls this."""

    @abstractmethod
    def entries(self) -> int:
        """Return the number of entries."""

    @abstractmethod
    def size_bytes(self) -> int:
        """Return the size of all values in bytes."""

    @abstractmethod
    async def _read(self, key: str) -> bytes | None: ...

    @abstractmethod
    async def _write(self, key: str, value: bytes) -> None: ...

    @abstractmethod
    async def _remove(self, key: str) -> bool: ...

    @abstractmethod
    async def _remove_all(self) -> int: ...

    def _count_evictions(self, reason: str, number: int) -> None:
        if number:
            count_eviction(self.name, reason, number)
            self._counts.add("cache_evictions", self.name, reason, n=number)


class _EvictionCountingCache(TTLCache[str, bytes]):
    """A TTLCache that counts evictions by reason: `popitem` for size, `expire` for age."""

    count: Callable[[str, int], None]

    def popitem(self) -> tuple[str, bytes]:
        item = super().popitem()
        self.count("size", 1)
        return item

    def expire(self, time: float | None = None) -> Any:
        expired = super().expire(time)
        self.count("ttl", len(expired or ()))
        return expired


class MemoryCache(Cache):
    """A cache in this process; a full cache evicts the least recently used entry.

    Args:
        name: The ``cache_type`` in the metrics.
        capacity: The maximum number of entries.
        ttl: The time to live of an entry, in seconds.
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
        super().__init__(name, capacity, counts)
        self._lock = threading.RLock()  # the observers read from the exporter's thread
        self._store = _EvictionCountingCache(capacity, ttl, timer)
        self._store.count = self._count_evictions

    async def expire(self) -> None:
        """Delete the expired entries."""
        with self._lock:
            self._store.expire()

    def entries(self) -> int:
        """Return the number of entries."""
        with self._lock:
            return len(self._store)

    def size_bytes(self) -> int:
        """Return the size of all values in bytes."""
        with self._lock:
            return sum(map(len, self._store.values()))

    async def _read(self, key: str) -> bytes | None:
        with self._lock:
            return self._store.get(key)

    async def _write(self, key: str, value: bytes) -> None:
        with self._lock:
            self._store[key] = value

    async def _remove(self, key: str) -> bool:
        with self._lock:
            return self._store.pop(key, None) is not None

    async def _remove_all(self) -> int:
        with self._lock:
            dropped = len(self._store)
            self._store.clear()
            return dropped
