"""The array engine agrees with vollib, and marks the options for which it has no result."""

import itertools
from typing import Any

import numpy as np
import pytest
from vollib.black_scholes import black_scholes
from vollib.black_scholes.greeks import analytical as bs
from vollib.black_scholes_merton import black_scholes_merton
from vollib.black_scholes_merton.greeks import analytical as bsm
from vollib.black_scholes_merton.implied_volatility import (
    implied_volatility as vollib_volatility,
)

from signalscope.demo.service import engine

# Flag, spot, strike, years, rate, volatility, yield: ordinary, hours before expiry, deep in and out of the money.
GRID = [
    (flag, 100.0, strike, years, rate, volatility, dividend)
    for flag, strike, years, rate, volatility, dividend in itertools.product(
        "cp",
        (20.0, 80.0, 97.5, 100.0, 130.0, 500.0),
        (1e-6, 0.001, 0.1, 1.0, 5.0),
        (-0.01, 0.0, 0.05),
        (0.01, 0.2, 1.5),
        (0.0, 0.03),
    )
]
NAMES = ("price", "delta", "gamma", "theta", "vega", "rho")


def arrays(grid: list[tuple[str, float, float, float, float, float, float]]) -> list[Any]:
    """Return the columns of the grid; the flag becomes True for calls."""
    flags, *numbers = zip(*grid, strict=True)
    return [np.array([flag == "c" for flag in flags]), *(np.array(column) for column in numbers)]


@pytest.mark.parametrize("name", NAMES)
def test_chain_results_equal_vollib_with_dividends(name: str) -> None:
    """Each value is within 1e-9 of vollib's Black-Scholes-Merton; above 1 the difference is relative."""
    vollib_function = black_scholes_merton if name == "price" else getattr(bsm, name)
    expected = [vollib_function(*row) for row in GRID]
    np.testing.assert_allclose(getattr(engine.greeks(*arrays(GRID)), name), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_chain_results_equal_vollib_without_dividends(name: str) -> None:
    """Without a dividend yield the values are those of vollib's Black-Scholes."""
    vollib_function = black_scholes if name == "price" else getattr(bs, name)
    rows = [row[:6] for row in GRID if row[6] == 0.0]
    expected = [vollib_function(*row) for row in rows]
    columns = arrays([(*row, 0.0) for row in rows])[:6]
    np.testing.assert_allclose(getattr(engine.greeks(*columns), name), expected, rtol=1e-9, atol=1e-9)


def test_all_greeks_at_once_are_the_single_ones() -> None:
    """`greeks` gives exactly the values of the functions for one Greek."""
    together = engine.greeks(*arrays(GRID))
    for name in ("price", "delta"):
        np.testing.assert_array_equal(getattr(together, name), getattr(engine, name)(*arrays(GRID)))


def test_put_call_parity() -> None:
    """A call minus a put is the discounted forward, at any volatility."""
    _, spot, strike, t, r, sigma, q = arrays(GRID)
    difference = engine.price(True, spot, strike, t, r, sigma, q) - engine.price(
        False, spot, strike, t, r, sigma, q
    )
    np.testing.assert_allclose(difference, spot * np.exp(-q * t) - strike * np.exp(-r * t), atol=1e-10)


def test_at_expiry_results_are_the_limits() -> None:
    """At expiry the price is the intrinsic value, delta is 0 or 1, gamma and vega are 0."""
    result = engine.greeks([True, True, False], 100.0, [90.0, 110.0, 110.0], 0.0, 0.05, 0.2)
    np.testing.assert_array_equal(result.price, [10.0, 0.0, 10.0])
    np.testing.assert_array_equal(result.delta, [1.0, 0.0, -1.0])
    np.testing.assert_array_equal(result.gamma, [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(result.vega, [0.0, 0.0, 0.0])


def test_at_expiry_at_the_money_gamma_is_infinite() -> None:
    """Gamma is infinite where it has no finite limit."""
    assert engine.greeks(True, 100.0, 100.0, 0.0, 0.0, 0.2).gamma == np.inf


def test_without_volatility_the_price_is_the_discounted_intrinsic_value() -> None:
    """Without volatility an option is worth the present value of its payoff."""
    value = engine.price([True, False], 100.0, [90.0, 90.0], 1.0, 0.05, 0.0)
    np.testing.assert_allclose(value, [100.0 - 90.0 * np.exp(-0.05), 0.0], atol=1e-12)


def test_scenarios_broadcast() -> None:
    """Spots in one dimension and strikes in the other give the whole table."""
    table = engine.price(True, np.array([[90.0], [110.0]]), np.array([80.0, 100.0, 120.0]), 0.5, 0.01, 0.3)
    assert table.shape == (2, 3)
    assert table[1, 2] == engine.price(True, 110.0, 120.0, 0.5, 0.01, 0.3)


def test_implied_volatility_finds_the_volatility_again() -> None:
    """An exact price with some time value gives its volatility within 1e-9."""
    is_call, spot, strike, t, r, sigma, q = arrays(GRID)
    quote = engine.price(is_call, spot, strike, t, r, sigma, q)
    sign = np.where(is_call, 1.0, -1.0)
    time_value = quote - np.maximum(sign * (spot * np.exp(-q * t) - strike * np.exp(-r * t)), 0.0)
    telling = time_value > 1e-3
    assert telling.sum() > 200
    implied = engine.implied_volatility(quote, is_call, spot, strike, t, r, q)
    assert implied.converged[telling].all()
    np.testing.assert_allclose(implied.volatility[telling], sigma[telling], atol=1e-9)


def _intrinsic(row: tuple[str, float, float, float, float, float, float]) -> float:
    flag, s, k, t, r, _, q = row
    forward = s * np.exp(-q * t) - k * np.exp(-r * t)
    return float(max(forward if flag == "c" else -forward, 0.0))


def test_implied_volatility_equals_vollib() -> None:
    """Prices rounded to 0.01 give the volatility of vollib within 1e-9."""
    rows = [
        (round(float(black_scholes_merton(*row)), 2), *row)
        for row in GRID
        if row[3] >= 0.1 and 80.0 <= row[2] <= 130.0 and row[5] == 0.2 and row[4] >= 0.0
    ]
    # Without time value, because of the rounding, a price has no implied volatility.
    rows = [row for row in rows if row[0] - _intrinsic(row[1:]) > 0.02]
    assert len(rows) > 50
    quotes = np.array([row[0] for row in rows])
    is_call, spot, strike, t, r, _, q = arrays([row[1:] for row in rows])
    implied = engine.implied_volatility(quotes, is_call, spot, strike, t, r, q)
    expected = [vollib_volatility(quote, s, k, t, r, q, flag) for quote, flag, s, k, t, r, _, q in rows]
    assert implied.converged.all()
    np.testing.assert_allclose(implied.volatility, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("quote", "why"),
    [
        (9.0, "below the intrinsic value"),
        (10.0, "the intrinsic value itself"),
        (100.0, "the spot price: no call is worth as much"),
        (0.0, "worthless although in the money"),
        (-1.0, "negative"),
        (np.nan, "not a number"),
        (np.inf, "infinite"),
    ],
)
def test_impossible_price_is_not_converged(quote: float, why: str) -> None:
    """A price that no volatility explains is marked, and its volatility is NaN."""
    implied = engine.implied_volatility([quote, 12.0], True, 100.0, 90.0, 0.5, 0.0)
    assert implied.converged.tolist() == [False, True], why
    assert np.isnan(implied.volatility[0])


def test_too_few_iterations_are_not_converged() -> None:
    """An interrupted iteration is not marked as a result."""
    implied = engine.implied_volatility(12.0, True, 100.0, 90.0, 0.5, 0.0, max_iterations=1)
    assert not implied.converged
    assert np.isnan(implied.volatility)


def test_expired_option_has_no_implied_volatility() -> None:
    """The price of an expired option does not depend on the volatility."""
    assert not engine.implied_volatility(12.0, True, 100.0, 90.0, 0.0, 0.0).converged
