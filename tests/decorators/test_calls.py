"""`@instrument_signal`, `_dependency`, `_task` and `_query`."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from typing import Any, cast

import httpx
import numpy as np
import pytest

from signalscope import (
    ContractError,
    arg,
    instrument_cache,
    instrument_dependency,
    instrument_greeks,
    instrument_query,
    instrument_queue,
    instrument_signal,
    instrument_task,
)
from signalscope.testing import Captured

EMITTED = "signal_service_signals_emitted_total"
ERRORS = "signal_service_dependency_errors_total"
DURATION = "signal_service_external_service_duration_seconds"


@dataclass
class _Signal:
    direction: str
    source: str


def test_signals_are_timed_and_counted(captured: Captured) -> None:
    """One direction, several, a mapping or none: each is counted correctly."""
    results = [_Signal("buy", "feed"), _Signal("sell", "feed")]

    @instrument_signal(
        signal_type=lambda kind: kind,
        complexity="simple",
        data_source=lambda result: result.source,
        emitted=lambda result: result.direction,
    )
    def generate(kind: str) -> _Signal:
        return results.pop()

    @instrument_signal(signal_type="batch", emitted=lambda result: result)
    def many(directions: object) -> object:
        return directions

    generate("momentum")
    generate("momentum")
    many(["buy", "hold", "buy"])
    many({"hold": 4})
    many(None)
    assert captured.value(EMITTED, signal_type="momentum", direction="buy") == 1
    assert captured.value(EMITTED, signal_type="momentum", direction="sell") == 1
    assert captured.value(EMITTED, signal_type="batch", direction="buy") == 2
    assert captured.value(EMITTED, signal_type="batch", direction="hold") == 5
    name = "signal_service_signal_generation_seconds"
    assert captured.count(name, signal_type="momentum", complexity="simple", data_source="feed") == 2
    assert captured.count(name, signal_type="batch", outcome="success") == 3


def test_a_failed_signal_has_no_result_to_ask(captured: Captured) -> None:
    """A generation that raises is timed as an error, emits nothing, and is not an internal error."""

    @instrument_signal(data_source=lambda result: result.source, emitted=lambda result: result.direction)
    def skew() -> _Signal:
        raise RuntimeError("no quotes")

    with pytest.raises(RuntimeError, match="no quotes"):
        skew()
    (point,) = captured.points("signal_service_signal_generation_seconds")
    assert point.labels == {
        "signal_type": "skew", "complexity": "other", "data_source": "other", "outcome": "error"
    }  # fmt: skip
    assert captured.points(EMITTED) == []
    assert captured.points("signalscope_internal_errors_total") == []


def test_an_unknown_direction_is_other_and_counted(captured: Captured) -> None:
    """The measurement is recorded, and the overflow is counted."""

    @instrument_signal(signal_type="odd", emitted="sideways")
    def generate() -> None: ...

    generate()
    assert captured.value(EMITTED, signal_type="odd", direction="other") == 1
    overflow = captured.value(
        "signalscope_attribute_overflow_total",
        instrument="signal_service.signals.emitted",
        attribute="direction",
    )
    assert overflow is not None
    assert overflow >= 1


def test_a_direction_may_be_a_member_of_any_enumeration(captured: Captured) -> None:
    """The value of the member is the direction; a value that is not text is recorded as `other`."""

    class Direction(enum.Enum):
        BUY = "buy"

    @instrument_signal(signal_type="enumerated", emitted=lambda result: result)
    def generate(direction: object) -> object:
        return direction

    assert generate(Direction.BUY) is Direction.BUY
    generate([Direction.BUY, Direction.BUY])
    generate(1)
    assert captured.value(EMITTED, signal_type="enumerated", direction="buy") == 3
    assert captured.value(EMITTED, signal_type="enumerated", direction="other") == 1
    assert captured.value("signalscope_internal_errors_total") is None


@pytest.mark.parametrize(
    ("status", "outcome", "errors"), [(200, "success", 0), (404, "success", 0), (503, "error", 1)]
)
def test_a_response_that_says_so_is_an_error(
    captured: Captured, status: int, outcome: str, errors: int
) -> None:
    """A returned server error counts as an error; a client error may be an ordinary answer."""

    @instrument_dependency(service_name="ticker_service", operation="quote", criticality="critical")
    async def quote() -> httpx.Response:
        return httpx.Response(status)

    asyncio.run(quote())
    assert captured.count(DURATION, service_name="ticker_service", outcome=outcome) == 1
    assert (captured.value(ERRORS, error_type="503", impact_level="critical") or 0) == errors


def test_errors_have_their_type(captured: Captured) -> None:
    """The error type is the exception's class, or the status of its response; a cancelled call is not an error."""

    @instrument_dependency(service_name="own_service", criticality=lambda level: level)
    async def ask(error: Exception | None, level: str = "mandatory") -> None:
        if error is None:
            await asyncio.Event().wait()
        else:
            raise error

    async def all_of_them() -> None:
        request = httpx.Request("GET", "http://127.0.0.1/")
        for error in (
            httpx.ConnectTimeout("late"),
            httpx.HTTPStatusError("bad", request=request, response=httpx.Response(502)),
        ):
            with pytest.raises(type(error)):
                await ask(error)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(None), 0.01)

    asyncio.run(all_of_them())
    errors = {(p.labels["error_type"], p.labels["impact_level"]): p.value for p in captured.points(ERRORS)}
    assert errors == {("ConnectTimeout", "mandatory"): 1, ("502", "mandatory"): 1}
    assert captured.count(DURATION, operation="ask", outcome="error") == 2
    assert captured.count(DURATION, operation="ask", outcome="cancelled") == 1


def test_tasks_and_queries_take_their_function_s_name(captured: Captured) -> None:
    """Without arguments the decorator works too; a failing query is timed as well."""

    @instrument_task
    def nightly() -> int:
        return 3

    @instrument_query(table="signals", operation="delete")
    def prune() -> None:
        raise OSError("disk")

    assert nightly() == 3
    with pytest.raises(OSError, match="disk"):
        prune()
    task, query = "signal_service_background_task_seconds", "signal_service_database_query_seconds"
    assert captured.count(task, task_type="nightly", priority="medium", outcome="success") == 1
    assert captured.count(query, query_type="prune", table="signals", operation="delete") == 1


def test_a_span_is_made_under_a_recording_one(captured: Captured) -> None:
    """The child span has the constant attributes, and the exemplar has its trace id."""

    @instrument_task(task_type="traced", priority="low")
    def work() -> None: ...

    work()
    with captured.tracer.start_as_current_span("request") as request:
        work()
    names = [span.name for span in captured.spans()]
    assert names == ["work", "request"]
    assert dict(captured.spans()[0].attributes or {}) == {"task_type": "traced", "priority": "low"}
    (point,) = captured.points("signal_service_background_task_seconds", task_type="traced")
    assert point.count == 2
    assert point.trace_ids == (format(request.get_span_context().trace_id, "032x"),)


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        (lambda: instrument_task(priority="urgent"), "priority='urgent' is not allowed; allowed: critical"),
        (lambda: instrument_query(operation="upsert"), "operation='upsert' is not allowed"),
        (lambda: instrument_signal(complexity="hard"), "complexity='hard' is not allowed; allowed: simple"),
        (lambda: instrument_dependency(criticality="low"), "criticality='low' is not allowed"),
        (lambda: instrument_greeks(model_type="black_schole"), "did you mean 'black_scholes'"),
        (lambda: instrument_greeks(model_type="vg"), r"contract.allow\('model_type', 'vg'\)"),
        (
            lambda: instrument_task(span="sometimes"),  # type: ignore[call-overload]  # that is the point
            "span='sometimes' is not allowed; allowed: auto, always, never",
        ),
        (
            lambda: instrument_task(task_type=lambda *, path: path),
            "task_type: .* has keyword-only parameters",
        ),
        (
            lambda: instrument_task(task_type=lambda job: job),
            "task_type: print has no parameter 'job'; it has: args",
        ),
        (lambda: instrument_task(task_type=arg("fil.name")), "no parameter 'fil'; did you mean 'file'"),
        (
            lambda: instrument_greeks(batch_size=0),
            "batch_size=0 is not allowed; pass a whole number of at least 1",
        ),
        (lambda: instrument_greeks(batch_size="many"), "batch_size='many' is not allowed"),  # type: ignore[call-overload]  # that is the point
        (lambda: instrument_greeks(batch_size=True), "batch_size=True is not allowed"),
        (lambda: instrument_cache(hit=5), "hit=5 is not allowed; pass a callable"),  # type: ignore[call-overload]  # that is the point
        (
            lambda: instrument_cache(miss_on="KeyError"),  # type: ignore[call-overload]  # that is the point
            "miss_on='KeyError' is not allowed; pass an exception class",
        ),
        (lambda: instrument_queue(enqueued_at=5.0), "enqueued_at differs for each item: pass a callable"),
        (
            lambda: instrument_queue(step="put", enqueued_at=arg("file")),
            "only with step='process'",
        ),
        (lambda: instrument_signal(emitted=5), "emitted=5 is not allowed; pass a direction"),  # type: ignore[call-overload]  # that is the point
    ],
)
def test_constants_are_checked_at_decoration(decorator: object, message: str) -> None:
    """The error names the attribute, the value and the allowed values."""
    with pytest.raises(ContractError, match=message):
        decorator()(print)  # type: ignore[operator]  # a lambda above


def test_an_iterator_that_the_caller_gets_is_not_used_up(captured: Captured) -> None:
    """Counting would exhaust the result: this is rejected and counted, and the caller gets the whole result."""

    @instrument_signal(signal_type="lazy", emitted=lambda result: result)
    def generate() -> object:
        return iter(["buy", "sell"])

    @instrument_signal(signal_type="lazy", emitted=lambda result: (signal for signal in result))
    def listed() -> object:
        return ["buy"]

    assert list(generate()) == ["buy", "sell"]  # type: ignore[call-overload]  # an iterator
    assert listed() == ["buy"]
    assert captured.value(EMITTED, signal_type="lazy") == 1
    assert captured.value("signalscope_internal_errors_total", where="decorators.signal.emitted") == 1


class _Model(enum.Enum):
    BLACK = "black"


def test_numbers_truths_and_enumerations_of_other_types(captured: Captured) -> None:
    """NumPy's integers and booleans and members of enums have their own values."""

    @instrument_greeks(
        calculation_type="chain",
        model_type=cast("Any", _Model.BLACK),
        vectorized=lambda strikes: bool(strikes) and cast("Any", np.bool_(len(strikes) > 1)),
        batch_size=lambda strikes: cast("Any", np.int64(len(strikes))),
    )
    def chain(strikes: list[float]) -> float:
        return 1.0

    chain([1.0, 2.0, 3.0])
    name = "signal_service_greeks_options_total"
    assert captured.value(name, vectorized="true", model_type="black") == 3


@pytest.mark.parametrize("size", [-5, 2.5, None, float("nan")])
def test_what_is_no_number_of_options_is_counted_as_an_error(captured: Captured, size: object) -> None:
    """The call is measured with the batch class `other`, and options are not counted."""

    @instrument_greeks(calculation_type="price", batch_size=lambda given: given)
    def price(given: object) -> float:
        return 1.0

    price(size)
    assert captured.count("signal_service_greeks_calculation_seconds", batch_size="other") == 1
    assert captured.points("signal_service_greeks_options_total") == []
    assert captured.value("signalscope_internal_errors_total", where="decorators.greeks.batch_size") == 1
