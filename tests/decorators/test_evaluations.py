"""Each callable of the user is called once per call, and a failing one counts one internal error."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from signalscope import (
    instrument_cache,
    instrument_dependency,
    instrument_greeks,
    instrument_query,
    instrument_queue,
    instrument_signal,
    instrument_task,
    result,
)
from signalscope.testing import Captured

ERRORS = "signalscope_internal_errors_total"


class Case(NamedTuple):
    """One decorator, and a value for each of its options that may be a callable.

    `of_success` names the options that only a call that returned needs.
    """

    decorator: Any
    where: str
    attributes: Mapping[str, Any]
    others: Mapping[str, Any] = MappingProxyType({})
    constants: Mapping[str, Any] = MappingProxyType({})
    of_success: frozenset[str] = frozenset()


CASES = {
    "greeks": Case(
        instrument_greeks,
        "decorators.greeks",
        {"calculation_type": "delta", "model_type": "black", "vectorized": False},
        {"batch_size": 3, "values": 0.5},
        of_success=frozenset({"values"}),
    ),
    "greeks of one option": Case(
        instrument_greeks,
        "decorators.greeks",
        {"calculation_type": "delta", "model_type": "black", "vectorized": False},
    ),
    "signal": Case(
        instrument_signal,
        "decorators.signal",
        {"signal_type": "momentum", "complexity": "simple", "data_source": "feed"},
        {"emitted": "buy"},
        of_success=frozenset({"emitted"}),
    ),
    "cache": Case(
        instrument_cache,
        "decorators.cache",
        {"cache_type": "greeks", "operation": "get"},
        {"hit": True},
        of_success=frozenset({"hit"}),
    ),
    "queue, process": Case(
        instrument_queue,
        "decorators.queue",
        {"queue_type": "work", "priority": "high"},
        {"enqueued_at": time.monotonic()},
    ),
    "queue, put": Case(
        instrument_queue,
        "decorators.queue",
        {"queue_type": "work", "priority": "high"},
        constants={"step": "put"},
    ),
    "dependency": Case(
        instrument_dependency,
        "decorators.dependency",
        {"service_name": "ticker_service", "operation": "quote", "criticality": "critical"},
    ),
    "task": Case(instrument_task, "decorators.task", {"task_type": "nightly", "priority": "low"}),
    "query": Case(
        instrument_query,
        "decorators.query",
        {"query_type": "lookup", "table": "signals", "operation": "select"},
    ),
}


def plain(item: float, fails: bool) -> float:
    """A function; 5.0 is a delta out of its range."""
    if fails:
        raise ValueError(item)
    return item


async def coroutine(item: float, fails: bool) -> float:
    """A coroutine function."""
    return plain(item, fails)


def generator(item: float, fails: bool) -> Iterator[float]:
    """A generator function."""
    yield plain(item, fails)


async def async_generator(item: float, fails: bool) -> AsyncIterator[float]:
    """An asynchronous generator function."""
    yield plain(item, fails)


async def _exhaust(generator: AsyncIterator[float]) -> None:
    async for _ in generator:
        pass


RUNS: dict[Callable[..., Any], Callable[[Any], object]] = {
    plain: lambda _: None,
    coroutine: asyncio.run,
    generator: list,
    async_generator: lambda generator: asyncio.run(_exhaust(generator)),
}


def run(function: Any, call: Any, *, fails: bool) -> None:
    """Call a decorated function of one kind to its end."""
    try:
        RUNS[function](call(5.0, fails))
    except ValueError:
        assert fails
    else:
        assert not fails


def counting(case: Case, evaluated: Counter[str], failing: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the options of a case as callables that count their calls; some of them fail."""

    def option(name: str, value: Any) -> Callable[[float], Any]:
        def evaluate(item: float) -> Any:
            evaluated[name] += 1
            if name in failing:
                raise LookupError(name)
            return value

        return evaluate

    values = {**case.attributes, **case.others}
    return {**{name: option(name, value) for name, value in values.items()}, **case.constants}


def where_of(case: Case, option: str) -> str:
    """Return the internal error that a failing option counts."""
    return f"{case.where}.{option if option in case.others else 'attributes'}"


def errors(captured: Captured) -> dict[str, float]:
    """Return the number of internal errors, by place."""
    return {point.labels["where"]: point.value for point in captured.points(ERRORS) if point.value}


@pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
@pytest.mark.parametrize("function", RUNS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("name", CASES)
def test_each_callable_is_evaluated_once_a_call(
    captured: Captured, name: str, function: Any, fails: bool
) -> None:
    """This holds for all decorators and kinds of functions; a failed call skips options for successes."""
    case, evaluated = CASES[name], Counter[str]()
    decorated = case.decorator(**counting(case, evaluated))(function)
    run(function, decorated, fails=fails)
    options = case.attributes.keys() | case.others.keys()
    assert evaluated == Counter(options - case.of_success if fails else options)
    assert errors(captured) == {}


@pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
@pytest.mark.parametrize("function", RUNS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("name", CASES)
def test_a_failing_callable_is_one_internal_error(
    captured: Captured, name: str, function: Any, fails: bool
) -> None:
    """All callables fail: each counts one internal error, and none is called a second time."""
    case, evaluated = CASES[name], Counter[str]()
    options = case.attributes.keys() | case.others.keys()
    decorated = case.decorator(**counting(case, evaluated, frozenset(options)))(function)
    run(function, decorated, fails=fails)
    # A cache operation of an unknown kind is not a get, so `hit` is not called.
    expected = options - (case.of_success if fails else frozenset()) - {"hit"}
    assert evaluated == Counter(expected)
    assert errors(captured) == Counter(where_of(case, option) for option in expected)


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name, case in CASES.items() for option in (*case.attributes, *case.others)],
)
def test_one_failing_callable_leaves_the_others_alone(captured: Captured, name: str, option: str) -> None:
    """The other callables are still called once, and their values are recorded."""
    case, evaluated = CASES[name], Counter[str]()
    decorated = case.decorator(**counting(case, evaluated, frozenset({option})))(plain)
    run(plain, decorated, fails=False)
    assert all(times == 1 for times in evaluated.values()), evaluated
    assert errors(captured) == {where_of(case, option): 1}


@pytest.mark.parametrize("function", RUNS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if name != "greeks of one option"])
def test_a_failed_call_has_no_result_to_take_values_from(
    captured: Captured, name: str, function: Any
) -> None:
    """Every option comes from the result: the failed call is measured, without an internal error."""
    case = CASES[name]
    options = {option: result("nonsense") for option in (*case.attributes, *case.others) if option != "hit"}
    decorated = case.decorator(**options, **case.constants)(function)
    run(function, decorated, fails=True)
    assert errors(captured) == {}


def test_the_time_of_queueing_may_be_in_the_result(captured: Captured) -> None:
    """`enqueued_at` gets the result of a call that returned, as every other option does."""

    @instrument_queue(queue_type="late", enqueued_at=lambda result: result)
    def take() -> float:
        return time.monotonic() - 3

    take()
    (point,) = captured.points("signal_service_queue_wait_seconds", queue_type="late")
    assert (point.count, point.value >= 3) == (1, True)
    assert errors(captured) == {}


def test_a_response_whose_status_cannot_be_read_is_measured(captured: Captured) -> None:
    """A property raises: the duration is recorded, and the failure is one internal error."""

    class Response:
        @property
        def status_code(self) -> int:
            raise RuntimeError("closed")

    @instrument_dependency(service_name="ticker_service", operation="quote")
    def quote() -> Response:
        return Response()

    quote()
    assert captured.count("signal_service_external_service_duration_seconds", operation="quote") == 1
    assert errors(captured) == {"decorators.dependency.status": 1}
