"""Option chains with Greeks and implied volatilities, as cached JSON answers of the API."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signalscope import measure_cost
from signalscope.demo.service.caches import Cache
from signalscope.demo.service.calculations import Calculator
from signalscope.demo.service.market import MarketSimulator

DEFAULT_MODEL = "black_scholes_merton"


@dataclass(frozen=True, eq=False)
class Chains:
    """Calculate and cache chains; array calculations run in a thread, outside the event loop.

    Attributes:
        market: The source of the quotes.
        calculator: The calculations.
        cache: The cache of encoded answers.
    """

    market: MarketSimulator
    calculator: Calculator
    cache: Cache

    async def get(self, symbol: str, model: str = DEFAULT_MODEL, *, fresh: bool = False) -> bytes:
        """Return a chain as JSON, from the cache if possible.

        Args:
            symbol: The underlying.
            model: The pricing model.
            fresh: True to delete the cached answer first.

        Raises:
            CalculationError: The chain is not cached and cannot be calculated.
            UnknownSymbolError: The symbol is unknown.
        """
        if fresh:
            await self.cache.delete(_key(symbol, model))
        cached = await self.cache.get(_key(symbol, model))
        return cached if cached is not None else await self.refresh(symbol, model)

    async def refresh(self, symbol: str, model: str = DEFAULT_MODEL) -> bytes:
        """Calculate a chain again and cache it."""
        answer = await asyncio.to_thread(self._calculate, symbol, model)
        await self.cache.set(_key(symbol, model), answer)
        return answer

    async def scenario(self, symbol: str, shocks: list[float], model: str) -> list[float | None]:
        """Return the total value of the chain after each relative move of the spot price; None if not finite."""
        return await asyncio.to_thread(self._scenario, symbol, shocks, model)

    def _calculate(self, symbol: str, model: str) -> bytes:
        chain = self.market.chain(symbol)
        with measure_cost("chain", complexity="complex"):
            greeks = self.calculator.chain(chain, model)
            implied = self.calculator.chain_volatility(chain, model)
        return json.dumps(
            {
                "symbol": symbol,
                "model": model,
                "at": chain.at.isoformat(),
                "spot": chain.spot,
                "options": {
                    "is_call": chain.is_call.tolist(),
                    "strike": _numbers(chain.strike),
                    "expiry": _numbers(chain.expiry),
                    "quote": _numbers(chain.quote),
                    **{name: _numbers(array) for name, array in greeks._asdict().items()},
                },
                "implied_volatility": _numbers(implied.volatility),
                "not_converged": int(np.count_nonzero(~implied.converged)),
            }
        ).encode()

    def _scenario(self, symbol: str, shocks: list[float], model: str) -> list[float | None]:
        with measure_cost("scenario", complexity="complex"):
            values = self.calculator.scenario_prices(self.market.chain(symbol), shocks, model)
        return _numbers(values.sum(axis=1))


def _key(symbol: str, model: str) -> str:
    return f"chain:{symbol}:{model}"


def finite_or_none(value: float) -> float | None:
    """Return a number for JSON: None if it is not finite.

    Example:
        >>> finite_or_none(float("nan")) is None
        True
    """
    return value if math.isfinite(value) else None


def _numbers(array: npt.NDArray[np.float64]) -> list[float | None]:
    return [finite_or_none(value) for value in np.round(array, 6).tolist()]
