"""The background tasks of the service; each run is measured as one task."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import astuple
from typing import TYPE_CHECKING

from signalscope import health, instrument_task
from signalscope.demo.service.clients import DependencyUnavailableError
from signalscope.demo.service.market import SYMBOLS
from signalscope.demo.service.signals import SIGNAL_TYPES
from signalscope.demo.service.workqueue import Job, QueueFullError, cancel_all

if TYPE_CHECKING:
    from signalscope.demo.service.runtime import Runtime

_logger = logging.getLogger("signalscope.demo")

_ALERT_PRIORITY = {"critical": "critical", "warning": "high", "info": "medium"}


class Background:
    """Run the periodic work; a run that fails is measured and logged, and the next run follows.

    Args:
        service: The parts of the service that the work uses.
    """

    def __init__(self, service: Runtime) -> None:
        self._service = service
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start every task."""
        seconds = {
            self.health_probe: 2.0,
            self.refresh_market: 4.0,
            self.watch_thresholds: 1.0,
            self.evaluate_accuracy: 1.0,
            self.reload_config: 2.0,
            self.collect_receipts: 2.0,
            self.housekeeping: 1.0,
        }
        self._tasks = [asyncio.create_task(_repeat(*task), name=task[0].__name__) for task in seconds.items()]

    async def stop(self) -> None:
        """Stop every task."""
        await cancel_all(self._tasks)

    @instrument_task(priority="critical")
    async def health_probe(self) -> None:
        """Run the health checks that are due."""
        await health.run()

    @instrument_task(priority="medium")
    async def refresh_market(self) -> None:
        """Refresh the most popular cache entries before they expire."""
        for symbol in SYMBOLS:
            await self._service.chains.refresh(symbol)
            for signal_type in SIGNAL_TYPES:
                await self._service.signals.refresh(signal_type, symbol)

    @instrument_task(priority="high")
    async def watch_thresholds(self) -> None:
        """Check the thresholds and queue an alert for each breach."""
        for alert in self._service.thresholds.check():
            job = Job("deliver_alert", _ALERT_PRIORITY[alert.severity], {"alert": astuple(alert)})
            with contextlib.suppress(QueueFullError):  # counted as rejected; a later breach retries
                await self._service.queue.put(job)

    @instrument_task(priority="low")
    async def evaluate_accuracy(self) -> None:
        """Judge the signals whose horizon has passed."""
        await self._service.judge.judge()

    @instrument_task(priority="medium")
    async def reload_config(self) -> None:
        """Read the settings of the config service; keep the last ones while it does not answer."""
        try:
            settings = await self._service.clients["config_service"].ask("get_config", "GET", "/config")
        except DependencyUnavailableError as error:
            _logger.debug("configuration not reloaded: %s", error)
            return
        self._service.signals.hold_below = float(settings["hold_below"])

    @instrument_task(priority="low")
    async def collect_receipts(self) -> None:
        """Read the delivery receipts of alerts and messages."""
        for name in ("alert_service", "comms_service"):
            try:
                await self._service.clients[name].ask("get_receipts", "GET", "/receipts")
            except DependencyUnavailableError as error:
                _logger.debug("no receipts: %s", error)

    @instrument_task(priority="low")
    async def housekeeping(self) -> None:
        """Delete expired cache entries and old history."""
        for cache in self._service.caches:
            await cache.expire()
        await self._service.history.prune()


async def _repeat(work: Callable[[], Awaitable[object]], seconds: float) -> None:
    failing = False
    while True:
        try:
            await work()
            failing = False
        except Exception as error:  # the decorator measures it, and the next run follows
            if not failing:
                _logger.warning("%s: %s: %s", work.__name__, type(error).__name__, error)
            failing = True
        await asyncio.sleep(seconds)
