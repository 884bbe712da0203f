"""Results of calculations: how many values cannot be used, and why."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from signalscope import instrument_greeks
from signalscope.decorators._checks import examine
from signalscope.testing import Captured


class _Implied(NamedTuple):
    volatility: Any
    converged: Any


class _Greeks(NamedTuple):
    delta: Any
    gamma: Any


@pytest.mark.parametrize(
    ("result", "tally", "is_invalid"),
    [
        (_Implied(0.2, True), {}, False),
        (_Implied(float("nan"), False), {"not_converged": 1}, True),
        (_Implied(float("nan"), True), {"nan": 1}, True),
        (_Implied(np.array([0.2, 0.3]), np.array([True, True])), {}, False),
        (_Implied(np.array([0.2, np.nan]), np.array([True, False])), {"not_converged": 1}, False),
        (_Implied(np.array([np.nan, np.nan]), np.array([False, False])), {"not_converged": 2}, True),
        (_Implied(np.array([np.nan, 0.2, np.inf]), np.array([False, True, True])),
         {"not_converged": 1, "infinite": 1}, False),
        (_Implied(np.full(3, np.nan), np.full(3, True)), {"nan": 3}, True),
        (_Greeks(np.array([0.5, 1.5]), np.array([0.1, -0.1])), {"out_of_range": 2}, False),
        (_Greeks(np.full(4, np.nan), np.full(4, np.nan)), {"nan": 8}, True),
        ({"delta": 0.5, "gamma": None}, {"none": 1}, False),
        (np.array([]), {}, False),
        (None, {"none": 1}, True),
    ],
)  # fmt: skip
def test_values_are_counted_by_reason(result: Any, tally: dict[str, int], is_invalid: bool) -> None:
    """One that did not converge has that reason only; a result is invalid when none of it can be used."""
    found, looked = examine(result, "iv")
    assert found == tally
    assert (bool(found) and sum(found.values()) >= looked) == is_invalid


def test_a_chain_of_which_a_part_did_not_converge_is_a_success(captured: Captured) -> None:
    """The failed ones are counted; the call has given something that can be used."""

    @instrument_greeks(calculation_type="iv", model_type="black", vectorized=True)
    def implied(quotes: Any) -> _Implied:
        return _Implied(quotes, np.isfinite(quotes))

    implied(np.array([0.2, np.nan, 0.3, np.nan]))
    implied(np.full(5, np.nan))
    invalid = "signal_service_greeks_invalid_results_total"
    assert captured.value(invalid, reason="not_converged", calculation_type="iv") == 7
    assert captured.value(invalid, reason="nan") is None
    calls = captured.points("signal_service_greeks_calculation_seconds")
    assert {p.labels["outcome"]: p.count for p in calls} == {"success": 1, "invalid": 1}
    assert captured.value("signal_service_greeks_options_total") == 9
