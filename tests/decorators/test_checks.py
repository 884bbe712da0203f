"""Results of calculations: how many values cannot be used, and why."""

from __future__ import annotations

import dataclasses
import warnings
from collections import deque
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalscope import instrument_greeks
from signalscope.decorators._batch import size_of
from signalscope.decorators._checks import examine
from signalscope.testing import Captured, capture


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
    """A value that did not converge has only this reason; a result without usable values is invalid."""
    counted, looked = examine(result, "iv")
    assert counted == tally
    assert (bool(counted) and sum(counted.values()) >= looked) == is_invalid


@given(
    st.lists(
        st.fixed_dictionaries({
            "delta": st.none() | st.floats(),
            "gamma": st.floats(width=32) | st.lists(st.floats(), max_size=3).map(np.array),
            "vega": st.none() | st.floats(),
            "converged": st.booleans(),
        }),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_no_more_results_are_invalid_than_checked(chain: list[dict[str, Any]]) -> None:
    """An option of a chain has several results, each of which can be invalid; the ratio stays within 0 and 1."""
    with capture() as captured:

        @instrument_greeks(calculation_type="chain", model_type="black")
        def calculate() -> list[dict[str, Any]]:
            return chain

        calculate()
        invalid = captured.value("signal_service_greeks_invalid_results_total")
        checked = captured.value("signal_service_greeks_checked_results_total")
    tally, examined = examine(chain, "chain")
    assert (invalid or 0, checked or 0) == (sum(tally.values()), examined)
    assert sum(tally.values()) <= examined


def test_a_chain_of_which_a_part_did_not_converge_is_a_success(captured: Captured) -> None:
    """The failed calculations are counted; the call has usable values, so it is a success."""

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


@dataclasses.dataclass
class _Option:
    delta: Any
    gamma: Any
    strike: float = 100.0


@dataclasses.dataclass(slots=True)
class _Slotted:
    delta: Any
    spot: float = 450.0


class _Object:
    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)


_NAN = float("nan")
_TEN_THOUSAND = np.full(10_000, 0.5)
_TEN_THOUSAND[[1, 3, 5, 7]] = [np.nan, np.inf, 7.0, -np.inf]


@pytest.mark.parametrize(
    ("result", "kind", "tally", "looked", "size"),
    [
        # all values of an array, at any position, of any numeric type
        (_TEN_THOUSAND, "delta", {"nan": 1, "infinite": 2, "out_of_range": 1}, 10_000, 10_000),
        (_TEN_THOUSAND.reshape(100, 100), "delta", {"nan": 1, "infinite": 2, "out_of_range": 1}, 10_000, 10_000),
        (np.array([0.1, np.inf, -1.0], dtype="float32"), "gamma", {"infinite": 1, "out_of_range": 1}, 3, 3),
        (np.array([1, 0, -1], dtype="int64"), "vega", {"out_of_range": 1}, 3, 3),
        (np.array([None, 0.5, _NAN], dtype=object), "delta", {"none": 1, "nan": 1}, 3, 3),
        (np.ma.array([0.5, _NAN], mask=[False, True]), "delta", {}, 1, 2),
        (np.float32(2), "delta", {"out_of_range": 1}, 1, 1),
        (np.array(_NAN), "delta", {"nan": 1}, 1, 1),
        ([0.5] * 4_999 + [_NAN] + [0.5] * 5_000, "delta", {"nan": 1}, 10_000, 10_000),
        (deque([0.5, 2.0]), "delta", {"out_of_range": 1}, 2, 2),
        ([[0.5, _NAN], [2.0, 0.0]], "delta", {"nan": 1, "out_of_range": 1}, 4, 4),
        (pd.Series([0.5, _NAN]), "delta", {"nan": 1}, 2, 2),
        # records are checked in the fields that are named after Greeks, and in no other field
        (_Option(_NAN, -1.0), "chain", {"nan": 1, "out_of_range": 1}, 2, 1),
        (_Slotted(1.5), "chain", {"out_of_range": 1}, 1, 1),
        (_Object(delta=_NAN, spot=450.0), "delta", {"nan": 1}, 1, 1),
        ([_Option(0.5, 0.1), _Option(2.0, 0.1)], "chain", {"out_of_range": 1}, 4, 2),
        ([{"delta": _NAN}, {"delta": 0.5}], "chain", {"nan": 1}, 2, 2),
        ({"AAPL": {"delta": _NAN}, "MSFT": {"delta": 0.5}}, "chain", {"nan": 1}, 2, 2),
        ({"Deltas": np.array([0.5, 2.0]), "strikes": np.array([90.0, 110.0])}, "delta", {"out_of_range": 1}, 2, 2),
        ({"value": -0.4, "spot": 450.0}, "delta", {}, 1, 1),
        ({"strikes": [90.0, 110.0], "note": None}, "delta", {}, 0, 2),
        ({90.0: _NAN, 110.0: 0.5}, "delta", {"nan": 1}, 2, 2),
        (pd.DataFrame({"delta": [0.5, _NAN], "strike": [90.0, 110.0]}), "delta", {"nan": 1}, 2, 2),
        (pd.DataFrame([[0.5, 2.0]], columns=[90.0, 110.0]), "delta", {"out_of_range": 1}, 2, 2),
        (pd.Series([0.5, pd.NA], dtype=object), "delta", {"none": 1}, 2, 2),
        (pd.DataFrame({"strike": [90.0, 110.0]}), "delta", {}, 0, 2),
        (np.array([(_NAN, 90.0)], dtype=[("delta", float), ("strike", float)]), "delta", {"nan": 1}, 1, 1),
        # calculations that did not converge, in each form
        ({"iv": 0.2, "converged": False}, "iv", {"not_converged": 1}, 1, 1),
        (_Object(iv=_NAN, converged=np.False_), "iv", {"not_converged": 1}, 1, 1),
        (_Object(volatility=[0.2, _NAN], converged=[True, False]), "iv", {"not_converged": 1}, 2, 2),
        # other objects are not checked
        ("0.5 or so", "delta", {}, 1, 1),
        (object(), "delta", {}, 1, 1),
        (iter([_NAN]), "delta", {}, 1, 1),
    ],
)  # fmt: skip
def test_every_shape_of_result_is_judged(
    result: Any, kind: str, tally: dict[str, int], looked: int, size: int
) -> None:
    """The result is exact, and NumPy does not warn; some programs turn warnings into exceptions."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert examine(result, kind) == (tally, looked)
        assert size_of(result) == size


def test_the_examination_of_a_result_is_bounded() -> None:
    """Ten thousand values of a list, a thousand records and a few levels are examined; a cycle ends."""
    assert examine([0.5] * 1_000_000, "delta")[1] == 10_000
    assert examine([0.5] * 19_999, "delta")[1] == 10_000
    assert examine([{"delta": 0.5}] * 100_000, "chain")[1] == 1_000
    cyclic: dict[str, Any] = {}
    cyclic["again"] = [cyclic]
    assert examine(cyclic, "delta") == ({}, 0)


def test_a_result_that_cannot_be_examined_is_measured_all_the_same(captured: Captured) -> None:
    """An object whose attributes fail or are wrong: the call is timed, and the failure is counted."""

    class Lying:
        shape = (1, "two")

        @property
        def converged(self) -> bool:
            raise RuntimeError("no")

        delta = 0.5

        def __init__(self) -> None:
            self.gamma = 1.0

    @instrument_greeks(calculation_type="delta")
    def delta() -> Lying:
        return Lying()

    assert isinstance(delta(), Lying)
    assert captured.count("signal_service_greeks_calculation_seconds") == 1
    assert captured.value("signalscope_internal_errors_total", where="decorators.greeks.check") == 1


def test_numpy_scalars_take_the_way_of_floats(captured: Captured) -> None:
    """They are floats, and checked like floats."""

    @instrument_greeks(calculation_type="delta")
    def delta(value: Any) -> Any:
        return value

    for value in (0.5, np.nan, 2.0):
        delta(np.float64(value))
    calls = captured.points("signal_service_greeks_calculation_seconds")
    assert {p.labels["outcome"]: p.count for p in calls} == {"success": 1, "invalid": 2}


@pytest.mark.parametrize(
    ("given", "counted"),
    [(7, 7), (np.int64(7), 7), (7.0, 7), (np.float64(7), 7), (np.arange(7), 7), (["a", "b"], 2), (0.5, None)],
)
def test_a_batch_size_may_be_any_whole_number_or_a_length(
    captured: Captured, given: Any, counted: int | None
) -> None:
    """NumPy's numbers are numbers; another object is counted as a failure of the callable."""

    @instrument_greeks(calculation_type="chain", vectorized=True, batch_size=lambda strikes: strikes)
    def chain(strikes: Any) -> float:
        return 1.0

    chain(given)
    assert captured.value("signal_service_greeks_options_total") == counted
    errors = captured.value("signalscope_internal_errors_total", where="decorators.greeks.batch_size")
    assert errors == (1 if counted is None else None)


@pytest.mark.parametrize(
    ("result", "size"),
    [
        # groups of options
        ({"calls": [{"delta": 0.5}] * 3, "puts": [{"delta": -0.5}] * 4}, 7),
        ({"calls": np.zeros(3), "puts": np.zeros(4)}, 7),
        ({"calls": [0.1] * 3, "puts": [0.1] * 4}, 7),
        ({"calls": {"delta": np.zeros(3)}, "puts": {"delta": np.zeros(4)}}, 7),
        ({"calls": pd.DataFrame({"delta": np.zeros(3)}), "puts": pd.DataFrame({"delta": np.zeros(2)})}, 5),
        ({"2026-01": {100.0: 0.5, 101.0: 0.4}, "2026-02": {100.0: 0.4}}, 3),
        ({"symbol": "AAPL", "options": [{"delta": 0.5}] * 6}, 6),
        ({"spot": 100.0, "greeks": {"delta": np.zeros(4)}}, 4),
        (_Object(calls=[_Option(0.5, 0.1)] * 3, price=np.zeros(3)), 3),
        ([{"delta": np.zeros(3)}, {"delta": np.zeros(5)}], 8),
        ([np.zeros(3), np.zeros(4)], 7),
        ([[0.1, 0.2], [0.3]], 3),
        ([pd.DataFrame({"delta": np.zeros(3)}), pd.DataFrame({"delta": np.zeros(2)})], 5),
        ({"calls": {}, "puts": []}, 0),
        ([], 0),
        ({}, 0),
        # one option each
        ([{"delta": 0.5}] * 2_000, 2_000),
        ([_Option(0.5, 0.1)] * 4, 4),
        (np.array([{"delta": 0.5}] * 3, dtype=object), 3),
        (pd.Series([{"delta": 0.1}] * 3), 3),
        # several values of the same options
        ((np.zeros(5), np.zeros(5)), 5),
        (([0.1, 0.2], [0.3, 0.4]), 2),
        ({"strikes": np.zeros(4), "vols": np.zeros(4), "spot": 100.0}, 4),
        (np.zeros((3, 4)), 12),
        (pd.DataFrame(np.zeros((3, 4))), 12),
        ((0.1, 0.2), 2),
    ],
)  # fmt: skip
def test_the_size_of_a_batch_comes_from_each_shape_of_result(result: Any, size: int) -> None:
    """Groups are added, and columns of the same options are not."""
    assert size_of(result) == size


def test_the_size_of_a_cycle_ends() -> None:
    """A list that contains itself has a size."""
    cycle: list[Any] = [0.5]
    cycle.insert(0, cycle)
    assert size_of(cycle) >= 1
