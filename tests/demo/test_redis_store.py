"""The caches and the queue in a real Redis behave like those in memory."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError  # noqa: A004  # the library's name for it
from tests.waiting import eventually_async

from signalscope.contract import PRIORITIES
from signalscope.demo.service import redis_store
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.workqueue import Job, QueueFullError

pytestmark = pytest.mark.needs("redis")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis for these tests, on a socket file."""
    program = shutil.which("redis-server")
    assert program is not None
    path = Path(tmp_path_factory.mktemp("redis")) / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        yield f"unix://{path}"
        server.terminate()


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    client: Any = redis_store.connect(url)
    await _answering(client)
    await client.flushall()
    yield client
    await client.aclose()


def cache(redis: Redis, counts: Counts, ttl: float = 10.0) -> redis_store.RedisCache:
    """A cache of two entries."""
    return redis_store.RedisCache(redis, "greeks", 2, ttl, counts)


async def test_hit_miss_entries_and_bytes(redis: Redis) -> None:
    """A stored value is returned; `expire` updates entries and bytes."""
    store = cache(redis, Counts())
    assert await store.get("a") is None
    await store.set("a", b"12345")
    assert await store.get("a") == b"12345"
    await store.expire()
    assert (store.entries(), store.size_bytes()) == (1, 5)


async def test_evictions_have_their_reasons(redis: Redis) -> None:
    """Evictions have the reason size, ttl or explicit."""
    counts = Counts()
    store = cache(redis, counts, ttl=0.2)
    for key in "abc":
        await store.set(key, b"1")
    assert counts.snapshot()["cache_evictions"]["by"] == {"greeks,size": 1}

    async def is_gone() -> bool:
        return await store.get("c") is None

    await eventually_async(is_gone, "the end of an entry's time")
    await store.expire()
    assert (store.entries(), store.size_bytes()) == (0, 0)
    await store.set("d", b"1")
    await store.set("e", b"1")
    assert await store.delete("d") is True
    assert await store.delete("d") is False
    assert await store.clear() == 1
    assert counts.snapshot()["cache_evictions"]["by"] == {
        "greeks,size": 1, "greeks,ttl": 2, "greeks,explicit": 2,
    }  # fmt: skip


async def test_queue_gives_the_most_urgent_first(redis: Redis) -> None:
    """Jobs come out by priority and age, with their payload and the time they were added."""
    queue = redis_store.RedisQueue(redis, dict.fromkeys(PRIORITIES, 10), Counts())
    for number, priority in enumerate(("low", "critical", "medium", "critical")):
        await queue.put(Job("work", priority, {"number": number}))
    assert queue.sizes() == {"critical": 2, "high": 0, "medium": 1, "low": 1}
    jobs = [await queue.get() for _ in range(4)]
    assert [job.payload["number"] for job, _ in jobs] == [1, 3, 2, 0]
    assert all(added.tzinfo is not None for _, added in jobs)
    assert queue.sizes() == dict.fromkeys(PRIORITIES, 0)


async def test_queue_is_bounded_for_each_priority(redis: Redis) -> None:
    """A queue full of low jobs rejects another low job, and still takes a critical one."""
    counts = Counts()
    queue = redis_store.RedisQueue(redis, dict.fromkeys(PRIORITIES, 2), counts)
    await queue.put(Job("work", "low"))
    await queue.put(Job("work", "low"))
    with pytest.raises(QueueFullError, match=r"full \(2 low jobs\)"):
        await queue.put(Job("work", "low"))
    await queue.put(Job("work", "critical"))
    by = counts.snapshot()["queue_items"]["by"]
    assert by == {"low,enqueued": 2, "low,rejected": 1, "critical,enqueued": 1}


async def test_a_job_that_cannot_be_read_is_dropped_and_counted(redis: Redis) -> None:
    """The worker drops it and continues with the next job."""
    counts = Counts()
    queue = redis_store.RedisQueue(redis, dict.fromkeys(PRIORITIES, 10), counts)
    client: Any = redis
    key = queue._keys[PRIORITIES.index("high")]
    await client.rpush(
        key, b"{", b'{"job": {"kind": "x", "colour": "red"}, "at": "2026-01-05T10:00:00+00:00"}'
    )
    await queue.put(Job("work", "low"))
    async with asyncio.timeout(5):
        job, _ = await queue.get()
    assert job == Job("work", "low")
    assert counts.snapshot()["queue_items"]["by"] == {"high,dropped": 2, "low,enqueued": 1}


class _Blind(redis_store.RedisQueue):
    """A queue whose Redis goes down just after a job was added."""

    async def _update_sizes(self) -> None:
        raise ConnectionError("gone")


async def test_a_job_that_is_in_was_enqueued(redis: Redis) -> None:
    """A stored job counts as enqueued, even if Redis then does not give its sizes."""
    counts = Counts()
    queue = _Blind(redis, dict.fromkeys(PRIORITIES, 10), counts)
    await queue.put(Job("work", "low"))
    assert counts.snapshot()["queue_items"]["by"] == {"low,enqueued": 1}
    assert (await queue.get())[0] == Job("work", "low")


async def test_it_goes_on_when_redis_comes_back(tmp_path: Path) -> None:
    """A waiting worker and the cache continue without a restart of the service."""

    def start() -> subprocess.Popen[bytes]:
        command = ["redis-server", "--port", "0", "--unixsocket", str(tmp_path / "s"), "--save", ""]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    server = start()
    client: Any = redis_store.connect(f"unix://{tmp_path / 's'}")
    counts = Counts()
    queue, store = (
        redis_store.RedisQueue(client, dict.fromkeys(PRIORITIES, 10), counts),
        cache(client, counts),
    )
    try:
        async with asyncio.timeout(20):
            await _answering(client)
            waiting = asyncio.create_task(queue.get())
            await eventually_async(lambda: _waits(client), "a worker that waits")
            server.kill()
            server.wait()
            assert await store.get("a") is None
            with pytest.raises(QueueFullError, match="Redis does not answer"):
                await queue.put(Job("work", "high"))
            server = start()
            await _answering(client)
            await queue.put(Job("work", "low"))
            assert (await waiting)[0] == Job("work", "low")
            await store.set("a", b"1")
            assert await store.get("a") == b"1"
    finally:
        server.kill()
        server.wait()
        await client.aclose()
    assert counts.snapshot()["queue_items"]["by"] == {"high,rejected": 1, "low,enqueued": 1}


async def _waits(client: Any) -> bool:
    """Return True if a client waits for a job."""
    return int((await client.info("clients"))["blocked_clients"]) > 0


async def _answering(client: Redis) -> None:
    """Wait until Redis answers."""

    async def answers() -> bool:
        with contextlib.suppress(RuntimeError):
            await redis_store.check(client)
            return True
        return False

    await eventually_async(answers, "Redis")


async def test_redis_away_is_a_miss_and_a_rejection() -> None:
    """While Redis is down, the cache misses, and the queue rejects jobs with the reason."""
    client: Any = redis_store.connect("redis://127.0.0.1:9")
    store = cache(client, Counts())
    await store.set("a", b"1")
    assert await store.get("a") is None
    with pytest.raises(QueueFullError, match="Redis does not answer"):
        await redis_store.RedisQueue(client, dict.fromkeys(PRIORITIES, 2), Counts()).put(Job("work", "low"))
    with pytest.raises(RuntimeError, match="REDIS_URL: Redis does not answer"):
        await redis_store.check(client)
    await client.aclose()


def test_wrong_url_names_the_setting() -> None:
    """A wrong URL gets an error that names the setting."""
    with pytest.raises(ValueError, match="REDIS_URL: "):
        redis_store.connect("http://nowhere")
