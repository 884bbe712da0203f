"""Option prices, Greeks and implied volatilities of whole chains, as NumPy array operations.

The model is Black-Scholes-Merton with a continuous dividend yield; with a yield of 0 it is Black-Scholes.
The formulas are from J. C. Hull, "Options, Futures, and Other Derivatives". See its chapters on the
Black-Scholes-Merton model, on options on assets with a yield, and on the Greek letters. E. G. Haug, "The Complete
Guide to Option Pricing Formulas", chapters 1 and 2, has the same formulas.
The conventions are those of vollib. Theta is per calendar day (1/365 year); vega and rho are per 1 percentage point
(0.01). Time is in years, and rates are continuous.

At expiry (``t == 0``) or without volatility the results are limits. The price is the discounted intrinsic value.
Delta is that of a certain exercise, or 0. Gamma and vega are 0. Exactly at the money, gamma is infinite.
"""
# ruff: noqa: PLR0917  # the order of the arguments is vollib's and the literature's

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr  # type: ignore[import-untyped]  # scipy has no type hints

Array = npt.NDArray[np.float64]
Numbers = npt.ArrayLike

_INVERSE_SQRT_2PI = 0.3989422804014327


class Greeks(NamedTuple):
    """Price and the five Greeks of each option, as arrays of the same shape."""

    price: Array
    delta: Array
    gamma: Array
    theta: Array
    vega: Array
    rho: Array


class ImpliedVolatility(NamedTuple):
    """Implied volatilities, and which of these are valid.

    Attributes:
        volatility: Annual volatility; NaN where `converged` is False.
        converged: False where no volatility gives the price: below the intrinsic value, above the maximum, or NaN.
            Also False where the time value is too small to determine a volatility.
    """

    volatility: Array
    converged: npt.NDArray[np.bool_]


class _Terms(NamedTuple):
    """The terms that all formulas share.

    Attributes:
        sign: 1 for calls and -1 for puts.
        asset: S e^(-qt), the discounted spot price.
        cash: K e^(-rt), the discounted strike price.
        d1: [ln(S/K) + (r - q + sigma^2/2) t] / (sigma sqrt(t)) (Hull).
        d2: d1 - sigma sqrt(t) (Hull).
    """

    sign: Array
    asset: Array
    cash: Array
    d1: Array
    d2: Array


def _arrays(*numbers: Numbers) -> Iterator[Array]:
    return (np.asarray(values, dtype=np.float64) for values in numbers)


def _terms(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers
) -> _Terms:
    sign = np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)
    s, k, years, rate, vol, dividend = _arrays(spot, strike, t, r, sigma, q)
    total = vol * np.sqrt(years)
    drift = np.log(s / k) + (rate - dividend) * years
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.where(total > 0, drift / total, np.where(drift == 0, 0.0, np.copysign(np.inf, drift)))
    asset, cash = s * np.exp(-dividend * years), k * np.exp(-rate * years)
    return _Terms(sign, asset, cash, centre + 0.5 * total, centre - 0.5 * total)


def _density(x: Array) -> Array:
    return _INVERSE_SQRT_2PI * np.exp(-0.5 * x * x)


def _price(terms: _Terms) -> Array:
    asset, cash = terms.asset * ndtr(terms.sign * terms.d1), terms.cash * ndtr(terms.sign * terms.d2)
    return np.asarray(terms.sign * (asset - cash))


def price(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers = 0.0
) -> Array:
    """Return prices: S e^(-qt) N(d1) - K e^(-rt) N(d2) for calls, and by put-call symmetry for puts (Hull).

    Args:
        is_call: True for calls, False for puts.
        spot: The underlying's price, positive.
        strike: Strike price, positive.
        t: Years to expiry, not negative.
        r: Risk-free rate, continuously compounded.
        sigma: Annual volatility, not negative.
        q: Dividend yield, continuously compounded.

    Returns:
        An array of the shape to which the arguments broadcast.

    Example:
        >>> round(float(price(True, 100.0, 100.0, 1.0, 0.05, 0.2)), 4)
        10.4506
    """
    return _price(_terms(is_call, spot, strike, t, r, sigma, q))


def delta(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers = 0.0
) -> Array:
    """Return the change of the price for each unit of the spot price (Hull).

    It is e^(-qt) N(d1) for calls and -e^(-qt) N(-d1) for puts. The arguments are those of `price`.

    Example:
        >>> round(float(delta(True, 100.0, 100.0, 1.0, 0.05, 0.2)), 4)
        0.6368
    """
    terms = _terms(is_call, spot, strike, t, r, sigma, q)
    return np.asarray(terms.sign * np.exp(-np.multiply(q, t)) * ndtr(terms.sign * terms.d1))


def greeks(
    is_call: Numbers, spot: Numbers, strike: Numbers, t: Numbers, r: Numbers, sigma: Numbers, q: Numbers = 0.0
) -> Greeks:
    """Return prices and all five Greeks, which share d1, d2 and the discount factors (Hull).

    Gamma is e^(-qt) n(d1) / (S sigma sqrt(t)), the change of delta for each unit of the spot price.
    Theta is the change of the price for each calendar day that passes: Hull's annual theta divided by 365.
    Vega is S e^(-qt) n(d1) sqrt(t) / 100, the change of the price for 1 percentage point of volatility.
    Rho is K t e^(-rt) N(d2) / 100, the change of the price for 1 percentage point of the rate, negative for puts.
    The arguments are those of `price`.

    Example:
        >>> round(float(greeks(True, 100.0, 100.0, 1.0, 0.05, 0.2).vega), 4)
        0.3752
    """
    terms = sign, asset, cash, d1, d2 = _terms(is_call, spot, strike, t, r, sigma, q)
    s, years, rate, vol, dividend = _arrays(spot, t, r, sigma, q)
    discount, root = np.exp(-dividend * years), np.sqrt(years)
    density, n1, n2 = _density(d1), ndtr(sign * d1), ndtr(sign * d2)
    with np.errstate(divide="ignore", invalid="ignore"):
        gamma = np.where(density == 0.0, 0.0, discount * density / (s * vol * root))
        decay = np.where((density == 0.0) | (vol == 0.0), 0.0, asset * density * vol / (2.0 * root))
    theta = (-decay + sign * (dividend * asset * n1 - rate * cash * n2)) / 365.0
    vega, rho = asset * density * root * 0.01, sign * cash * years * n2 * 0.01
    return Greeks(*map(np.asarray, (_price(terms), sign * discount * n1, gamma, theta, vega, rho)))


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
    """Return the volatilities that give the quoted prices, by a safeguarded Newton iteration on whole arrays.

    Put-call parity turns in-the-money quotes into out-of-the-money ones, whose price is all time value.
    Newton's method runs on the logarithm of the price, which is nearly linear far out of the money
    (P. Jaeckel, "By Implication", 2006). Bisection replaces a step that leaves the bracket.

    Args:
        quote: Option prices.
        is_call: True for calls, False for puts.
        spot: The underlying's price, positive.
        strike: Strike price, positive.
        t: Years to expiry.
        r: Risk-free rate, continuously compounded.
        q: Dividend yield, continuously compounded.
        max_iterations: Iterations after which an element counts as not converged.

    Example:
        >>> round(float(implied_volatility(10.4506, True, 100.0, 100.0, 1.0, 0.05).volatility), 4)
        0.2
    """
    flags, *numbers = np.broadcast_arrays(
        np.asarray(is_call, dtype=bool), *_arrays(quote, spot, strike, t, r, q)
    )
    observed, s, k, years, rate, dividend = (array.ravel() for array in numbers)
    sign = np.where(flags.ravel(), 1.0, -1.0)
    forward_value, cash_value = s * np.exp(-dividend * years), k * np.exp(-rate * years)
    intrinsic = np.maximum(sign * (forward_value - cash_value), 0.0)
    target = observed - intrinsic
    call_side = forward_value <= cash_value
    resolution = 8.0 * np.finfo(np.float64).eps * np.maximum(observed, intrinsic)
    with np.errstate(invalid="ignore"):
        solvable = (target > resolution) & (target < np.minimum(forward_value, cash_value))
        solvable &= (years > 0) & (s > 0) & (k > 0)
    volatility = np.full(observed.shape, np.nan)
    converged = np.zeros(observed.shape, dtype=bool)
    if solvable.any():
        inputs = (values[solvable] for values in (target, call_side, s, k, years, rate, dividend))
        volatility[solvable], converged[solvable] = _solve(max_iterations, *inputs)
        volatility[~converged] = np.nan
    return ImpliedVolatility(volatility.reshape(flags.shape), converged.reshape(flags.shape))


def _solve(
    iterations: int, target: Array, is_call: Array, s: Array, k: Array, t: Array, r: Array, q: Array
) -> tuple[Array, npt.NDArray[np.bool_]]:
    low = np.full(target.shape, 1e-8) / np.sqrt(t)
    high = np.full(target.shape, 40.0) / np.sqrt(t)
    # Start where vega is largest (Manaster and Koehler, Journal of Finance 37, 1982), within the bracket.
    moneyness = np.abs(np.log(s / k) + (r - q) * t)
    sigma = np.clip(np.sqrt(2.0 * moneyness / t), 0.2, high)
    target_log = np.log(target)
    done = np.zeros(target.shape, dtype=bool)
    for _ in range(iterations):
        terms = _terms(is_call, s, k, t, r, sigma, q)
        value = _price(terms)
        slope = terms.asset * _density(terms.d1) * np.sqrt(t)  # vega
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            miss = np.log(np.maximum(value, 0.0)) - target_log
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
