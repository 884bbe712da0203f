"""Option prices, Greeks and implied volatilities of whole chains, as NumPy array operations.

The model is Black-Scholes-Merton with a continuous dividend yield; with a yield of 0 it is Black-Scholes.
Formulas: J. C. Hull, "Options, Futures, and Other Derivatives", chapters on the Black-Scholes-Merton model,
on options on assets that pay a yield, and on the Greek letters; the same ones are in E. G. Haug, "The
Complete Guide to Option Pricing Formulas", chapters 1 and 2. Conventions are vollib's: theta is per calendar
day (1/365 year), vega and rho are per 1 percentage point (0.01), time is in years, rates are continuous.

At expiry (``t == 0``) or without volatility the results are the limits: the price is the discounted
intrinsic value, delta is that of a certain exercise or none, gamma and vega are 0. Exactly at the money
gamma has no finite limit and is infinite.
"""
# ruff: noqa: PLR0917  # the order of the arguments is vollib's and the literature's

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr  # type: ignore[import-untyped]  # scipy has no type hints

Array = npt.NDArray[np.float64]
Numbers = npt.ArrayLike

_INVERSE_SQRT_2PI = 0.3989422804014327


class Greeks(NamedTuple):
    """Price and the five Greeks of each option, as equally shaped arrays."""

    price: Array
    delta: Array
    gamma: Array
    theta: Array
    vega: Array
    rho: Array


class ImpliedVolatility(NamedTuple):
    """Implied volatilities, and which of them can be trusted.

    Attributes:
        volatility: Annual volatility; NaN where none was found.
        converged: False where the price allows no volatility (below intrinsic value, above the maximum, not
            a number) or so little of it is time value that the price cannot tell volatilities apart.
    """

    volatility: Array
    converged: npt.NDArray[np.bool_]


class _Terms(NamedTuple):
    """What all the formulas share; ``sign`` is 1 for calls and -1 for puts."""

    sign: Array
    spot: Array
    strike: Array
    t: Array
    r: Array
    sigma: Array
    q: Array
    d1: Array
    d2: Array
    spot_discount: Array
    strike_discount: Array


def _terms(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers
) -> _Terms:
    """Hull: d1 = [ln(S/K) + (r - q + sigma^2/2) t] / (sigma sqrt(t)), d2 = d1 - sigma sqrt(t)."""
    sign = np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)
    s, k, years, rate, vol, dividend = (
        np.asarray(x, dtype=np.float64) for x in (spot, strike, t, r, sigma, q)
    )
    total = vol * np.sqrt(years)
    drift = np.log(s / k) + (rate - dividend) * years
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.where(total > 0, drift / total, np.where(drift == 0, 0.0, np.copysign(np.inf, drift)))
    d1, d2 = centre + 0.5 * total, centre - 0.5 * total
    return _Terms(
        sign, s, k, years, rate, vol, dividend, d1, d2, np.exp(-dividend * years), np.exp(-rate * years)
    )


def _density(x: Array) -> Array:
    return _INVERSE_SQRT_2PI * np.exp(-0.5 * x * x)


def _price(terms: _Terms) -> Array:
    asset = terms.spot * terms.spot_discount * ndtr(terms.sign * terms.d1)
    cash = terms.strike * terms.strike_discount * ndtr(terms.sign * terms.d2)
    return np.asarray(terms.sign * (asset - cash))


def _delta(terms: _Terms) -> Array:
    return np.asarray(terms.sign * terms.spot_discount * ndtr(terms.sign * terms.d1))


def _gamma(terms: _Terms) -> Array:
    """Return e^(-qt) n(d1) / (S sigma sqrt(t)), the change of delta for each unit of the spot price (Hull)."""
    density = _density(terms.d1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = terms.spot_discount * density / (terms.spot * terms.sigma * np.sqrt(terms.t))
    return np.where(density == 0.0, 0.0, value)


def _theta(terms: _Terms) -> Array:
    """Return the change of the price for each calendar day that passes (Hull's annual theta divided by 365)."""
    density = _density(terms.d1)
    with np.errstate(divide="ignore", invalid="ignore"):
        decay = terms.spot * terms.spot_discount * density * terms.sigma / (2.0 * np.sqrt(terms.t))
    decay = np.where((density == 0.0) | (terms.sigma == 0.0), 0.0, decay)
    carry = terms.q * terms.spot * terms.spot_discount * ndtr(terms.sign * terms.d1)
    interest = terms.r * terms.strike * terms.strike_discount * ndtr(terms.sign * terms.d2)
    return np.asarray((-decay + terms.sign * (carry - interest)) / 365.0)


def _vega(terms: _Terms) -> Array:
    """Return S e^(-qt) n(d1) sqrt(t) / 100, the change of the price for 1 point of volatility (Hull)."""
    return np.asarray(terms.spot * terms.spot_discount * _density(terms.d1) * np.sqrt(terms.t) * 0.01)


def _rho(terms: _Terms) -> Array:
    """Return K t e^(-rt) N(d2) / 100, the change of the price for 1 point of the rate; negative for puts (Hull)."""
    return np.asarray(
        terms.sign * terms.strike * terms.t * terms.strike_discount * ndtr(terms.sign * terms.d2) * 0.01
    )


def price(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers = 0.0
) -> Array:
    """Prices: S e^(-qt) N(d1) - K e^(-rt) N(d2) for calls, and by put-call symmetry for puts (Hull).

    Args:
        is_call: True for calls, False for puts.
        spot: The underlying's price, positive.
        strike: Strike price, positive.
        t: Years to expiry, not negative.
        r: Risk-free rate, continuously compounded.
        sigma: Annual volatility, not negative.
        q: Dividend yield, continuously compounded.
    """
    return _price(_terms(is_call, spot, strike, t, r, sigma, q))


def delta(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers = 0.0
) -> Array:
    """Change of the price for each unit of the spot price: e^(-qt) N(d1), or -e^(-qt) N(-d1) (Hull)."""
    return _delta(_terms(is_call, spot, strike, t, r, sigma, q))


def greeks(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers = 0.0
) -> Greeks:
    """Prices and all five Greeks at once, sharing d1, d2 and the discount factors."""
    terms = _terms(is_call, spot, strike, t, r, sigma, q)
    return Greeks(_price(terms), _delta(terms), _gamma(terms), _theta(terms), _vega(terms), _rho(terms))


def implied_volatility(
    quote: Numbers,
    is_call: Numbers,
    spot: Numbers,
    strike: Numbers,
    t: Numbers,
    r: Numbers,
    q: Numbers = 0.0,
    *,
    max_iterations: int = 100,
) -> ImpliedVolatility:
    """The volatilities that give the quoted prices, by a safeguarded Newton iteration on whole arrays.

    In-the-money quotes are turned into their out-of-the-money counterparts by put-call parity, where the
    price is all time value; Newton's method runs on the logarithm of the price, which is nearly linear far
    out of the money (as in P. Jaeckel, "By Implication", 2006), and a step that leaves the bracket is
    replaced by bisection.

    Args:
        quote: Option prices.
        is_call: True for calls, False for puts.
        spot: The underlying's price, positive.
        strike: Strike price, positive.
        t: Years to expiry.
        r: Risk-free rate, continuously compounded.
        q: Dividend yield, continuously compounded.
        max_iterations: Iterations after which an element counts as not converged.
    """
    flags, *numbers = np.broadcast_arrays(
        np.asarray(is_call, dtype=bool),
        *(np.asarray(x, dtype=np.float64) for x in (quote, spot, strike, t, r, q)),
    )
    observed, s, k, years, rate, dividend = (array.ravel() for array in numbers)
    sign = np.where(flags.ravel(), 1.0, -1.0)
    forward_value, cash_value = s * np.exp(-dividend * years), k * np.exp(-rate * years)
    intrinsic = np.maximum(sign * (forward_value - cash_value), 0.0)
    target = observed - intrinsic
    call_side = forward_value <= cash_value
    resolution = 8.0 * np.finfo(np.float64).eps * np.maximum(observed, intrinsic)
    with np.errstate(invalid="ignore"):
        solvable = (
            (target > resolution)
            & (target < np.minimum(forward_value, cash_value))
            & (years > 0)
            & (s > 0)
            & (k > 0)
        )
    volatility = np.full(observed.shape, np.nan)
    converged = np.zeros(observed.shape, dtype=bool)
    places = np.flatnonzero(solvable)
    if places.size:
        volatility[places], converged[places] = _solve(
            target[places], call_side[places], s[places], k[places], years[places], rate[places],
            dividend[places], max_iterations,
        )  # fmt: skip
        volatility[~converged] = np.nan
    return ImpliedVolatility(volatility.reshape(flags.shape), converged.reshape(flags.shape))


def _solve(
    target: Array, is_call: npt.NDArray[np.bool_], s: Array, k: Array, t: Array, r: Array, q: Array,
    max_iterations: int,
) -> tuple[Array, npt.NDArray[np.bool_]]:  # fmt: skip
    low = np.full(target.shape, 1e-8) / np.sqrt(t)
    high = np.full(target.shape, 40.0) / np.sqrt(t)
    # Where vega is largest (Manaster and Koehler, Journal of Finance 37, 1982), kept within the bracket.
    moneyness = np.abs(np.log(s / k) + (r - q) * t)
    sigma = np.clip(np.sqrt(2.0 * moneyness / t), 0.2, high)
    wanted = np.log(target)
    done = np.zeros(target.shape, dtype=bool)
    for _ in range(max_iterations):
        terms = _terms(is_call, s, k, t, r, sigma, q)
        value = _price(terms)
        slope = _vega(terms) * 100.0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            miss = np.log(np.maximum(value, 0.0)) - wanted
            newton = sigma - miss * value / slope
        above = miss > 0
        high, low = np.where(above, sigma, high), np.where(above, low, sigma)
        inside = np.isfinite(newton) & (newton > low) & (newton < high)
        middle = np.where(high > 4.0 * low, np.sqrt(low * high), 0.5 * (low + high))
        following = np.where(inside, newton, middle)
        exact = miss == 0
        settled = exact | (np.abs(following - sigma) <= 1e-11 * sigma)
        sigma = np.where(done | exact, sigma, following)
        done |= settled
        if done.all():
            break
    return sigma, done
