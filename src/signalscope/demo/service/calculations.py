"""The decorated calculations of the service: single options with vollib, whole chains with the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from vollib.black_scholes import black_scholes
from vollib.black_scholes.greeks import analytical as bs_greeks
from vollib.black_scholes.implied_volatility import implied_volatility as bs_volatility
from vollib.black_scholes_merton import black_scholes_merton
from vollib.black_scholes_merton.greeks import analytical as bsm_greeks
from vollib.black_scholes_merton.implied_volatility import implied_volatility as bsm_volatility

from signalscope import instrument_greeks
from signalscope.decorators import arg
from signalscope.demo.service import engine
from signalscope.demo.service.counts import Counts
from signalscope.demo.service.market import Array, OptionChain

MODELS = ("black_scholes", "black_scholes_merton")
#: The values that can be calculated for a single option.
SINGLE = ("price", "delta", "gamma", "theta", "vega", "rho", "iv")

#: Model -> (price function, module of Greeks, implied volatility function).
_VOLLIB: dict[str, tuple[Callable[..., float], ModuleType, Callable[..., float]]] = {
    "black_scholes": (black_scholes, bs_greeks, bs_volatility),
    "black_scholes_merton": (black_scholes_merton, bsm_greeks, bsm_volatility),
}


class CalculationError(RuntimeError):
    """A calculation failed."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option, in vollib's terms.

    Attributes:
        flag: ``c`` for a call, ``p`` for a put.
        spot: The underlying's price.
        strike: The strike price.
        t: Years to expiry.
        r: Risk-free rate.
        sigma: Annual volatility.
        q: Dividend yield; only Black-Scholes-Merton uses it.
        quote: The market's price, for the implied volatility.
    """

    flag: str
    spot: float
    strike: float
    t: float
    r: float
    sigma: float
    q: float = 0.0
    quote: float = 0.0


class Calculator:
    """Prices, Greeks and implied volatilities, with switches that break them.

    Args:
        counts: The service's own counts.

    Attributes:
        results_nan: True to return only NaN, as after a bad market data feed.
        failing: True to raise `CalculationError` in every calculation.
        slow: True to delay array calculations by 1.7 s.
    """

    def __init__(self, counts: Counts) -> None:
        self.results_nan = False
        self.failing = False
        self.slow = False
        self._counts = counts

    @instrument_greeks(calculation_type=arg("what"), model_type=arg("model"))
    def single(self, what: str, model: str, option: Option) -> float:
        """Calculate one value of one option with vollib.

        Args:
            what: One of `SINGLE`.
            model: One of `MODELS`.
            option: The option.

        Raises:
            CalculationError: The fault greeks-failing is on.
        """
        self._begin(what, "false", 1)
        return float("nan") if self.results_nan else _by_vollib(what, model, option)

    @instrument_greeks(
        calculation_type="price",
        model_type=arg("model"),
        batch_size=lambda options: len(options),  # noqa: PLW0108  # the parameter's name says which argument
    )
    def portfolio_prices(self, options: Sequence[Option], model: str) -> list[float]:
        """Calculate the prices of a few options with one vollib call each: a batch, but not vectorised."""
        self._begin("price", "false", len(options))
        if self.results_nan:
            return [float("nan")] * len(options)
        return [_by_vollib("price", model, option) for option in options]

    @instrument_greeks(
        calculation_type="chain", model_type=arg("model"), vectorized=True, batch_size=arg("chain.size")
    )
    def chain(self, chain: OptionChain, model: str) -> engine.Greeks:
        """Calculate prices and the five Greeks of a whole chain in one array operation."""
        self._begin("chain", "true", chain.size)
        result = engine.greeks(
            chain.is_call, chain.spot, chain.strike, chain.expiry, chain.rate, chain.volatility,
            _dividend(chain, model),
        )  # fmt: skip
        return engine.Greeks(*map(self._spoilt, result))

    @instrument_greeks(
        calculation_type="iv", model_type=arg("model"), vectorized=True, batch_size=arg("chain.size")
    )
    def chain_volatility(self, chain: OptionChain, model: str) -> engine.ImpliedVolatility:
        """Calculate the implied volatilities of a whole chain in one array operation."""
        self._begin("iv", "true", chain.size)
        result = engine.implied_volatility(
            chain.quote, chain.is_call, chain.spot, chain.strike, chain.expiry, chain.rate,
            _dividend(chain, model),
        )  # fmt: skip
        return result._replace(volatility=self._spoilt(result.volatility))

    @instrument_greeks(
        calculation_type="price",
        model_type=arg("model"),
        vectorized=True,
        batch_size=lambda chain, shocks: chain.size * len(shocks),
    )
    def scenario_prices(self, chain: OptionChain, shocks: Sequence[float], model: str) -> Array:
        """Calculate the prices of a chain after several relative moves of the spot price, one row for each move."""
        self._begin("price", "true", chain.size * len(shocks))
        spots = chain.spot * (1.0 + np.asarray(shocks, dtype=np.float64))[:, np.newaxis]
        result = engine.price(
            chain.is_call, spots, chain.strike, chain.expiry, chain.rate, chain.volatility,
            _dividend(chain, model),
        )  # fmt: skip
        return self._spoilt(result)

    def _spoilt(self, results: Array) -> Array:
        return np.full_like(results, np.nan) if self.results_nan else results

    def _begin(self, what: str, vectorized: str, options: int) -> None:
        self._counts.add("calculations", what, vectorized)
        self._counts.add("options", what, vectorized, n=options)
        if self.failing:
            raise CalculationError(f"{what}: calculations fail while the fault greeks-failing is on")
        if self.slow and vectorized == "true":
            time.sleep(1.7)  # in a worker thread: the event loop is not blocked


def _dividend(chain: OptionChain, model: str) -> float:
    return chain.dividend if model == "black_scholes_merton" else 0.0


def _by_vollib(what: str, model: str, option: Option) -> float:
    price, greeks, implied_volatility = _VOLLIB[model]
    dividend = (option.q,) if model == "black_scholes_merton" else ()
    market = (option.spot, option.strike, option.t, option.r)
    if what == "iv":
        return float(implied_volatility(option.quote, *market, *dividend, option.flag))
    function = price if what == "price" else getattr(greeks, what)
    return float(function(option.flag, *market, option.sigma, *dividend))
