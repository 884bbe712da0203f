"""The simulated market: deterministic, with the shape of a trading day and realistic quotes."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from signalscope.demo.service import engine
from signalscope.demo.service.market import SYMBOLS, MarketSimulator, UnknownSymbolError
from signalscope.demo.service.session import SessionClock, activity, session_progress

MONDAY = datetime(2026, 1, 5, 11, 0)


def test_same_seed_same_prices_whatever_was_asked_before() -> None:
    """Prices depend only on the seed and the time."""
    asked_before, fresh = MarketSimulator(3), MarketSimulator(3)
    for day in (20, 6, 12):
        asked_before.spot("ECHO", datetime(2026, 1, day, 15, 0))
    at = datetime(2026, 1, 9, 10, 17, 3)
    assert asked_before.spot("ALFA", at) == fresh.spot("ALFA", at)
    np.testing.assert_array_equal(asked_before.chain("BRAV", at).quote, fresh.chain("BRAV", at).quote)


def test_other_seed_other_prices() -> None:
    """Another seed gives other prices."""
    assert MarketSimulator(1).spot("ALFA", MONDAY) != MarketSimulator(2).spot("ALFA", MONDAY)


def test_days_follow_on_from_each_other() -> None:
    """A day opens near the previous close, also after a weekend."""
    market = MarketSimulator(5)
    for before, after in ((datetime(2026, 1, 6, 15, 59, 59), datetime(2026, 1, 7, 9, 30)),
                          (datetime(2026, 1, 9, 15, 59, 59), datetime(2026, 1, 12, 9, 30))):  # fmt: skip
        for symbol in SYMBOLS:
            assert market.spot(symbol, after) == pytest.approx(market.spot(symbol, before), rel=0.05)


def test_outside_the_session_the_last_close_stands() -> None:
    """At night and at the weekend the price is the last close."""
    market = MarketSimulator(5)
    close = market.spot("DELT", datetime(2026, 1, 9, 16, 0))
    for closed in (datetime(2026, 1, 9, 23, 0), datetime(2026, 1, 10, 12, 0), datetime(2026, 1, 12, 9, 0)):
        assert market.spot("DELT", closed) == close


def test_volatility_is_u_shaped() -> None:
    """Prices move much more in the first and last half hour than in the two hours around noon."""
    market = MarketSimulator(11)
    days = (5, 6, 7, 8, 9, 12, 13, 14)
    returns = [np.diff(np.log(market.history("FOXT", 4680, datetime(2026, 1, day, 16, 0)))) for day in days]
    spread = np.std(np.array(returns), axis=0)
    edges = np.concatenate([spread[:360], spread[-360:]]).mean()
    assert edges > 1.4 * spread[1500:3000].mean()


def test_realised_volatility_is_the_symbols() -> None:
    """Over some weeks the realised volatility is near the volatility of the symbol."""
    market = MarketSimulator(2)
    annual = []
    for day in range(20):
        at = datetime(2026, 1, 5, 16, 0) + timedelta(days=day)
        if at.weekday() < 5:
            returns = np.diff(np.log(market.history("CHAR", 4680, at)))
            annual.append(np.std(returns) * np.sqrt(252 * 4680))
    assert np.mean(annual) == pytest.approx(SYMBOLS["CHAR"][1], rel=0.1)


def test_activity_averages_one_and_has_two_peaks() -> None:
    """The activity is 1 on average, peaks at open and close, and is lowest in between."""
    values = [activity(place / 10_000) for place in range(10_001)]
    assert np.mean(values) == pytest.approx(1.0, abs=0.01)
    assert values[0] > 1.8
    assert values[-1] > 1.8
    assert 0.4 < min(values) < 0.8
    assert 0.2 < values.index(min(values)) / 10_000 < 0.8


@pytest.mark.parametrize("progress", [-0.1, 1.1])
def test_no_activity_outside_the_session(progress: float) -> None:
    """Before the open and after the close the activity is 0."""
    assert activity(progress) == 0.0


def test_chain_has_calls_and_puts_of_every_strike_and_expiry() -> None:
    """The chain is the full grid, with quotes near the price of the model."""
    chain = MarketSimulator(3).chain("ALFA", MONDAY, strikes=5, expiries=3)
    assert chain.size == 2 * 5 * 3
    assert chain.is_call.sum() == 15
    assert len(np.unique(chain.expiry)) == 3
    model = engine.price(
        chain.is_call, chain.spot, chain.strike, chain.expiry, chain.rate, chain.volatility, chain.dividend
    )
    assert (np.abs(chain.quote - model) <= 0.00500001).sum() >= chain.size - 1


def test_rubbish_quotes_are_rare_and_not_converged() -> None:
    """A chain rarely has one impossible quote; every other quote implies a volatility."""
    market = MarketSimulator(3)
    spoiled = 0
    for minute in range(0, 390, 5):
        chain = market.chain("BRAV", datetime(2026, 1, 5, 9, 30) + timedelta(minutes=minute))
        implied = engine.implied_volatility(
            chain.quote, chain.is_call, chain.spot, chain.strike, chain.expiry, chain.rate, chain.dividend
        )
        bad = ~implied.converged
        assert bad.sum() <= 1
        assert (chain.quote[bad] == 0.0).all()
        spoiled += int(bad.sum())
    assert 1 <= spoiled <= 25


@pytest.mark.parametrize(("strikes", "expiries"), [(0, 1), (1, 0), (1, 9)])
def test_impossible_chain_is_refused(strikes: int, expiries: int) -> None:
    """The error names the numbers that are out of range."""
    with pytest.raises(ValueError, match="strikes must be at least 1 and expiries 1 to 8"):
        MarketSimulator().chain("ALFA", MONDAY, strikes=strikes, expiries=expiries)


def test_unknown_symbol_names_the_known_ones() -> None:
    """The error lists the known symbols."""
    with pytest.raises(UnknownSymbolError, match="unknown symbol 'ZZZ'; known: ALFA, "):
        MarketSimulator().spot("ZZZ", MONDAY)


def test_before_the_first_day_there_are_no_prices() -> None:
    """A time before the first day is an error."""
    with pytest.raises(ValueError, match="has prices from 2026-01-05 on"):
        MarketSimulator().spot("ALFA", datetime(2025, 12, 1, 12, 0))


def test_session_clock_skips_nights_and_weekends() -> None:
    """The clock runs through sessions at its speed, from Friday's close to Monday's open."""
    seconds = 0.0
    clock = SessionClock(date(2026, 1, 9), speed=60.0, monotonic=lambda: seconds)
    assert clock.now() == datetime(2026, 1, 9, 9, 30)
    seconds = 60.0
    assert clock.now() == datetime(2026, 1, 9, 10, 30)
    seconds = 390.0
    assert clock.now() == datetime(2026, 1, 12, 9, 30)
    seconds = 390.0 * 3 + 1
    assert clock.now() == datetime(2026, 1, 14, 9, 31)


def test_session_clock_starts_on_a_trading_day() -> None:
    """A Saturday becomes the next Monday."""
    assert SessionClock(date(2026, 1, 10), monotonic=lambda: 0.0).now().date() == date(2026, 1, 12)


def test_session_clock_refuses_to_stand_still() -> None:
    """A speed that is not positive is an error."""
    with pytest.raises(ValueError, match="speed must be positive"):
        SessionClock(speed=0.0)


def test_session_progress_is_clipped() -> None:
    """The progress is 0 before the open and 1 after the close."""
    assert session_progress(datetime(2026, 1, 5, 3, 0)) == 0.0
    assert session_progress(datetime(2026, 1, 5, 12, 45)) == 0.5
    assert session_progress(datetime(2026, 1, 5, 20, 0)) == 1.0
