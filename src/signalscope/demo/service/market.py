"""A seeded market: spot prices with an intraday shape, and option chains with a volatility smile.

The same seed gives the same prices at the same market times, whatever was asked before.
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
    """No such symbol in this market; the message names the ones there are."""


@dataclass(frozen=True, slots=True)
class OptionChain:
    """One symbol's options at one moment: equally long arrays, one element for each option.

    Attributes:
        symbol: The underlying.
        at: Market time of the quotes.
        spot: The underlying's price.
        rate: Risk-free rate, continuously compounded, per year.
        dividend: Dividend yield, continuously compounded, per year.
        is_call: True for calls, False for puts.
        strike: Strike prices.
        expiry: Years to expiry (365 days).
        volatility: The annual volatility behind the quote.
        quote: Mid price of the quote, rounded to the cent as exchanges do.
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
    """Spot prices and option chains that only depend on the seed and the market time.

    Prices follow a geometric Brownian motion whose variance in each step is scaled by
    `signalscope.demo.service.session.activity`, with a drift that persists for some minutes, so that a signal can
    be right more often than not.

    Args:
        seed: Everything random comes from it.
        clock: Gives the market time where a method is not told one.
    """

    def __init__(self, seed: int = 7, clock: Callable[[], datetime] | None = None) -> None:
        self.seed = seed
        self._clock = clock or (lambda: datetime.combine(_EPOCH, OPEN))
        self._days: dict[date, dict[str, Array]] = {}

    def now(self) -> datetime:
        """The market time."""
        return self._clock()

    def spot(self, symbol: str, at: datetime | None = None) -> float:
        """The last traded price: outside the session the close before it.

        Raises:
            UnknownSymbolError: No such symbol.
        """
        return float(self.history(symbol, 1, at)[0])

    def history(self, symbol: str, points: int, at: datetime | None = None) -> Array:
        """The last prices of the day up to a moment, one for each 5 seconds, oldest first.

        Raises:
            UnknownSymbolError: No such symbol.
        """
        if symbol not in SYMBOLS:
            raise UnknownSymbolError(f"unknown symbol {symbol!r}; known: {', '.join(SYMBOLS)}")
        day, step = _position(at or self._clock())
        return self._day(day)[symbol][max(0, step + 1 - points) : step + 1]

    def chain(
        self, symbol: str, at: datetime | None = None, *, strikes: int = 41, expiries: int = 8
    ) -> OptionChain:
        """Calls and puts on a grid of strikes and expiries around the spot price.

        Args:
            symbol: The underlying.
            at: Market time; now when left out.
            strikes: Strikes for each expiry, at least 1.
            expiries: How many of the listed expiries, 1 to 8.

        Raises:
            UnknownSymbolError: No such symbol.
            ValueError: A count is out of its range.
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
        """The slope of the smile: steeper when the day's price has fallen, as puts are sought then."""
        day, step = _position(moment)
        prices = self._day(day)[symbol]
        moved = np.log(prices[step] / prices[0]) / (annual / np.sqrt(_TRADING_DAYS))
        return float(-0.35 * (1.0 - 0.4 * np.tanh(moved)))

    def _spoil(self, quote: Array, symbol: str, moment: datetime) -> None:
        """Now and then one quote of a chain is rubbish for five minutes, as feeds have it."""
        window = int(datetime.combine(_EPOCH, OPEN).timestamp() - moment.timestamp()) // 300
        random = np.random.default_rng([self.seed, abs(window), *symbol.encode()])
        if random.random() < 0.1:
            quote[random.integers(len(quote))] = 0.0

    def _day(self, day: date) -> dict[str, Array]:
        """Return a day's prices by symbol, after those of the days before that are not known."""
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
    """Unit-variance noise in which each value keeps most of the last one (an AR(1) process)."""
    keep = 0.99
    shocks = np.sqrt(1.0 - keep**2) * noise
    return np.array(list(itertools.accumulate(shocks, lambda value, shock: keep * value + shock)))


def _position(at: datetime) -> tuple[date, int]:
    """The trading day and the step whose price was the last at that moment."""
    day = at.date()
    if day < _EPOCH:
        raise ValueError(f"the simulated market opened on {_EPOCH}; there are no prices of {day}")
    if at.time() < OPEN and day > _EPOCH:
        day -= timedelta(days=1)
        at = datetime.combine(day, CLOSE)
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
        at = datetime.combine(day, CLOSE)
    return day, min(int(session_progress(at) * _STEPS), _STEPS - 1)
