"""Watch users' thresholds on the market, and measure this with the instruments that extend the contract."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from signalscope import recording
from signalscope.demo.service.choices import check_choice
from signalscope.demo.service.clients import Client
from signalscope.demo.service.instruments import SEVERITIES, THRESHOLD_TYPES
from signalscope.demo.service.market import SYMBOLS, MarketSimulator

_COOLDOWN_SECONDS = 10.0
_CHANNEL = "alert_service"
_STEPS_PER_YEAR = 252 * 6.5 * 720  # the market has a price every 5 seconds


@dataclass(slots=True)
class Threshold:
    """A threshold of a user.

    Attributes:
        number: The number of the threshold.
        user: The user that set it.
        threshold_type: ``price_move``, the relative move since the last breach, or ``realised_volatility``, the
            annual volatility of the returns of the last ten minutes.
        symbol: The underlying.
        bound: The value at which the threshold is breached.
        severity: critical, warning or info.
    """

    number: int
    user: str
    threshold_type: str
    symbol: str
    bound: float
    severity: str
    _reference: float = 0.0
    _next_alert_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Alert:
    """A breach to report; ``since`` is the time of the check that found it (`time.time` seconds)."""

    threshold: int
    symbol: str
    severity: str
    value: float
    since: float


class Thresholds:
    """The active thresholds.

    Args:
        market: The source of the values.
        wall: The clock, in seconds since the epoch; another process may deliver the alerts.
    """

    def __init__(self, market: MarketSimulator, wall: Callable[[], float] = time.time) -> None:
        self._market = market
        self._wall = wall
        self._numbers = itertools.count(1)
        self._active: dict[int, Threshold] = {}
        self._checks = recording.get_instrument("signal_service.threshold.checks")
        self._breaches = recording.get_instrument("signal_service.threshold.breaches")
        self._duration = recording.get_instrument("signal_service.threshold.check.duration")
        self._sent = recording.get_instrument("signal_service.alerts.sent")
        self._delivery = recording.get_instrument("signal_service.alert.delivery.duration")
        for symbol, severity in zip(SYMBOLS, itertools.cycle(SEVERITIES), strict=False):
            self.add("operations", "price_move", symbol, 0.002, severity)
            self.add("operations", "realised_volatility", symbol, 1.5 * SYMBOLS[symbol][1], severity)

    def add(self, user: str, threshold_type: str, symbol: str, bound: float, severity: str) -> Threshold:
        """Add a threshold.

        Raises:
            UnknownChoiceError: The threshold type or the severity is unknown.
            UnknownSymbolError: The symbol is unknown.
        """
        check_choice("threshold type", threshold_type, THRESHOLD_TYPES)
        check_choice("severity", severity, SEVERITIES)
        threshold = Threshold(next(self._numbers), user, threshold_type, symbol, bound, severity)
        threshold._reference = self._market.spot(symbol)
        self._active[threshold.number] = threshold
        return threshold

    def remove(self, number: int, user: str) -> bool:
        """Remove a threshold of a user; return True if it existed."""
        threshold = self._active.get(number)
        if threshold is None or threshold.user != user:
            return False
        del self._active[number]
        return True

    def counted(self) -> Iterator[tuple[float, tuple[str, str]]]:
        """Yield the number of thresholds for each (type, severity)."""
        counts = Counter(
            (threshold.threshold_type, threshold.severity) for threshold in tuple(self._active.values())
        )
        for combination, number in counts.items():
            yield float(number), combination

    def check(self) -> list[Alert]:
        """Compare every threshold with the market.

        Returns:
            The alerts to send, at most one in 10 s for each threshold.
        """
        alerts = []
        for threshold in tuple(self._active.values()):
            started = time.perf_counter()
            value = self._value(threshold)
            breached = value >= threshold.bound
            self._duration.series(threshold.threshold_type).record(time.perf_counter() - started)
            self._checks.series(threshold.threshold_type).record(1)
            if not breached:
                continue
            self._breaches.series(threshold.threshold_type, threshold.severity).record(1)
            threshold._reference = self._market.spot(threshold.symbol)
            now = self._wall()
            if now >= threshold._next_alert_at:
                threshold._next_alert_at = now + _COOLDOWN_SECONDS
                alerts.append(Alert(threshold.number, threshold.symbol, threshold.severity, value, now))
        return alerts

    async def deliver(self, alert: Alert, service: Client) -> None:
        """Send an alert to the alert service.

        Raises:
            DependencyUnavailableError: The alert service did not accept it.
        """
        outcome = "error"
        try:
            await service.ask(
                "send_alert", "POST", "/alerts",
                {"threshold": alert.threshold, "symbol": alert.symbol, "severity": alert.severity},
            )  # fmt: skip
            outcome = "success"
            self._sent.series(_CHANNEL, alert.severity).record(1)
        finally:
            self._delivery.series(_CHANNEL, outcome).record(max(0.0, self._wall() - alert.since))

    def _value(self, threshold: Threshold) -> float:
        if threshold.threshold_type == "price_move":
            return abs(self._market.spot(threshold.symbol) / threshold._reference - 1.0)
        returns = np.diff(np.log(self._market.history(threshold.symbol, 121)))
        return float(np.std(returns) * _STEPS_PER_YEAR**0.5) if returns.size > 1 else 0.0
