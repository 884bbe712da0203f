"""Option chains with their Greeks and implied volatilities, as the API answers them: cached JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from signalscope import measure_cost
from signalscope.demo.service.caches import Cache
from signalscope.demo.service.calculations import Calculator
from signalscope.demo.service.market import MarketSimulator, OptionChain

__all__ = ["DEFAULT_MODEL", "Chains"]

DEFAULT_MODEL = "black_scholes_merton"


class Chains:
    """Calculates and caches chains; array work is done in a thread, off the event loop.

    Args:
        market: Where quotes come from.
        calculator: Does the calculations.
        cache: Keeps the encoded answers.
    """

    def __init__(self, market: MarketSimulator, calculator: Calculator, cache: Cache) -> None:
        self._market = market
        self._calculator = calculator
        self._cache = cache

    async def get(self, symbol: str, model: str = DEFAULT_MODEL, *, fresh: bool = False) -> bytes:
        """A chain as JSON, from the cache when it is there.

        Args:
            symbol: The underlying.
            model: The pricing model.
            fresh: Drop the cached answer first.

        Raises:
            CalculationError: It is not cached and cannot be calculated.
            UnknownSymbolError: There is no such symbol.
        """
        if fresh:
            await self._cache.delete(_key(symbol, model))
        cached = await self._cache.get(_key(symbol, model))
        return cached if cached is not None else await self.refresh(symbol, model)

    async def refresh(self, symbol: str, model: str = DEFAULT_MODEL) -> bytes:
        """Calculate a chain afresh and cache it."""
        answer = await asyncio.to_thread(self._calculate, symbol, model)
        await self._cache.set(_key(symbol, model), answer)
        return answer

    async def scenario(self, symbol: str, shocks: list[float], model: str) -> list[float | None]:
        """The chain's total value after relative moves of the spot price; null where there is none."""
        return await asyncio.to_thread(self._scenario, symbol, shocks, model)

    def _calculate(self, symbol: str, model: str) -> bytes:
        chain = self._market.chain(symbol)
        with measure_cost("chain", complexity="complex"):
            greeks = self._calculator.chain(chain, model)
            implied = self._calculator.chain_volatility(chain, model)
        return json.dumps(
            {
                "symbol": symbol,
                "model": model,
                "at": chain.at.isoformat(),
                "spot": chain.spot,
                "options": _columns(chain)
                | {name: _numbers(array) for name, array in greeks._asdict().items()},
                "implied_volatility": _numbers(implied.volatility),
                "not_converged": int(np.count_nonzero(~implied.converged)),
            }
        ).encode()

    def _scenario(self, symbol: str, shocks: list[float], model: str) -> list[float | None]:
        with measure_cost("scenario", complexity="complex"):
            values = self._calculator.scenario_prices(self._market.chain(symbol), shocks, model)
        return _numbers(values.sum(axis=1))


def _key(symbol: str, model: str) -> str:
    return f"chain:{symbol}:{model}"


def _columns(chain: OptionChain) -> dict[str, list[object]]:
    rounded: Callable[[npt.NDArray[np.float64]], list[object]] = lambda array: np.round(array, 6).tolist()  # noqa: E731
    return {
        "is_call": chain.is_call.tolist(),
        "strike": rounded(chain.strike),
        "expiry": rounded(chain.expiry),
        "quote": rounded(chain.quote),
    }


def _numbers(array: npt.NDArray[np.float64]) -> list[float | None]:
    """Numbers for JSON: what is not finite becomes null."""
    if np.isfinite(array).all():
        return [float(value) for value in np.round(array, 6)]
    return [round(float(value), 6) if np.isfinite(value) else None for value in array]
