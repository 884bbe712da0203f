"""Any number is added up as a plain number, or rejected and counted; other measurements are not affected."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter
from tests.recording.conftest import Recorded
from tests.recording.harness import COUNTER, HISTOGRAM, Pair, points

from signalscope import recording, testing
from signalscope.decorators import record_cost

FEATURES = "signal_service.feature_usage"
TASKS = "signal_service.background_task"
ERRORS = "signalscope.internal.errors"
TIMES = 600  # more than the capacity of a buffer

NUMBERS: dict[str, Any] = {
    "decimal": Decimal("1.5"),
    "fraction": Fraction(3, 2),
    "float32": np.float32(1.5),
    "float64": np.float64(1.5),
    "int64": np.int64(3),
    "boolean": True,
    "whole": 2,
    "beyond 64 bits": 2**70,
}
REFUSED: dict[str, Any] = {
    "text": "1.5",
    "none": None,
    "complex": 1j,
    "array": np.array([1.0, 2.0]),
    "infinite decimal": Decimal("Infinity"),
    "decimal beyond floats": Decimal("1e999"),
    "negative decimal": Decimal("-1.5"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_sort_of_number_is_added_to_floats(recorded: Recorded, name: str) -> None:
    """Sums are plain numbers that every exporter can encode, whichever type came first."""
    value = NUMBERS[name]
    counter, timed = (
        recording.get_instrument(FEATURES).series("export", "free"),
        recording.get_instrument(TASKS).series("refresh", "low", "success"),
    )
    for _ in range(TIMES):
        for one in (value, 0.25):
            counter.record(one)
            timed.record(one)
    (counted,), (of_time,) = recorded.points(FEATURES).values(), recorded.points(TASKS).values()
    expected = TIMES * (float(value) + 0.25)
    assert counted.value == of_time.sum == expected
    assert of_time.count == 2 * TIMES
    assert {type(value) for value in (counted.value, of_time.sum)} <= {int, float}
    assert (float(of_time.min), float(of_time.max)) == tuple(sorted((0.25, float(value))))
    assert recorded.counts(ERRORS) == {}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_number_is_counted_and_costs_nothing_else(recorded: Recorded, name: str) -> None:
    """The other measurements of the series, before and after it, are complete."""
    timed = recording.get_instrument(TASKS).series("refresh", "low", "success")
    for _ in range(TIMES):
        timed.record(0.25)
        timed.record(REFUSED[name])
    (point,) = recorded.points(TASKS).values()
    assert (point.count, point.sum) == (TIMES, TIMES * 0.25)
    assert recorded.counts(ERRORS) == {("recording.value",): TIMES}


def test_all_of_it_can_be_encoded() -> None:
    """Points, minimum, maximum and exemplars can be encoded; one that cannot would lose the whole export."""
    pair = Pair(provider_options={"exemplar_filter": AlwaysOnExemplarFilter()})
    for value in (*NUMBERS.values(), *REFUSED.values()):
        pair.buffer(HISTOGRAM, "a").record(value)
        pair.buffer(COUNTER, "a").record(value)
    data = pair.readers[0].get_metrics_data()
    assert data is not None
    encoded = encode_metrics(data)
    assert len(encoded.resource_metrics[0].scope_metrics[0].metrics) == 2


def test_gauges_show_plain_numbers() -> None:
    """Set and observed values are plain numbers; an observed value that is not a number is left out."""
    name = "signal_service.cache.entries"
    with testing.capture() as captured:
        recording.get_instrument(name).series("set").record(Decimal("2.5"))  # type: ignore[arg-type]  # that is the point
        stop = recording.observe(
            name,
            lambda: [(np.float32(3), ("seen",)), ("many", ("refused",)), (4, ("after",))],  # type: ignore[list-item]  # as above
        )
        shown = {point.labels["cache_type"]: point.value for point in captured.points(name)}
        errors = captured.value("signalscope_internal_errors_total", where="recording.value")
        stop()
    assert shown == {"set": 2.5, "seen": 3.0, "after": 4}
    assert {type(value) for value in shown.values()} <= {int, float}
    assert errors == 2, "once for each of the two collections"


def test_a_cost_may_be_of_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decimals work too, as for prices; an object that is not a number is counted and raises nothing."""
    monkeypatch.setenv("SIGNALSCOPE_CPU_SECOND_PRICE", "0.5")
    with testing.capture() as captured:
        record_cost("greeks", Decimal(3), tier="free")  # type: ignore[arg-type]  # that is the point
        record_cost("greeks", "much", tier="free")  # type: ignore[arg-type]  # as above
        assert captured.value("signal_service_calculation_cost_total") == 1.5
        assert captured.value("signalscope_internal_errors_total", where="record_cost") == 1


@pytest.mark.parametrize("text", ["\udc80", "half\ud800way"])
def test_text_that_cannot_be_encoded_becomes_other(recorded: Recorded, text: str) -> None:
    """Undecodable file names and headers have this form; without the check the exporter would always fail."""
    recording.get_instrument(FEATURES).series(text, "free").record(1)
    assert recorded.counts(FEATURES) == {("other", "free"): 1}
    assert recorded.counts("signalscope.attribute.overflow") == {(FEATURES, "feature"): 1}


def test_a_value_that_cannot_be_shown_is_counted(recorded: Recorded) -> None:
    """The value's `__str__` fails: it is recorded as `other`, and counted as an overflow."""

    class Silent:
        def __str__(self) -> str:
            raise RuntimeError("no")

    recording.get_instrument(FEATURES).series(Silent(), "free").record(1)
    assert recorded.counts(FEATURES) == {("other", "free"): 1}
    assert recorded.counts("signalscope.attribute.overflow") == {(FEATURES, "feature"): 1}


def test_a_series_starts_before_others_can_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first zero is added before it is in the table, where a collection would add to it as well."""
    from signalscope.recording._instrument_series import InstrumentSeries  # noqa: PLC0415  # private, and only here

    pair = Pair()
    begun: list[bool] = []
    begin = InstrumentSeries.initialise_at_zero

    def watched(self: Any, accumulator: Any) -> None:
        begun.append(accumulator in self.accumulators.values())
        begin(self, accumulator)

    monkeypatch.setattr(InstrumentSeries, "initialise_at_zero", watched)
    pair.buffer(COUNTER, "a").record(1)
    assert begun == [False]
    assert points(pair.collect()[0], COUNTER)["a"].value == 1
