"""Signals judged later against what the market did: the accuracy is measured, not claimed."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from signalscope import record_accuracy
from signalscope.demo.service.history import History
from signalscope.demo.service.market import MarketSimulator
from signalscope.demo.service.signals import Signal

#: How much market time passes before a signal is judged.
HORIZONS = {"5m": timedelta(minutes=5), "15m": timedelta(minutes=15)}


class AccuracyJudge:
    """Remembers signals until their horizon has passed, then stores whether they were right.

    A buy is right when the price rose, a sell when it fell; a hold claims nothing and is not judged. A signal
    whose horizon reaches into the next session is not judged either: the night's gap is not its doing.
    """

    def __init__(self, market: MarketSimulator, history: History) -> None:
        self._market = market
        self._history = history
        #: By horizon: when each signal is due, its number in the history, and the signal.
        self._pending: dict[str, deque[tuple[datetime, int, Signal]]] = {
            horizon: deque(maxlen=5_000) for horizon in HORIZONS
        }

    async def add(self, signal: Signal) -> None:
        """Store a signal, and remember it for judgement."""
        number = await self._history.add(
            signal.at, signal.symbol, signal.signal_type, signal.direction, signal.spot
        )
        if signal.direction == "hold":
            return
        for horizon, length in HORIZONS.items():
            self._pending[horizon].append((datetime.fromisoformat(signal.at) + length, number, signal))

    async def judge(self) -> int:
        """Judge what is due and report the accuracy of the last 200 of each kind; how many were judged."""
        now = self._market.now()
        judged: set[tuple[str, str]] = set()
        number = 0
        for horizon, waiting in self._pending.items():
            while waiting and waiting[0][0] <= now:
                due, signal_id, signal = waiting.popleft()
                if due.date() != datetime.fromisoformat(signal.at).date() or due.hour >= 16:
                    continue
                moved = self._market.spot(signal.symbol, due) - signal.spot
                right = moved > 0 if signal.direction == "buy" else moved < 0
                await self._history.judge(signal_id, horizon, right)
                judged.add((signal.signal_type, horizon))
                number += 1
        for signal_type, horizon in judged:
            right_signals, judged_signals = await self._history.accuracy(signal_type, horizon)
            if judged_signals:
                record_accuracy(signal_type, horizon, right_signals / judged_signals)
        return number
