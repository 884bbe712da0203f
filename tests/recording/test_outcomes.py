"""Durations, outcomes and spans of every sort of callable, on the fast path and on the plain API."""

from __future__ import annotations

import asyncio
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from tests.recording.conftest import Recorded

from signalscope.contract import Attribute, Instrument, Kind
from signalscope.decorators import arg, instrument_greeks, result
from signalscope.recording import BoundInstrument, get_instrument
from signalscope.testing import capture

SECONDS = "signal_service.greeks.calculation"
OPTIONS = "signal_service.greeks.options"
BATCH = "signal_service.greeks.batch_options"
INVALID = "signal_service.greeks.invalid_results"


def _outcomes(recorded: Recorded) -> dict[str, float]:
    totals: dict[str, float] = {}
    for values, count in recorded.counts(SECONDS).items():
        totals[values[-1]] = totals.get(values[-1], 0) + count
    return totals


def test_a_scalar_call_records_in_three_instruments(recorded: Recorded) -> None:
    """The duration, one option and a batch of one are recorded, with the inferred type and the given model."""

    @instrument_greeks(model_type="black")
    def calculate_gamma(spot: float) -> float:
        return spot

    for _ in range(1000):
        calculate_gamma(0.1)
    assert recorded.counts(SECONDS) == {("gamma", "false", "black", "1", "success"): 1000}
    assert recorded.counts(OPTIONS) == {("gamma", "false", "black"): 1000}
    batch = recorded.points(BATCH)["gamma", "false"]
    assert (batch.count, batch.sum, batch.min, batch.max) == (1000, 1000, 1, 1)


def test_results_that_cannot_be_used_are_no_success(recorded: Recorded) -> None:
    """Results are counted by reason: NaN, none, infinite, out of range."""

    @instrument_greeks(calculation_type="delta")
    def delta(value: Any) -> Any:
        return value

    for value in (0.5, float("nan"), None, float("inf"), 1.5, -1.0):
        delta(value)
    assert _outcomes(recorded) == {"success": 2, "invalid": 4}
    reasons = {values[0]: count for values, count in recorded.counts(INVALID).items()}
    assert reasons == {"nan": 1, "none": 1, "infinite": 1, "out_of_range": 1}


def test_attributes_come_from_arguments_and_results(recorded: Recorded) -> None:
    """Attributes come from positional, keyword and default arguments, from an object, and from the result."""

    class Order:
        model = "heston"

    @instrument_greeks(
        calculation_type=lambda greek: greek, model_type=arg("order.model"), batch_size=result("real")
    )
    def value(order: Order, greek: str = "vega") -> float:
        return 3.0

    value(Order())
    value(Order(), "rho")
    value(greek="theta", order=Order())
    value(Order(), "unheard of")
    assert {values[:3] for values in recorded.counts(SECONDS)} == {
        ("vega", "false", "heston"),
        ("rho", "false", "heston"),
        ("theta", "false", "heston"),
        ("other", "false", "heston"),
    }
    assert recorded.counts("signalscope.attribute.overflow")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ValueError, "error"), (KeyboardInterrupt, "error"), (asyncio.CancelledError, "cancelled")],
)
def test_exceptions_are_passed_on_and_counted(
    recorded: Recorded, error: type[BaseException], outcome: str
) -> None:
    """`BaseException` too; the caller gets the same object."""
    raised = error("x")

    @instrument_greeks
    def delta() -> float:
        raise raised

    with pytest.raises(error) as caught:
        delta()
    assert caught.value is raised
    assert caught.value.__context__ is None
    assert _outcomes(recorded) == {outcome: 1}


async def test_a_cancelled_coroutine_is_cancelled(recorded: Recorded) -> None:
    """A cancelled call has its own outcome, which is neither an error nor a success."""

    @instrument_greeks
    async def delta(gate: asyncio.Event) -> float:
        has_begun.set()
        await gate.wait()
        return 0.5

    has_begun, gate = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(delta(gate))
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    assert await asyncio.gather(*(delta(gate) for _ in range(50))) == [0.5] * 50
    assert _outcomes(recorded) == {"cancelled": 1, "success": 50}


def test_generators_are_timed_to_their_end(recorded: Recorded) -> None:
    """Exhausted, closed early, failed, thrown into: sent and returned values pass through."""

    @instrument_greeks
    def delta(steps: int) -> Iterator[Any]:
        got: list[Any] = []
        for step in range(steps):
            try:
                got.append((yield step))
            except KeyError:
                got.append("thrown")
        if steps == 99:
            raise ValueError
        return got  # type: ignore[return-value]  # what StopIteration carries

    assert list(delta(3)) == [0, 1, 2]
    closed: Any = delta(3)
    next(closed)
    closed.close()
    talking: Any = delta(2)
    assert next(talking) == 0
    assert talking.send("sent") == 1
    with pytest.raises(StopIteration) as stop:
        talking.throw(KeyError())
    assert stop.value.value == ["sent", "thrown"]
    with pytest.raises(ValueError):  # noqa: PT011  # it has no message
        list(delta(99))
    assert _outcomes(recorded) == {"success": 2, "cancelled": 1, "error": 1}
    never: Any = delta(1)
    del never
    assert sum(_outcomes(recorded).values()) == 4, "a generator that never ran measured nothing"


async def test_asynchronous_generators_are_timed_to_their_end(recorded: Recorded) -> None:
    """Exhausted, closed early, failed, thrown into: sent values pass through."""

    @instrument_greeks
    async def delta(steps: int) -> AsyncIterator[Any]:
        for step in range(steps):
            try:
                sent = yield step
            except KeyError:
                sent = "thrown"
            if sent is not None:
                yield sent
        if steps == 5:
            raise ValueError

    assert [value async for value in delta(3)] == [0, 1, 2]
    closed: Any = delta(3)
    await closed.__anext__()
    await closed.aclose()
    talking: Any = delta(1)
    assert await talking.__anext__() == 0
    assert await talking.asend("sent") == "sent"
    with pytest.raises(StopAsyncIteration):
        await talking.__anext__()
    thrown: Any = delta(1)
    await thrown.__anext__()
    assert await thrown.athrow(KeyError()) == "thrown"
    await thrown.aclose()
    with pytest.raises(ValueError):  # noqa: PT011  # it has no message
        assert [value async for value in delta(5)]
    assert _outcomes(recorded) == {"success": 2, "cancelled": 2, "error": 1}


def test_recursion_counts_every_call(recorded: Recorded) -> None:
    """A recursion that is too deep fails as without the decorator."""

    @instrument_greeks(check=False)
    def delta(depth: int) -> float:
        return 0.5 if depth == 0 else delta(depth - 1)

    assert delta(50) == 0.5
    assert _outcomes(recorded) == {"success": 51}
    with pytest.raises(RecursionError):
        delta(sys.getrecursionlimit())


def test_calls_in_threads_are_counted_exactly(recorded: Recorded) -> None:
    """Eight threads call one decorated function."""

    @instrument_greeks
    def delta() -> float:
        return 0.5

    threads = [threading.Thread(target=lambda: [delta() for _ in range(2_000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _outcomes(recorded) == {"success": 16_000}
    assert list(recorded.counts(OPTIONS).values()) == [16_000]


def test_a_span_is_a_child_of_the_recording_one_and_the_exemplar_s(
    recorded: Recorded, spans: Callable[[], list[Any]]
) -> None:
    """The span has the error, if there was one; a call without a parent span does not start a span."""

    @instrument_greeks(calculation_type="delta")
    def delta(fails: bool) -> float:
        if fails:
            raise ValueError("no such option")
        return 0.5

    delta(False)
    assert spans() == []
    tracer = trace.get_tracer("tests")
    with tracer.start_as_current_span("request") as parent:
        delta(False)
        with pytest.raises(ValueError, match="no such option"):
            delta(True)
        assert trace.get_current_span() is parent
    good, bad, _ = spans()
    assert {good.name, bad.name} == {"delta"}
    assert good.parent.span_id == bad.parent.span_id == parent.get_span_context().span_id
    assert good.attributes["calculation_type"] == "delta"
    assert (good.status.is_ok, bad.status.is_ok) == (True, False)
    assert bad.events[0].name == "exception"
    exemplars = {
        exemplar.span_id for point in recorded.points(SECONDS).values() for exemplar in point.exemplars
    }
    assert exemplars == {good.context.span_id, bad.context.span_id}


def test_an_exception_that_cannot_be_shown_leaves_no_span_behind(
    recorded: Recorded, spans: Callable[[], list[Any]]
) -> None:
    """The exception's `__str__` fails: the span ends with the class's name, and the outer span is current again."""

    class UnshownError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    @instrument_greeks(calculation_type="delta")
    def delta() -> float:
        raise UnshownError

    with trace.get_tracer("tests").start_as_current_span("request") as request:
        with pytest.raises(UnshownError):
            delta()
        assert trace.get_current_span() is request
    failed, _ = spans()
    assert (failed.name, failed.status.description) == ("delta", "UnshownError")
    assert _outcomes(recorded) == {"error": 1}
    assert recorded.counts("signalscope.internal.errors") == {("decorators.span",): 1}


def test_what_fails_in_the_instrumentation_is_not_the_caller_s_business(recorded: Recorded) -> None:
    """A callable of the user raises: the call is measured as `other`, and the failure is counted."""

    @instrument_greeks(calculation_type=lambda spot: spot.nonsense)
    def delta(spot: float) -> float:
        return spot

    assert delta(0.5) == 0.5
    assert recorded.counts("signalscope.internal.errors") == {("decorators.greeks.attributes",): 1}
    assert recorded.counts(SECONDS) == {("other", "false", "other", "1", "success"): 1}


def test_attributes_of_a_result_that_never_came_are_other(recorded: Recorded) -> None:
    """A call raises, and an attribute comes from its result: the call is measured, without an internal error."""

    @instrument_greeks(calculation_type="delta", model_type=lambda result: result.model)
    def delta(spot: float) -> float:
        raise ValueError(spot)

    with pytest.raises(ValueError, match="1"):
        delta(1.0)
    assert recorded.counts(SECONDS) == {("delta", "false", "other", "1", "error"): 1}
    assert recorded.counts("signalscope.internal.errors") == {}


def test_an_unknown_batch_size_is_not_invented(recorded: Recorded) -> None:
    """The callable of the batch size fails: the duration is recorded, the number of options is not."""

    @instrument_greeks(calculation_type="chain", vectorized=True, batch_size=arg("strikes.size"))
    def chain(strikes: object) -> float:
        return 1.0

    chain(7)
    assert recorded.counts(SECONDS) == {("chain", "true", "other", "other", "success"): 1}
    assert recorded.counts("signal_service.greeks.options") == {}
    assert recorded.counts("signalscope.internal.errors") == {("decorators.greeks.batch_size",): 1}


FLOODS = [
    ("fast_path", 100_000),
    ("api", 5_000),
    pytest.param("fast_path", 1_000_000, marks=pytest.mark.long),
    pytest.param("api", 30_000, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("recorded", "flood"), FLOODS, indirect=["recorded"])
def test_a_flood_of_attribute_values_is_bounded_and_counted(recorded: Recorded, flood: int) -> None:
    """Each call has a new name: the first have series, the rest is `other`, and memory does not grow."""
    attributes = (Attribute("name", "New on every call.", cap=50),)
    family = BoundInstrument(Instrument("test.flood", Kind.COUNTER, "{x}", "Flooded.", "tests", attributes))
    for number in range(200):
        family.series(f"first-{number}").record(1.0)
    recorded.counts("test.flood")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(flood):
            family.series(f"flood-{number}").record(1.0)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_000_000  # one byte per value; other threads of the process allocate too
    counts = recorded.counts("test.flood")
    assert len(counts) == 50 + 1
    assert sum(counts.values()) == 200 + flood
    assert counts["other",] == 200 + flood - 50
    overflow = recorded.counts("signalscope.attribute.overflow")
    assert overflow["test.flood", "name"] == 200 + flood - 50


def test_combinations_of_allowed_values_are_bounded_too(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attribute has few values, all together make many series: their number is limited, no value is lost."""
    monkeypatch.setattr("signalscope.recording._series._KEPT", 50)
    attributes = tuple(Attribute(name, "One of a hundred.", cap=100) for name in ("a", "b"))
    family = BoundInstrument(
        Instrument("test.combined", Kind.COUNTER, "{x}", "Combined.", "tests", attributes)
    )
    other = BoundInstrument(
        Instrument("test.other", Kind.COUNTER, "{x}", "Along with it.", "tests", attributes)
    )
    for a in range(60):
        for b in range(60):
            series = family.series(str(a), str(b))
            series.record(1)
            family.group(series, ((other.series("x", "x"), 1),)).record(1)
    assert (len(family.known), len(family._groups)) == (50, 50)
    assert sum(recorded.counts("test.combined").values()) == 2 * 60 * 60
    assert recorded.counts("test.other") == {("x", "x"): 60 * 60}


def test_a_capture_begins_with_no_values_seen() -> None:
    """Attribute values of one test do not use up the limit of the next one."""
    for test in ("one", "two"):
        with capture() as captured:
            for number in range(60):
                get_instrument("signal_service.rate_limit.hits").series(
                    "/captured", f"{test}-{number}"
                ).record(1)
            assert captured.value("signal_service_rate_limit_hits_total", limit_type=f"{test}-0") == 1
            assert captured.value("signal_service_rate_limit_hits_total", limit_type="other") == 40
