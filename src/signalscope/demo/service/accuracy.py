"""Measure the accuracy of signals: compare each with the market some minutes later."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from signalscope import record_accuracy
from signalscope.demo.service.history import History
from signalscope.demo.service.market import MarketSimulator
from signalscope.demo.service.signals import Signal

#: Market time after which a signal is judged.
HORIZONS = {"5m": timedelta(minutes=5), "15m": timedelta(minutes=15)}


class AccuracyJudge:
    """Keep signals until their horizon has passed, then store if they were right.

    A buy is right if the price rose, a sell if it fell. A hold predicts nothing and is not judged. Neither is a
    signal whose horizon ends in the next session: the price gap of the night is not part of the prediction.

    Args:
        market: The prices to compare with.
        history: The store of signals and outcomes.
    """

    def __init__(self, market: MarketSimulator, history: History) -> None:
        self._market = market
        self._history = history
        #: Horizon -> (due time, number in the history, signal) of each signal.
        self._pending: dict[str, deque[tuple[datetime, int, Signal]]] = {
            horizon: deque(maxlen=5_000) for horizon in HORIZONS
        }

    async def add(self, signal: Signal) -> None:
        """Store a signal, and keep it to be judged later."""
        number = await self._history.add(
            signal.at, signal.symbol, signal.signal_type, signal.direction, signal.spot
        )
        if signal.direction == "hold":
            return
        for horizon, length in HORIZONS.items():
            self._pending[horizon].append((datetime.fromisoformat(signal.at) + length, number, signal))

    async def judge(self) -> int:
        """Judge the due signals, and report the accuracy of the last 200 of each kind.

        Returns:
            The number of judged signals.
        """
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
