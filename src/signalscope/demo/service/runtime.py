"""The parts of the reference service, configured by environment variables."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from signalscope import observe_cache, observe_memory, observe_queue, observe_subscriptions, recording
from signalscope.contract import PRIORITIES
from signalscope.demo.service import checks, redis_store
from signalscope.demo.service.accuracy import AccuracyJudge
from signalscope.demo.service.background import Background
from signalscope.demo.service.caches import Cache, MemoryCache
from signalscope.demo.service.calculations import Calculator
from signalscope.demo.service.chains import Chains
from signalscope.demo.service.clients import Clients
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.history import History
from signalscope.demo.service.market import MarketSimulator
from signalscope.demo.service.session import SessionClock
from signalscope.demo.service.signals import SignalGenerator
from signalscope.demo.service.subscriptions import Subscriptions
from signalscope.demo.service.switches import FLOOD_JOB, Switches
from signalscope.demo.service.thresholds import Alert, Thresholds
from signalscope.demo.service.tiers import RateLimiter
from signalscope.demo.service.workqueue import QUEUE_TYPE, Job, MemoryQueue, Workers, WorkQueue

_THREADS = 48  # many: with the fault greeks-slow-vectorized calculations sleep, and must not delay each other


class Runtime:
    """The parts that the routes use; an async context manager.

    Environment variables:

    - ``SIGNALSCOPE_DEMO_DEPENDENCIES``: the base URL of each external service, as a JSON object.
    - ``SIGNALSCOPE_DEMO_SEED``: the seed of the market, an integer.
    - ``REDIS_URL``: the Redis for caches and queue; without it they are in memory.
    - ``SIGNALSCOPE_DEMO_STATS_FILE``: a file for the service's own counts, written as JSON when it stops.

    Raises:
        ValueError: A variable is missing or not valid; the message names it.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.clock = SessionClock()
        self.market = MarketSimulator(_seed(), self.clock.now)
        self.calculator = Calculator(self.counts)
        self.clients = Clients(_dependency_urls())
        self.history = History()
        self.subscriptions = Subscriptions()
        self.thresholds = Thresholds(self.market)
        self.limiter = RateLimiter()
        self.judge = AccuracyJudge(self.market, self.history)
        self._observed: list[Callable[[], None]] = []
        self._redis: Any = None
        make_cache: Callable[..., Cache] = MemoryCache
        make_queue: Callable[..., WorkQueue] = MemoryQueue
        if url := os.environ.get("REDIS_URL"):
            self._redis = redis_store.connect(url)
            make_cache = partial(redis_store.RedisCache, self._redis)
            make_queue = partial(redis_store.RedisQueue, self._redis)
        greeks_cache = make_cache("greeks", 256, 15.0, self.counts)
        indicators_cache = make_cache("indicators", 128, 12.0, self.counts)
        self.caches = [greeks_cache, indicators_cache]
        self.queue = make_queue(dict.fromkeys(PRIORITIES, 100), self.counts)
        self.chains = Chains(self.market, self.calculator, greeks_cache)
        self.signals = SignalGenerator(
            self.market, self.calculator, indicators_cache, self.clients["ticker_service"], self.counts
        )
        self.switches = Switches(self.calculator, self.caches, self.queue, self.subscriptions)
        self.background = Background(self)
        handlers = {
            "deliver_signal": self._deliver_signal,
            "deliver_alert": self._deliver_alert,
            "refresh_chain": self._refresh_chain,
            FLOOD_JOB: _flood,
        }
        self.workers = Workers(self.queue, handlers, self.counts)

    async def __aenter__(self) -> Runtime:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "calculation"))
        if self._redis is not None:
            await redis_store.check(self._redis)
        for cache in self.caches:
            await cache.expire()  # counts the entries that another process may have left
        self._observe()
        self.workers.start()
        self.background.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for unregister in self._observed:
            unregister()
        await self.switches.close()
        await self.background.stop()
        await self.workers.stop()
        await self.clients.close()
        self.history.close()
        if path := os.environ.get("SIGNALSCOPE_DEMO_STATS_FILE"):
            await asyncio.to_thread(Path(path).write_text, json.dumps(self.counts.snapshot()), "utf-8")
        if self._redis is not None:
            await self._redis.aclose()

    def _observe(self) -> None:
        self._observed = [
            checks.register(self.clients.values(), self.history, self._redis, self.queue),
            observe_queue(QUEUE_TYPE, sizes=self.queue.sizes, capacity=self.queue.capacity),
            observe_subscriptions(self.subscriptions.counted),
            recording.observe("signal_service.thresholds.active", self.thresholds.counted),
        ]
        for cache in self.caches:
            self._observed += [
                observe_cache(
                    cache.name, entries=cache.entries, capacity=cache.capacity, size_bytes=cache.size_bytes
                ),
                observe_memory(f"{cache.name}_cache", cache.size_bytes),
            ]

    async def _deliver_signal(self, job: Job) -> None:
        await self.clients["comms_service"].ask("send_message", "POST", "/messages", job.payload)

    async def _deliver_alert(self, job: Job) -> None:
        await self.thresholds.deliver(Alert(*job.payload["alert"]), self.clients["alert_service"])

    async def _refresh_chain(self, job: Job) -> None:
        await self.chains.refresh(job.payload["symbol"])


async def _flood(_: Job) -> None:
    await asyncio.sleep(0.1)


def _seed() -> int:
    text = os.environ.get("SIGNALSCOPE_DEMO_SEED", "7")
    try:
        return abs(int(text))
    except ValueError:
        raise ValueError(f"SIGNALSCOPE_DEMO_SEED must be a whole number, not {text!r}") from None


def _dependency_urls() -> dict[str, str]:
    text = os.environ.get("SIGNALSCOPE_DEMO_DEPENDENCIES", "{}")
    try:
        urls = json.loads(text)
        return {str(name): str(url) for name, url in urls.items()}
    except (ValueError, AttributeError):
        raise ValueError(
            f"SIGNALSCOPE_DEMO_DEPENDENCIES must be a JSON object of URLs, not {text!r}"
        ) from None
