"""The caches: bounded, with a time to live, and with the right reason for each eviction."""

import pytest

from signalscope.demo.service.caches import MemoryCache
from signalscope.demo.service.counts import Counts


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at zero."""
    return Clock()


@pytest.fixture
def counts() -> Counts:
    """Empty counts."""
    return Counts()


@pytest.fixture
def cache(clock: Clock, counts: Counts) -> MemoryCache:
    """A cache of two entries that live ten seconds."""
    return MemoryCache("greeks", 2, 10.0, counts, timer=clock)


def evictions(counts: Counts) -> object:
    """Return the evictions in the counts, by reason."""
    return counts.snapshot()["cache_evictions"]["by"]


async def test_hit_miss_and_size(cache: MemoryCache, counts: Counts) -> None:
    """A stored value is returned; entries and bytes are those of the stored values."""
    assert await cache.get("a") is None
    await cache.set("a", b"12345")
    assert await cache.get("a") == b"12345"
    assert (cache.entries(), cache.size_bytes()) == (1, 5)
    by = counts.snapshot()["cache_operations"]["by"]
    assert by == {"greeks,get,hit": 1, "greeks,get,miss": 1, "greeks,set,ok": 1}


async def test_full_cache_makes_room(cache: MemoryCache, counts: Counts) -> None:
    """A full cache evicts the least recently used entry, with the reason size."""
    await cache.set("a", b"1")
    await cache.set("b", b"2")
    await cache.get("a")
    await cache.set("c", b"3")
    assert await cache.get("b") is None
    assert await cache.get("a") == b"1"
    assert evictions(counts) == {"greeks,size": 1}


async def test_time_is_up(cache: MemoryCache, clock: Clock, counts: Counts) -> None:
    """An expired entry is a miss at once, and is counted once as evicted by ttl."""
    await cache.set("a", b"1")
    clock.now = 10.5
    assert await cache.get("a") is None
    await cache.expire()
    await cache.expire()
    assert cache.entries() == 0
    assert evictions(counts) == {"greeks,ttl": 1}


async def test_delete_is_explicit(cache: MemoryCache, counts: Counts) -> None:
    """A delete counts an existing entry as evicted, and a missing one not at all."""
    await cache.set("a", b"1")
    assert await cache.delete("a") is True
    assert await cache.delete("a") is False
    assert evictions(counts) == {"greeks,explicit": 1}


async def test_clear_is_explicit(cache: MemoryCache, counts: Counts) -> None:
    """A flush evicts every entry with the reason explicit, except entries that had expired before."""
    await cache.set("a", b"1")
    await cache.set("b", b"2")
    assert await cache.clear() == 2
    assert await cache.clear() == 0
    assert cache.size_bytes() == 0
    assert evictions(counts) == {"greeks,explicit": 2}
