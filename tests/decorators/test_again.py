"""A function that is decorated again, as by a cell of a notebook that runs twice."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from signalscope import instrument_greeks
from signalscope.testing import capture

_OPTIONS = "signal_service_greeks_options_total"


def _price(spot: float) -> float:
    return spot / 2


def test_the_same_decorator_counts_once() -> None:
    """Three runs of the cell give one count for each call, and the function stays the same."""
    with capture() as captured:
        price: Any = _price
        for _ in range(3):
            price = instrument_greeks(calculation_type="delta")(price)
        assert price is instrument_greeks(calculation_type="delta")(price)
        assert price(3.0) == 1.5
        assert captured.value(_OPTIONS) == 1


def test_other_options_and_other_functions_count() -> None:
    """Other options are another measurement, and so is a function around the decorated one."""

    def twice(call: Callable[[float], float]) -> Callable[[float], float]:
        @functools.wraps(call)
        def run(spot: float) -> float:
            return call(spot) + call(spot)

        return run

    with capture() as captured:
        delta = instrument_greeks(calculation_type="delta")(_price)
        instrument_greeks(calculation_type="gamma")(delta)(3.0)
        assert captured.value(_OPTIONS, calculation_type="delta") == 1
        assert captured.value(_OPTIONS, calculation_type="gamma") == 1
        instrument_greeks(calculation_type="delta")(twice(delta))(3.0)
        assert captured.value(_OPTIONS, calculation_type="delta") == 4
