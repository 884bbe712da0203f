"""The caches and the work queue in Redis, used if ``REDIS_URL`` is set.

Several replicas of the service may share one Redis. Entries and jobs survive a restart of the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from signalscope.contract import PRIORITIES
from signalscope.demo.service.caches import Cache
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.workqueue import QUEUE_TYPE, Job, QueueFullError, WorkQueue

_logger = logging.getLogger("signalscope.demo")

_PREFIX = "signalscope:demo"
_BLOCK_SECONDS = 1

# Counts a list and adds to it in one step, so that the limit holds for all replicas.
_PUT = """
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[2])
return 1
"""


def connect(url: str) -> Redis:
    """Return a client for a URL; it connects at its first use.

    Raises:
        ValueError: The URL is not a URL of Redis.
    """
    try:
        return Redis.from_url(url, socket_timeout=5.0, socket_connect_timeout=2.0)
    except ValueError as error:
        raise ValueError(f"REDIS_URL: {error}") from None


async def check(redis: Redis) -> None:
    """Check that Redis answers.

    Raises:
        RuntimeError: Redis does not answer; the message names the setting.
    """
    client: Any = redis  # redis-py types sync and async answers alike
    try:
        await client.ping()
    except RedisError as error:
        raise RuntimeError(f"REDIS_URL: Redis does not answer: {error}") from None


class RedisCache(Cache):
    """A cache in Redis; while Redis does not answer, every read is a miss.

    Each value has its own key, which Redis expires. A sorted set has the expiry times and a hash has the sizes.
    They give the number of entries, the bytes and the reasons of evictions without a scan.

    Args:
        redis: The client.
        name: The ``cache_type`` in the metrics.
        capacity: The maximum number of entries; a full cache evicts the entry that would expire first.
        ttl: The time to live of an entry, in seconds.
        counts: The service's own counts.
    """

    def __init__(self, redis: Redis, name: str, capacity: int, ttl: float, counts: Counts) -> None:
        super().__init__(name, capacity, counts)
        self._redis: Any = redis  # redis-py types sync and async answers alike
        self._ttl_ms = int(ttl * 1000)
        self._expiries = f"{_PREFIX}:{name}:expiries"
        self._sizes = f"{_PREFIX}:{name}:sizes"
        self._entries = 0
        self._bytes = 0

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key; None if it is missing or expired, or if Redis does not answer."""
        try:
            return await super().get(key)
        except RedisError as error:
            _logger.debug("%s cache: get: %s", self.name, error)
            return None

    async def set(self, key: str, value: bytes) -> None:
        """Store a value; do nothing while Redis does not answer."""
        try:
            await super().set(key, value)
        except RedisError as error:
            _logger.debug("%s cache: set: %s", self.name, error)

    async def expire(self) -> None:
        """Count the entries that Redis has expired, and update the numbers of entries and bytes."""
        due = await self._redis.zrangebyscore(self._expiries, "-inf", _now_ms())
        if due:
            # Another replica may remove some of them at the same time; it counts those.
            expired = await self._redis.zrem(self._expiries, *due)
            await self._redis.hdel(self._sizes, *due)
            self._count_evictions("ttl", expired)
        self._entries = int(await self._redis.zcard(self._expiries))
        self._bytes = sum(map(int, await self._redis.hvals(self._sizes)))

    def entries(self) -> int:
        """Return the number of entries at the last `expire`, about a second ago at most."""
        return self._entries

    def size_bytes(self) -> int:
        """Return the size of all values in bytes, at the last `expire`."""
        return self._bytes

    async def _read(self, key: str) -> bytes | None:
        value: bytes | None = await self._redis.get(self._key(key))
        return value

    async def _write(self, key: str, value: bytes) -> None:
        async with self._redis.pipeline() as pipe:
            pipe.set(self._key(key), value, px=self._ttl_ms)
            pipe.zadd(self._expiries, {key: _now_ms() + self._ttl_ms})
            pipe.hset(self._sizes, key, len(value))
            pipe.zcard(self._expiries)
            *_, entries = await pipe.execute()
        if entries > self.capacity:
            self._count_evictions("size", await self._pop(entries - self.capacity))

    async def _remove(self, key: str) -> bool:
        was_there = bool(await self._redis.zrem(self._expiries, key))
        await self._forget([key.encode()])
        return was_there

    async def _remove_all(self) -> int:
        return await self._pop(self.capacity * 2)

    async def _pop(self, most: int) -> int:
        """Delete the entries that would expire first; return the number of deleted entries."""
        popped = await self._redis.zpopmin(self._expiries, most)
        await self._forget([member for member, _ in popped])
        return len(popped)

    async def _forget(self, members: list[bytes]) -> None:
        if members:
            await self._redis.delete(*(self._key(member.decode()) for member in members))
            await self._redis.hdel(self._sizes, *members)

    def _key(self, key: str) -> str:
        return f"{_PREFIX}:{self.name}:value:{key}"


class RedisQueue(WorkQueue):
    """A queue in Redis, with a list for each priority.

    Args:
        redis: The client.
        capacities: The maximum number of waiting jobs of each priority, of all replicas together.
        counts: The service's own counts.
    """

    def __init__(self, redis: Redis, capacities: Mapping[str, int], counts: Counts) -> None:
        super().__init__(capacities, counts)
        self._redis: Any = redis  # redis-py types sync and async answers alike
        self._keys = [f"{_PREFIX}:{QUEUE_TYPE}:{priority}" for priority in PRIORITIES]

    async def get(self) -> tuple[Job, datetime]:
        """Return the most urgent job and the time it was added; wait while Redis does not answer."""
        while True:
            try:
                popped = await self._redis.blpop(self._keys, timeout=_BLOCK_SECONDS)
                if popped is None:
                    await self._update_sizes()
                    continue
            except RedisError as error:
                _logger.debug("work queue: %s", error)
                await asyncio.sleep(_BLOCK_SECONDS)
                continue
            priority = PRIORITIES[self._keys.index(popped[0].decode())]
            self._sizes[priority] = max(0, self._sizes[priority] - 1)
            try:
                packed = json.loads(popped[1])
                return Job(**packed["job"]), datetime.fromisoformat(packed["at"])
            except (ValueError, KeyError, TypeError) as error:  # for example of another version
                _logger.warning("work queue: dropped a job that cannot be read: %s", error)
                self._count(priority, "dropped")

    async def _add(self, job: Job, rank: int) -> None:
        packed = json.dumps({"job": asdict(job), "at": datetime.now(UTC).isoformat()})
        reason = self._full(job.priority)
        try:
            added = await self._redis.eval(_PUT, 1, self._keys[rank], self._capacities[job.priority], packed)
        except RedisError as error:
            added, reason = False, f"the work queue's Redis does not answer: {error}"
        with contextlib.suppress(RedisError):  # the job is stored, even if the size cannot be read
            await self._update_sizes()
        if not added:
            raise QueueFullError(reason)

    async def _update_sizes(self) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in self._keys:
                pipe.llen(key)
            self._sizes = dict(zip(PRIORITIES, await pipe.execute(), strict=True))


def _now_ms() -> int:
    return int(time.time() * 1000)
