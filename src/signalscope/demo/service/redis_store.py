"""The caches and the work queue in a real Redis, used when ``REDIS_URL`` is set.

Several replicas of the service may share them; entries and jobs survive a restart of the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from signalscope import count_eviction, count_queue_item, instrument_cache
from signalscope.contract import PRIORITIES
from signalscope.decorators import arg
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.workqueue import QUEUE_TYPE, Job, QueueFullError, check_priority

__all__ = ["RedisCache", "RedisQueue", "check", "connect"]

_logger = logging.getLogger("signalscope.demo")

_PREFIX = "signalscope:demo"
_BLOCK_SECONDS = 1

# Counts all four lists and adds to one of them as one step, so that the bound holds for all replicas.
_PUT = """
local total = 0
for _, key in ipairs(KEYS) do total = total + redis.call('LLEN', key) end
if total >= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[tonumber(ARGV[2])], ARGV[3])
return 1
"""


def connect(url: str) -> Redis:
    """A client for that URL; it connects when it is first used.

    Raises:
        ValueError: The URL is not one of Redis.
    """
    try:
        return Redis.from_url(url, socket_timeout=5.0, socket_connect_timeout=2.0)
    except ValueError as error:
        raise ValueError(f"REDIS_URL: {error}") from None


async def check(redis: Redis) -> None:
    """See that Redis answers.

    Raises:
        RuntimeError: It does not; the message names the setting.
    """
    client: Any = redis  # redis-py types sync and async answers alike
    try:
        await client.ping()
    except RedisError as error:
        raise RuntimeError(f"REDIS_URL: Redis does not answer: {error}") from None


class RedisCache:
    """A cache in Redis.

    Each value is a key of its own, which Redis expires. A sorted set of expiry times and a hash of sizes
    stand beside them, so that entries, bytes and the reasons of evictions are known without scanning.

    Args:
        redis: The client.
        name: Its ``cache_type`` in the metrics.
        capacity: Entries it can hold.
        ttl: Seconds an entry lives.
        counts: The service's own counts.
    """

    def __init__(self, redis: Redis, name: str, capacity: int, ttl: float, counts: Counts) -> None:
        self.name = name
        self.capacity = capacity
        self._redis: Any = redis  # redis-py types sync and async answers alike
        self._ttl_ms = int(ttl * 1000)
        self._counts = counts
        self._expiries = f"{_PREFIX}:{name}:expiries"
        self._sizes = f"{_PREFIX}:{name}:sizes"
        self._entries = 0
        self._bytes = 0

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none, its time is up, or Redis does not answer."""
        try:
            return await self._get(key)
        except RedisError as error:
            _logger.debug("%s cache: get: %s", self.name, error)
            return None

    async def set(self, key: str, value: bytes) -> None:
        """Keep a value; the one that would expire first makes room when the cache is full."""
        try:
            await self._set(key, value)
        except RedisError as error:
            _logger.debug("%s cache: set: %s", self.name, error)

    @instrument_cache(cache_type=arg("self.name"), operation="get")
    async def _get(self, key: str) -> bytes | None:
        value: bytes | None = await self._redis.get(self._key(key))
        self._counts.add("cache_operations", self.name, "get", "miss" if value is None else "hit")
        return value

    @instrument_cache(cache_type=arg("self.name"), operation="set")
    async def _set(self, key: str, value: bytes) -> None:
        async with self._redis.pipeline() as pipe:
            pipe.set(self._key(key), value, px=self._ttl_ms)
            pipe.zadd(self._expiries, {key: _now_ms() + self._ttl_ms})
            pipe.hset(self._sizes, key, len(value))
            pipe.zcard(self._expiries)
            *_, entries = await pipe.execute()
        self._counts.add("cache_operations", self.name, "set", "ok")
        if entries > self.capacity:
            popped = await self._redis.zpopmin(self._expiries, entries - self.capacity)
            await self._forget([member for member, _ in popped])
            self._evicted("size", len(popped))

    @instrument_cache(cache_type=arg("self.name"), operation="delete")
    async def delete(self, key: str) -> bool:
        """Drop a value; whether there was one."""
        self._counts.add("cache_operations", self.name, "delete", "ok")
        found = bool(await self._redis.zrem(self._expiries, key))
        await self._forget([key.encode()])
        self._evicted("explicit", int(found))
        return found

    async def clear(self) -> int:
        """Drop everything; how many entries that were."""
        popped = await self._redis.zpopmin(self._expiries, self.capacity * 2)
        await self._forget([member for member, _ in popped])
        self._evicted("explicit", len(popped))
        return len(popped)

    async def expire(self) -> None:
        """Book what Redis has expired, and take stock of entries and bytes."""
        due = await self._redis.zrangebyscore(self._expiries, "-inf", _now_ms())
        if due:
            # What another replica removed in between is counted there.
            gone = await self._redis.zrem(self._expiries, *due)
            await self._redis.hdel(self._sizes, *due)
            self._evicted("ttl", gone)
        self._entries = int(await self._redis.zcard(self._expiries))
        self._bytes = sum(int(size) for size in await self._redis.hvals(self._sizes))

    def entries(self) -> int:
        """Entries held when `expire` last looked, at most a second or so ago."""
        return self._entries

    def size_bytes(self) -> int:
        """Bytes of all values held when `expire` last looked."""
        return self._bytes

    def _key(self, key: str) -> str:
        return f"{_PREFIX}:{self.name}:value:{key}"

    async def _forget(self, members: list[bytes]) -> None:
        if members:
            await self._redis.delete(*(self._key(member.decode()) for member in members))
            await self._redis.hdel(self._sizes, *members)

    def _evicted(self, reason: str, n: int) -> None:
        if n:
            count_eviction(self.name, reason, n)
            self._counts.add("cache_evictions", self.name, reason, n=n)


class RedisQueue:
    """A queue in Redis: a list for each priority.

    Args:
        redis: The client.
        capacity: Jobs that may wait, all priorities and all replicas together.
        counts: The service's own counts.
    """

    def __init__(self, redis: Redis, capacity: int, counts: Counts) -> None:
        self.capacity = capacity
        self._redis: Any = redis  # redis-py types sync and async answers alike
        self._counts = counts
        self._keys = [f"{_PREFIX}:{QUEUE_TYPE}:{priority}" for priority in PRIORITIES]
        self._known = dict.fromkeys(PRIORITIES, 0)

    async def put(self, job: Job) -> None:
        """Add a job, or reject it when the queue is full.

        Raises:
            QueueFullError: There is no room.
            UnknownPriorityError: The job's priority does not exist.
        """
        rank = PRIORITIES.index(check_priority(job.priority))
        packed = json.dumps({"job": asdict(job), "at": datetime.now(UTC).isoformat()})
        reason = f"the work queue is full ({self.capacity} jobs)"
        try:
            added = await self._redis.eval(
                _PUT, len(self._keys), *self._keys, self.capacity, rank + 1, packed
            )
        except RedisError as error:
            added, reason = False, f"the work queue's Redis does not answer: {error}"
        with contextlib.suppress(RedisError):  # the job is in, whether its size can be seen or not
            await self._look()
        event = "enqueued" if added else "rejected"
        count_queue_item(QUEUE_TYPE, job.priority, event)
        self._counts.add("queue_items", job.priority, event)
        if not added:
            raise QueueFullError(reason)

    async def get(self) -> tuple[Job, datetime]:
        """The most urgent job, oldest first, and when it was added; waits while Redis does not answer."""
        while True:
            try:
                popped = await self._redis.blpop(self._keys, timeout=_BLOCK_SECONDS)
                if popped is None:
                    await self._look()
                    continue
            except RedisError as error:
                _logger.debug("work queue: %s", error)
                await asyncio.sleep(_BLOCK_SECONDS)
                continue
            priority = PRIORITIES[self._keys.index(popped[0].decode())]
            self._known[priority] = max(0, self._known[priority] - 1)
            try:
                packed = json.loads(popped[1])
                return Job(**packed["job"]), datetime.fromisoformat(packed["at"])
            except (ValueError, KeyError, TypeError) as error:  # of another version of the service, say
                _logger.warning("work queue: a job that cannot be read is dropped: %s", error)
                count_queue_item(QUEUE_TYPE, priority, "dropped")
                self._counts.add("queue_items", priority, "dropped")

    def sizes(self) -> dict[str, int]:
        """Waiting jobs by priority as of the last look, about a second ago at most."""
        return dict(self._known)

    async def _look(self) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in self._keys:
                pipe.llen(key)
            self._known = dict(zip(PRIORITIES, await pipe.execute(), strict=True))


def _now_ms() -> int:
    return int(time.time() * 1000)
