"""Trading signals, and the indicators that they are calculated from."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import numpy as np

from signalscope import instrument_signal, measure_cost
from signalscope.demo.service.caches import Cache
from signalscope.demo.service.calculations import Calculator
from signalscope.demo.service.clients import Client, DependencyUnavailableError
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.market import MarketSimulator

#: Kind of signal -> complexity of its calculation.
COMPLEXITY = {
    "momentum": "simple",
    "mean_reversion": "simple",
    "volatility_skew": "standard",
    "gamma_exposure": "complex",
}
SIGNAL_TYPES = tuple(COMPLEXITY)
_MODEL = "black_scholes_merton"

# Mean and standard deviation in the simulated market, over its first week.
_USUAL_SKEW = (1.0327, 0.0129)
_USUAL_GAMMA_CENTRE = (1.0093, 0.0058)


@dataclass(frozen=True, slots=True)
class Signal:
    """A suggestion to buy, sell or hold.

    Attributes:
        signal_type: The kind of signal, one of `SIGNAL_TYPES`.
        symbol: The underlying.
        direction: buy, sell or hold.
        strength: The value of the indicator, in standard deviations of that indicator.
        spot: The underlying's price.
        at: Market time, ISO 8601.
        data_source: ``ticker_service`` for a fresh quote, ``fallback`` while that service does not answer.
    """

    signal_type: str
    symbol: str
    direction: str
    strength: float
    spot: float
    at: str
    data_source: str


@dataclass(eq=False)
class SignalGenerator:
    """Generate signals from the market, the indicators cache and the quotes of the ticker service.

    Attributes:
        market: The source of prices and chains.
        calculator: The calculations with chains.
        indicators: The cache of indicators.
        ticker: The client of the ticker service.
        counts: The service's own counts.
        hold_below: A weaker indicator than this gives a hold; the config service sets it.
    """

    market: MarketSimulator
    calculator: Calculator
    indicators: Cache
    ticker: Client
    counts: Counts
    hold_below: float = 0.25

    @instrument_signal(
        signal_type=lambda signal_type: signal_type,
        complexity=lambda signal_type: COMPLEXITY.get(signal_type, "standard"),
        data_source=lambda result: result.data_source,
        emitted=lambda result: result.direction,
    )
    async def generate(self, signal_type: str, symbol: str) -> Signal:
        """Return a signal for a symbol.

        Args:
            signal_type: One of `SIGNAL_TYPES`.
            symbol: The underlying.

        Raises:
            CalculationError: The indicator cannot be calculated.
        """
        try:
            await self.ticker.ask("quote", "GET", f"/quotes/{symbol}")
            source = "ticker_service"
        except DependencyUnavailableError:
            source = "fallback"
        strength = await self.indicator(signal_type, symbol)
        now = self.market.now()
        direction = "hold" if abs(strength) < self.hold_below else "buy" if strength > 0 else "sell"
        self.counts.add("signals", signal_type, direction)
        spot = self.market.spot(symbol, now)
        return Signal(signal_type, symbol, direction, strength, spot, now.isoformat(), source)

    async def indicator(self, signal_type: str, symbol: str) -> float:
        """Return the indicator of a signal, from the cache if possible."""
        key = f"{signal_type}:{symbol}"
        cached = await self.indicators.get(key)
        if cached is not None:
            return float(json.loads(cached)["strength"])
        return await self.refresh(signal_type, symbol)

    async def refresh(self, signal_type: str, symbol: str) -> float:
        """Calculate an indicator again and cache it; 0 if it is not finite."""
        strength = await asyncio.to_thread(self._calculate, signal_type, symbol)
        if not np.isfinite(strength):
            return 0.0  # the calculation has counted the invalid value; no signal may use it
        await self.indicators.set(f"{signal_type}:{symbol}", json.dumps({"strength": strength}).encode())
        return strength

    def _calculate(self, signal_type: str, symbol: str) -> float:
        calculations = {
            "momentum": self._momentum,
            "mean_reversion": self._mean_reversion,
            "volatility_skew": self._volatility_skew,
            "gamma_exposure": self._gamma_exposure,
        }
        with measure_cost("signal", complexity=COMPLEXITY[signal_type]):
            return calculations[signal_type](symbol)

    def _momentum(self, symbol: str) -> float:
        """Return the t-statistic of the returns of the last five minutes."""
        returns = np.diff(np.log(self.market.history(symbol, 61)))
        spread = float(np.std(returns)) if returns.size > 1 else 0.0
        return float(np.mean(returns) / spread * np.sqrt(returns.size)) if spread > 0 else 0.0

    def _mean_reversion(self, symbol: str) -> float:
        """Return the standard deviations by which the price is below its half-hour average."""
        prices = self.market.history(symbol, 360)
        spread = float(np.std(prices))
        return float((np.mean(prices) - prices[-1]) / spread) if spread > 0 else 0.0

    def _volatility_skew(self, symbol: str) -> float:
        """Return the volatility of out-of-the-money puts relative to calls, in standard deviations."""
        chain = self.market.chain(symbol, strikes=21, expiries=4)
        implied, _ = self.calculator.chain_volatility(chain, _MODEL)
        puts = implied[~chain.is_call & (chain.strike < chain.spot)]
        calls = implied[chain.is_call & (chain.strike > chain.spot)]
        if np.isnan(puts).all() or np.isnan(calls).all():
            return float("nan")
        return _standardised(float(np.nanmean(puts) / np.nanmean(calls)), _USUAL_SKEW)

    def _gamma_exposure(self, symbol: str) -> float:
        """Return the gamma-weighted strike of the chain relative to the spot price, in standard deviations."""
        chain = self.market.chain(symbol)
        gamma = self.calculator.chain(chain, _MODEL).gamma
        centre = float(np.sum(gamma * chain.strike) / np.sum(gamma))
        return _standardised(centre / chain.spot, _USUAL_GAMMA_CENTRE)


def _standardised(value: float, usual: tuple[float, float]) -> float:
    mean, deviation = usual
    return (value - mean) / deviation
