"""Signals, their history and their accuracy; thresholds and subscriptions."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from signalscope.demo.service import accuracy
from signalscope.demo.service.accuracy import AccuracyJudge
from signalscope.demo.service.choices import UnknownChoiceError
from signalscope.demo.service.history import History
from signalscope.demo.service.market import MarketSimulator
from signalscope.demo.service.signals import Signal
from signalscope.demo.service.subscriptions import Subscriptions
from signalscope.demo.service.thresholds import Thresholds

OPEN = datetime(2026, 1, 5, 10, 0)


class Clock:
    """A market clock that the test sets."""

    def __init__(self) -> None:
        self.now = OPEN

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock in the first morning."""
    return Clock()


@pytest.fixture
def market(clock: Clock) -> MarketSimulator:
    """A market with that clock."""
    return MarketSimulator(7, clock)


@pytest.fixture
async def history() -> AsyncIterator[History]:
    """An empty history that keeps ten signals."""
    history = History(kept=10)
    yield history
    history.close()


def signal(market: MarketSimulator, direction: str, symbol: str = "ALFA") -> Signal:
    """Return a momentum signal of now."""
    now = market.now()
    return Signal(
        "momentum", symbol, direction, 1.0, market.spot(symbol, now), now.isoformat(), "ticker_service"
    )


async def test_accuracy_is_what_the_market_did(
    market: MarketSimulator, history: History, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buys are right if the price rose, sells if it fell; the ratio is of the judged signals."""
    reported: dict[tuple[str, str], float] = {}
    monkeypatch.setattr(
        accuracy, "record_accuracy", lambda kind, span, ratio: reported.update({(kind, span): ratio})
    )
    judge = AccuracyJudge(market, history)
    later = OPEN + timedelta(minutes=5)
    rose = market.spot("ALFA", later) > market.spot("ALFA", OPEN)
    right, wrong = ("buy", "sell") if rose else ("sell", "buy")
    for direction in (right, right, right, wrong, "hold"):
        await judge.add(signal(market, direction))
    assert await judge.judge() == 0
    assert reported == {}
    clock.now = later
    assert await judge.judge() == 4
    assert reported == {("momentum", "5m"): 0.75}
    clock.now = OPEN + timedelta(minutes=15)
    assert await judge.judge() == 4
    assert set(reported) == {("momentum", "5m"), ("momentum", "15m")}


async def test_horizon_past_the_close_is_not_judged(
    market: MarketSimulator, history: History, clock: Clock
) -> None:
    """A signal is not judged by the price gap of a night."""
    clock.now = datetime(2026, 1, 5, 15, 58)
    judge = AccuracyJudge(market, history)
    await judge.add(signal(market, "buy"))
    clock.now = datetime(2026, 1, 6, 12, 0)
    assert await judge.judge() == 0


async def test_history_is_bounded_and_newest_first(market: MarketSimulator, history: History) -> None:
    """Old signals are deleted with their outcomes; the others come newest first."""
    numbers = [await history.add(OPEN.isoformat(), "ALFA", "momentum", "buy", float(n)) for n in range(15)]
    await history.judge(numbers[0], "5m", correct=True)
    await history.judge(numbers[-1], "5m", correct=False)
    assert await history.prune() == 5
    recent = await history.recent("momentum", 3)
    assert [row["spot"] for row in recent] == [14.0, 13.0, 12.0]
    assert await history.accuracy("momentum", "5m") == (0, 1)


async def test_nothing_judged_is_nothing(history: History) -> None:
    """Without a judged signal no accuracy is recorded."""
    assert await history.accuracy("momentum", "5m") == (0, 0)


def test_threshold_breach_alerts_once_in_ten_seconds(market: MarketSimulator, clock: Clock) -> None:
    """A move to the limit is a breach with an alert; the alert is not repeated at once."""
    wall = 0.0
    thresholds = Thresholds(market, wall=lambda: wall)
    mine = thresholds.add("ann", "price_move", "ECHO", 1e-9, "critical")
    clock.now += timedelta(minutes=1)
    assert [alert.severity for alert in thresholds.check() if alert.threshold == mine.number] == ["critical"]
    clock.now += timedelta(minutes=1)
    assert not [alert for alert in thresholds.check() if alert.threshold == mine.number]
    wall = 11.0
    clock.now += timedelta(minutes=1)
    assert [alert.since for alert in thresholds.check() if alert.threshold == mine.number] == [11.0]


def test_threshold_within_its_bound_does_not_alert(market: MarketSimulator, clock: Clock) -> None:
    """A limit that the market does not reach gives no alert."""
    thresholds = Thresholds(market)
    mine = thresholds.add("ann", "price_move", "ECHO", 5.0, "info")
    clock.now += timedelta(minutes=30)
    assert not [alert for alert in thresholds.check() if alert.threshold == mine.number]


def test_thresholds_are_counted_and_owned(market: MarketSimulator) -> None:
    """Active thresholds are counted by type and severity; only their owner removes them."""
    thresholds = Thresholds(market)
    before = sum(number for number, _ in thresholds.counted())
    mine = thresholds.add("ann", "price_move", "ECHO", 0.1, "info")
    assert sum(number for number, _ in thresholds.counted()) == before + 1
    assert not thresholds.remove(mine.number, "bob")
    assert thresholds.remove(mine.number, "ann")
    assert sum(number for number, _ in thresholds.counted()) == before


def test_unknown_severity_is_named(market: MarketSimulator) -> None:
    """The error lists the allowed severities."""
    with pytest.raises(UnknownChoiceError, match="unknown severity 'mild'; allowed: critical, warning, info"):
        Thresholds(market).add("ann", "price_move", "ECHO", 0.1, "mild")


def test_subscription_counts_follow_adding_and_removing() -> None:
    """The count of each combination is that of the active subscriptions."""
    subscriptions = Subscriptions(initial=0)
    subscription = subscriptions.add("ann", "free", "momentum", "email")
    subscriptions.add("bob", "free", "momentum", "email")
    assert list(subscriptions.counted()) == [(2.0, ("free", "momentum", "email"))]
    assert subscriptions.remove(subscription.number, "ann")
    assert list(subscriptions.counted()) == [(1.0, ("free", "momentum", "email"))]
    assert not subscriptions.remove(subscription.number)
