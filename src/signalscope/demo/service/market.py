"""A simulated market: spot prices with an intraday shape, and option chains with a volatility smile.

The same seed gives the same prices at the same market times, independently of earlier calls.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from signalscope.demo.service.engine import price
from signalscope.demo.service.session import CLOSE, OPEN, SESSION_SECONDS, activity, session_progress

Array = npt.NDArray[np.float64]

#: Symbol -> (opening price of the first day, annual volatility, dividend yield).
SYMBOLS: dict[str, tuple[float, float, float]] = {
    "ALFA": (412.0, 0.16, 0.013),
    "BRAV": (187.5, 0.29, 0.005),
    "CHAR": (64.2, 0.42, 0.0),
    "DELT": (928.0, 0.35, 0.0),
    "ECHO": (33.1, 0.55, 0.021),
    "FOXT": (251.0, 0.22, 0.017),
}
RATE = 0.035

_EPOCH = date(2026, 1, 5)
_STEPS = int(SESSION_SECONDS / 5.0)
_TRADING_DAYS = 252
_EXPIRY_DAYS = (2, 9, 16, 30, 58, 121, 240, 360)
_KEPT_DAYS = 3
_SATURDAY = 5


class UnknownSymbolError(ValueError):
    """A symbol is unknown; the message lists the known symbols."""


@dataclass(frozen=True, slots=True)
class OptionChain:
    """The options of a symbol at a moment, as arrays with one element for each option.

    Attributes:
        symbol: The underlying.
        at: Market time of the quotes.
        spot: The underlying's price.
        rate: Risk-free rate, continuously compounded, per year.
        dividend: Dividend yield, continuously compounded, per year.
        is_call: True for calls, False for puts.
        strike: Strike prices.
        expiry: Years to expiry, of 365 days.
        volatility: The annual volatility that the quote was calculated from.
        quote: Mid price of the quote, rounded to 0.01 as on exchanges.
    """

    symbol: str
    at: datetime
    spot: float
    rate: float
    dividend: float
    is_call: npt.NDArray[np.bool_]
    strike: Array
    expiry: Array
    volatility: Array
    quote: Array

    @property
    def size(self) -> int:
        """The number of options."""
        return len(self.strike)


class MarketSimulator:
    """Spot prices and option chains that depend only on the seed and the market time.

    Prices follow a geometric Brownian motion. `signalscope.demo.service.session.activity` scales the variance of each
    step. The drift persists for some minutes, so that a signal can be right more often than wrong.

    Args:
        seed: The seed of the random numbers.
        clock: Returns the market time for methods that are called without one.

    Example:
        >>> market = MarketSimulator(seed=7)
        >>> market.spot("ALFA") == MarketSimulator(seed=7).spot("ALFA")
        True
    """

    def __init__(self, seed: int = 7, clock: Callable[[], datetime] | None = None) -> None:
        self.seed = seed
        self._clock = clock or (lambda: datetime.combine(_EPOCH, OPEN))
        self._days: dict[date, dict[str, Array]] = {}

    def now(self) -> datetime:
        """Return the market time."""
        return self._clock()

    def spot(self, symbol: str, at: datetime | None = None) -> float:
        """Return the last price; outside the session, the previous close.

        Args:
            symbol: The underlying.
            at: Market time; None for now.

        Raises:
            UnknownSymbolError: The symbol is unknown.
        """
        return float(self.history(symbol, 1, at)[0])

    def history(self, symbol: str, points: int, at: datetime | None = None) -> Array:
        """Return the last prices of the day up to a moment, one for each 5 seconds, oldest first.

        Args:
            symbol: The underlying.
            points: The maximum number of prices.
            at: Market time; None for now.

        Raises:
            UnknownSymbolError: The symbol is unknown.
        """
        if symbol not in SYMBOLS:
            raise UnknownSymbolError(f"unknown symbol {symbol!r}; known: {', '.join(SYMBOLS)}")
        day, step = _position(at or self._clock())
        return self._day(day)[symbol][max(0, step + 1 - points) : step + 1]

    def chain(
        self, symbol: str, at: datetime | None = None, *, strikes: int = 41, expiries: int = 8
    ) -> OptionChain:
        """Return calls and puts on a grid of strikes and expiries around the spot price.

        Args:
            symbol: The underlying.
            at: Market time; None for now.
            strikes: Strikes for each expiry, at least 1.
            expiries: The number of listed expiries, 1 to 8.

        Raises:
            UnknownSymbolError: The symbol is unknown.
            ValueError: A number is out of range.
        """
        if strikes < 1 or not 1 <= expiries <= len(_EXPIRY_DAYS):
            raise ValueError(f"strikes must be at least 1 and expiries 1 to {len(_EXPIRY_DAYS)}")
        moment = at or self._clock()
        spot = self.spot(symbol, moment)
        _, base_volatility, dividend = SYMBOLS[symbol]
        years = np.array(
            [(days - session_progress(moment) * 0.27) / 365.0 for days in _EXPIRY_DAYS[:expiries]]
        )
        deviations = np.linspace(-1.6, 1.6, strikes) if strikes > 1 else np.zeros(1)
        is_call, expiry, deviation = (
            grid.ravel() for grid in np.meshgrid([True, False], years, deviations, indexing="ij")
        )
        relative = np.exp(deviation * base_volatility * np.sqrt(expiry))
        strike = np.round(spot * relative, 2)
        smile = self._skew(symbol, moment, base_volatility) * np.log(relative) + 0.9 * np.log(relative) ** 2
        volatility = base_volatility * (1.0 + smile / np.sqrt(1.0 + 4.0 * expiry))
        quote = np.round(price(is_call, spot, strike, expiry, RATE, volatility, dividend), 2)
        self._spoil(quote, symbol, moment)
        return OptionChain(symbol, moment, spot, RATE, dividend, is_call, strike, expiry, volatility, quote)

    def _skew(self, symbol: str, moment: datetime, annual: float) -> float:
        """Return the slope of the smile; it is steeper after a fall of the price, when more traders buy puts."""
        day, step = _position(moment)
        prices = self._day(day)[symbol]
        moved = np.log(prices[step] / prices[0]) / (annual / np.sqrt(_TRADING_DAYS))
        return float(-0.35 * (1.0 - 0.4 * np.tanh(moved)))

    def _spoil(self, quote: Array, symbol: str, moment: datetime) -> None:
        """Set a random quote to 0 in one of ten periods of five minutes, as a real feed has wrong quotes."""
        window = int(datetime.combine(_EPOCH, OPEN).timestamp() - moment.timestamp()) // 300
        random = np.random.default_rng([self.seed, abs(window), *symbol.encode()])
        if random.random() < 0.1:
            quote[random.integers(len(quote))] = 0.0

    def _day(self, day: date) -> dict[str, Array]:
        """Return the prices of a day by symbol; simulate the missing days before it first."""
        prices = self._days.get(day)
        if prices is None:
            latest = max((known for known in self._days if known < day), default=None)
            prices = {symbol: np.array([opening]) for symbol, (opening, _, _) in SYMBOLS.items()}
            if latest is not None:
                prices = self._days[latest]
            start = _EPOCH if latest is None else latest + timedelta(days=1)
            for number in range((day - start).days + 1):
                following = start + timedelta(days=number)
                if following.weekday() < _SATURDAY:
                    prices = self._days[following] = self._simulate(following, prices)
                    while len(self._days) > _KEPT_DAYS:
                        self._days.pop(min(self._days))
        return prices

    def _simulate(self, day: date, before: dict[str, Array]) -> dict[str, Array]:
        random = np.random.default_rng([self.seed, day.toordinal()])
        shape = np.array([activity(step / _STEPS) for step in range(_STEPS)])
        prices: dict[str, Array] = {}
        for symbol, (_, annual, _) in SYMBOLS.items():
            step_sigma = annual * np.sqrt(shape / (_TRADING_DAYS * _STEPS))
            drift = _persistent(random.standard_normal(_STEPS)) * 0.12
            returns = step_sigma * (random.standard_normal(_STEPS) + drift)
            returns[0] += annual * 0.2 / np.sqrt(_TRADING_DAYS) * random.standard_normal()  # the night's gap
            prices[symbol] = before[symbol][-1] * np.exp(np.cumsum(returns))
        return prices


def _persistent(noise: Array) -> Array:
    """Return noise of unit variance in which each value keeps 99 % of the previous one (an AR(1) process)."""
    keep = 0.99
    shocks = np.sqrt(1.0 - keep**2) * noise
    return np.array(list(itertools.accumulate(shocks, lambda value, shock: keep * value + shock)))


def _position(at: datetime) -> tuple[date, int]:
    """Return the trading day and the step of the last price at a moment.

    Raises:
        ValueError: The day is before the first day of the market.
    """
    day = at.date()
    if day < _EPOCH:
        raise ValueError(f"the simulated market has prices from {_EPOCH} on, not of {day}")
    if at.time() < OPEN and day > _EPOCH:
        day -= timedelta(days=1)
        at = datetime.combine(day, CLOSE)
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
        at = datetime.combine(day, CLOSE)
    return day, min(int(session_progress(at) * _STEPS), _STEPS - 1)
