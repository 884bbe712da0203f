"""The service's background tasks: each round of each is measured as one task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass, field

from signalscope import health, instrument_task
from signalscope.demo.service.accuracy import AccuracyJudge
from signalscope.demo.service.caches import Cache
from signalscope.demo.service.chains import Chains
from signalscope.demo.service.clients import Clients, DependencyUnavailableError
from signalscope.demo.service.history import History
from signalscope.demo.service.market import SYMBOLS
from signalscope.demo.service.signals import SIGNAL_TYPES, SignalGenerator
from signalscope.demo.service.tasks import cancel_all
from signalscope.demo.service.thresholds import Thresholds
from signalscope.demo.service.workqueue import Job, QueueFullError, WorkQueue

_logger = logging.getLogger("signalscope.demo")

_ALERT_PRIORITY = {"critical": "critical", "warning": "high", "info": "medium"}


@dataclass(kw_only=True, eq=False)
class Background:
    """Runs the periodic work; a round that fails is measured as such, logged, and the next one follows.

    Attributes:
        chains: Refreshed before they expire.
        signals: Its indicators are refreshed, and its settings follow the config service.
        judge: Judges signals whose time has come.
        thresholds: Checked, and their alerts queued.
        clients: Asked for settings and receipts.
        caches: Rid of expired entries.
        history: Pruned.
        queue: Where alerts go.
    """

    chains: Chains
    signals: SignalGenerator
    judge: AccuracyJudge
    thresholds: Thresholds
    clients: Clients
    caches: list[Cache]
    history: History
    queue: WorkQueue
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, init=False)

    def start(self) -> None:
        """Start all of them."""
        rounds: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (self.health_probe, 2.0),
            (self.refresh_market, 4.0),
            (self.watch_thresholds, 1.0),
            (self.evaluate_accuracy, 1.0),
            (self.reload_config, 2.0),
            (self.collect_receipts, 2.0),
            (self.housekeeping, 1.0),
        ]
        self._tasks = [
            asyncio.create_task(_repeat(work, seconds), name=getattr(work, "__name__", "task"))
            for work, seconds in rounds
        ]

    async def stop(self) -> None:
        """Stop all of them."""
        await cancel_all(self._tasks)

    @instrument_task(priority="critical")
    async def health_probe(self) -> None:
        """Run the health checks that are due."""
        await health.run()

    @instrument_task(priority="medium")
    async def refresh_market(self) -> None:
        """Bring what users ask for most into the caches before it expires there."""
        for symbol in SYMBOLS:
            await self.chains.refresh(symbol)
            for signal_type in SIGNAL_TYPES:
                await self.signals.refresh(signal_type, symbol)

    @instrument_task(priority="high")
    async def watch_thresholds(self) -> None:
        """Check the thresholds and queue an alert for each breach."""
        for alert in self.thresholds.check():
            try:
                await self.queue.put(
                    Job("deliver_alert", _ALERT_PRIORITY[alert.severity], {"alert": astuple(alert)})
                )
            except QueueFullError:
                continue  # counted as rejected; the next breach tries again

    @instrument_task(priority="low")
    async def evaluate_accuracy(self) -> None:
        """Judge the signals whose horizon has passed."""
        await self.judge.judge()

    @instrument_task(priority="medium")
    async def reload_config(self) -> None:
        """Follow the config service; the last settings stay while it does not answer."""
        try:
            settings = await self.clients["config_service"].ask("get_config", "GET", "/config")
        except DependencyUnavailableError as error:
            _logger.debug("configuration not reloaded: %s", error)
            return
        self.signals.hold_below = float(settings["hold_below"])

    @instrument_task(priority="low")
    async def collect_receipts(self) -> None:
        """Ask what has been delivered of what was handed over."""
        for name in ("alert_service", "comms_service"):
            try:
                await self.clients[name].ask("get_receipts", "GET", "/receipts")
            except DependencyUnavailableError as error:
                _logger.debug("no receipts: %s", error)

    @instrument_task(priority="low")
    async def housekeeping(self) -> None:
        """Drop expired cache entries and old history."""
        for cache in self.caches:
            await cache.expire()
        await self.history.prune()


async def _repeat(work: Callable[[], Awaitable[object]], seconds: float) -> None:
    failing = False
    while True:
        try:
            await work()
        except Exception as error:  # measured by the decorator; the next round is due anyway
            if not failing:
                _logger.warning("%s: %s: %s", getattr(work, "__name__", work), type(error).__name__, error)
            failing = True
        else:
            failing = False
        await asyncio.sleep(seconds)
