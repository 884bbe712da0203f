"""The faults of the service itself."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from signalscope.contract import PRIORITIES
from signalscope.demo.faults import FAULTS, find
from signalscope.demo.service.caches import Cache
from signalscope.demo.service.calculations import Calculator
from signalscope.demo.service.subscriptions import Subscriptions
from signalscope.demo.service.workqueue import Job, QueueFullError, WorkQueue, cancel_all

#: The kind of the jobs of the fault queue-flood.
FLOOD_JOB = "flood"


class Switches:
    """Switch faults of the service on and off.

    Attributes:
        api_delay: Seconds that every API request waits before it is handled.
    """

    def __init__(
        self, calculator: Calculator, caches: list[Cache], queue: WorkQueue, subscriptions: Subscriptions
    ) -> None:
        self.api_delay = 0.0
        self._caches = caches
        self._queue = queue
        self._on: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._burning = threading.Event()
        self._actions: dict[str, Callable[[bool], None]] = {
            "greeks-nan": lambda on: setattr(calculator, "results_nan", on),
            "greeks-failing": lambda on: setattr(calculator, "failing", on),
            "greeks-slow-vectorized": lambda on: setattr(calculator, "slow", on),
            "api-latency": lambda on: setattr(self, "api_delay", 6.0 if on else 0.0),
            "cache-flush": lambda on: self._background("cache-flush", on, self._flush_caches),
            "queue-flood": lambda on: self._background("queue-flood", on, self._flood_queue),
            "cpu-burn": self._burn,
            "loop-blocked": lambda on: self._background("loop-blocked", on, _block_loop),
            "subscription-surge": lambda on: subscriptions.surge(12_000) if on else subscriptions.end_surge(),
        }

    def state(self) -> dict[str, bool]:
        """Return every fault of the service, and if it is on."""
        return {name: name in self._on for name, fault in FAULTS.items() if fault.where == "service"}

    def switch(self, name: str, on: bool) -> None:
        """Switch a fault on or off; do nothing if it already has that state.

        Raises:
            UnknownFaultError: The service has no fault with this name.
        """
        find(name, "service")
        if on == (name in self._on):
            return
        (self._on.add if on else self._on.discard)(name)
        self._actions[name](on)

    async def close(self) -> None:
        """Switch all faults off."""
        for name in tuple(self._on):
            self.switch(name, on=False)
        await cancel_all(self._tasks.values())

    def _background(self, name: str, on: bool, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if on:
            self._tasks[name] = asyncio.create_task(work(), name=f"fault-{name}")
        else:
            self._tasks.pop(name).cancel()

    async def _flush_caches(self) -> None:
        while True:
            for cache in self._caches:
                with contextlib.suppress(Exception):  # Redis may be down for a while; the fault stays on
                    await cache.clear()
            await asyncio.sleep(0.2)

    async def _flood_queue(self) -> None:
        while True:
            for priority in PRIORITIES:
                with contextlib.suppress(QueueFullError):
                    while True:
                        await self._queue.put(Job(FLOOD_JOB, priority))
            await asyncio.sleep(0.2)

    def _burn(self, on: bool) -> None:
        if on:
            self._burning.set()
            threading.Thread(target=self._burn_one_core, name="fault-cpu-burn", daemon=True).start()
        else:
            self._burning.clear()

    def _burn_one_core(self) -> None:
        while self._burning.is_set():
            # This releases the interpreter lock while it computes, so that the service still answers.
            hashlib.pbkdf2_hmac("sha256", b"burn", b"core", 100_000)


async def _block_loop() -> None:
    while True:
        time.sleep(2.5)  # noqa: ASYNC251  # the fault
        await asyncio.sleep(0.5)
