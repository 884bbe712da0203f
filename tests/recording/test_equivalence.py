"""The fast path delivers what the SDK delivers for the same measurements."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogramDataPoint,
    InMemoryMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.version import __version__ as otel_version
from tests.recording.harness import (
    ALL_DELTA,
    BOUNDS,
    COUNTER,
    CUMULATIVE,
    DELTA,
    HISTOGRAM,
    UPDOWN,
    Pair,
    points,
)

from signalscope import recording
from signalscope.contract._model import Instrument, Kind

_AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
INSTRUMENTS = {Kind.COUNTER: COUNTER, Kind.UPDOWNCOUNTER: UPDOWN, Kind.HISTOGRAM: HISTOGRAM}
_OTEL = tuple(map(int, otel_version.split(".")[:2]))
_IS_NEW = _OTEL >= (1, 45)
#: Since 1.45 a delta stream continues at the reader's previous collection, also for series that start later,
_START_TIMES_AGREE = _IS_NEW
#: and the SDK rejects values that are not finite. The fast path does so with every SDK.
_ODD_VALUES = (math.nan, math.inf, -math.inf) if _IS_NEW else ()

values = st.one_of(
    st.integers(-5, 5_000),
    st.floats(-2, 20, allow_nan=False),
    st.sampled_from([*BOUNDS, 0.0, -0.0, 1e-300, 1e300, 5e-324, *_ODD_VALUES]),
)
records = st.tuples(st.just("record"), st.sampled_from(list(INSTRUMENTS)), st.sampled_from("abc"), values)
collections = st.tuples(st.just("collect"), st.integers(0, 2))
many_of_one = st.tuples(st.just("burst"), st.sampled_from("ab"), st.lists(st.floats(0, 12), max_size=300))
scripts = st.lists(st.one_of(records, records, records, collections, many_of_one), max_size=60)


@given(scripts)
@settings(max_examples=150, deadline=None)
def test_the_same_measurements_make_the_same_points(script: Sequence[tuple[Any, ...]]) -> None:
    """Counts, sums, buckets, extremes, attributes, times and temporality, for three readers at once."""
    with mock.patch("logging.Logger.warning"):
        pair = Pair([CUMULATIVE, DELTA, ALL_DELTA])
        recorded: set[tuple[Kind, str]] = set()
        times = {time.time_ns()}
        for step in (*script, ("collect", 0), ("collect", 1), ("collect", 2)):
            if step[0] == "record":
                _, kind, key, value = step
                pair.both(INSTRUMENTS[kind], key)(value)
                if math.isfinite(value) and (value >= 0 or kind is Kind.UPDOWNCOUNTER):
                    recorded.add((kind, key))
            elif step[0] == "burst":
                record = pair.both(HISTOGRAM, step[1])
                for value in step[2]:
                    record(value)
                    recorded.add((Kind.HISTOGRAM, step[1]))
            else:
                ours, theirs = pair.collect(step[1])
                for kind, instrument in INSTRUMENTS.items():
                    _assert_same(
                        ours,
                        theirs,
                        instrument,
                        {key for recorded_kind, key in recorded if recorded_kind is kind},
                        times,
                    )


def _assert_same(
    ours: dict[str, Any], theirs: dict[str, Any], instrument: Instrument, recorded: set[str], times: set[int]
) -> None:
    """Compare one instrument of one collection.

    signalscope may have series at zero that the SDK does not have. It exports them as soon as they are bound, so
    that Prometheus sees the first increment.
    """
    got, expected = points(ours, instrument), points(theirs, instrument)
    assert expected.keys() <= got.keys()
    for key in got.keys() - expected.keys():
        assert _nothing_in(got[key]), f"a point for {key} that nothing was recorded in"
        assert key not in recorded or instrument.kind is not Kind.HISTOGRAM
    if not expected:
        return
    mine, other = ours[instrument.name], theirs[instrument.name]
    assert (mine.unit, mine.description, type(mine.data)) == (other.unit, other.description, type(other.data))
    assert mine.data.aggregation_temporality == other.data.aggregation_temporality
    assert getattr(mine.data, "is_monotonic", None) == getattr(other.data, "is_monotonic", None)
    for key, point in expected.items():
        _assert_same_point(got[key], point, times)
    times.add(next(iter(expected.values())).time_unix_nano)


def _nothing_in(point: Any) -> bool:
    return bool(getattr(point, "count", None) == 0 or getattr(point, "value", None) == 0)


def _assert_same_point(got: Any, expected: Any, times: set[int]) -> None:
    """Compare one point; `times` are the start of the test and the times of earlier collections."""
    fields = dict(vars(expected))
    start = fields.pop("start_time_unix_nano")
    assert min(times) <= got.start_time_unix_nano <= got.time_unix_nano
    if _START_TIMES_AGREE:
        # signalscope's series start when they are bound, just before the SDK's first measurement. After the first
        # collection of a delta reader, both start where the last collection ended.
        assert got.start_time_unix_nano == start if start in times else got.start_time_unix_nano <= start
    for name in ("sum", "value"):
        if name in fields:
            assert type(getattr(got, name)) is type(fields[name])
            assert getattr(got, name) == pytest.approx(fields.pop(name), rel=1e-12, abs=1e-12, nan_ok=True)
    for name, value in fields.items():
        assert getattr(got, name) == value, name


@pytest.mark.parametrize("temporality", [CUMULATIVE, DELTA], ids=["cumulative", "delta"])
def test_an_empty_interval_looks_as_the_sdk_s_does(
    temporality: dict[type, AggregationTemporality],
) -> None:
    """A cumulative point is repeated; a delta point is left out."""
    pair = Pair([temporality])
    pair.both(COUNTER, "a")(3)
    pair.both(HISTOGRAM, "a")(0.7)
    pair.collect()
    ours, theirs = pair.collect()
    assert points(ours, COUNTER).keys() == points(theirs, COUNTER).keys()
    assert points(ours, HISTOGRAM).keys() == points(theirs, HISTOGRAM).keys()


def test_nothing_is_delivered_when_there_is_nothing() -> None:
    """The placeholder instrument is never in the output."""
    pair = Pair()
    assert pair.readers[0].get_metrics_data() is None
    pair.buffer(COUNTER, "a").record(1)
    ours, theirs = pair.collect()
    assert list(ours) == [COUNTER.name]
    assert not theirs


def test_a_delta_reader_that_joins_a_cumulative_one_sees_each_measurement_once() -> None:
    """Each reader has its own delta state, also if another reader collects in between."""
    pair = Pair([CUMULATIVE, DELTA])
    record = pair.buffer(COUNTER, "a").record
    seen = 0
    for round_ in range(1, 6):
        record(round_)
        pair.collect(0)
        if round_ % 2:
            seen += points(pair.collect(1)[0], COUNTER)["a"].value
    assert seen == points(pair.collect(0)[0], COUNTER)["a"].value == 15


@pytest.mark.skipif(not hasattr(MeterProvider, "add_metric_reader"), reason="this SDK adds no readers later")
def test_readers_may_come_later_and_leave() -> None:
    """A cumulative reader has all values, a delta reader those since it was added; no other reader has any."""
    pair = Pair([CUMULATIVE])
    record = pair.both(COUNTER, "a")
    record(1)
    pair.readers += [InMemoryMetricReader(CUMULATIVE), InMemoryMetricReader(ALL_DELTA)]
    added = time.time_ns()
    for late in pair.readers[1:]:
        pair.provider.add_metric_reader(late)
    record(2)
    record(3)
    ours, theirs = zip(*(pair.collect(reader) for reader in range(3)), strict=True)
    assert [points(collected, COUNTER)["a"].value for collected in ours] == [6, 6, 5]
    assert [list(collected) for collected in ours] == [[COUNTER.name]] * 3, "and no placeholder"
    assert points(theirs[2], COUNTER)["a"].value == 5
    assert points(ours[0], COUNTER)["a"].start_time_unix_nano < added
    assert points(ours[2], COUNTER)["a"].start_time_unix_nano >= added

    pair.provider.remove_metric_reader(pair.readers[2])
    record(4)
    assert not any(
        accumulator.delta_states
        for accumulator in pair.fast_path.store._instruments[COUNTER.name].accumulators.values()
    )
    pair.provider.add_metric_reader(pair.readers[2])
    record(5)
    assert [points(pair.collect(reader)[0], COUNTER)["a"].value for reader in range(3)] == [15, 15, 5]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 12)), max_size=300), st.floats(0, 20))
@settings(max_examples=60, deadline=None)
def test_a_group_makes_the_points_of_three_instruments(
    calls: Sequence[tuple[str, float]], amount: float
) -> None:
    """One append, with fixed amounts for two other series, has the same result as three recordings."""
    pair = Pair([CUMULATIVE, ALL_DELTA])
    times = {time.time_ns()}
    for number, (key, value) in enumerate(calls):
        fixed = ((COUNTER, (key,), 1), (UPDOWN, (key,), amount))
        pair.fast_path.store.bind(HISTOGRAM, (key,), fixed).record(value)
        for instrument, own in ((HISTOGRAM, value), (COUNTER, 1), (UPDOWN, amount)):
            pair.twin(instrument, key)(own)
        if number % 100 == 99 or number == len(calls) - 1:
            recorded = {key for key, _ in calls}
            for reader in (0, 1):
                ours, theirs = pair.collect(reader)
                for instrument in INSTRUMENTS.values():
                    _assert_same(ours, theirs, instrument, recorded, times)


@pytest.mark.parametrize("how", ["environment", "view"])
@given(st.lists(st.floats(0, 1e6), max_size=60))
@settings(max_examples=25, deadline=None)
def test_exponential_histograms_are_the_sdk_s(how: str, recorded: Sequence[float]) -> None:
    """Chosen by the environment, as the OTLP exporter reads it, or by a View: scale, buckets and sums."""
    name = "signal_service.background_task"
    views = [View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())]
    with mock.patch.dict("os.environ", {_AGGREGATION: "base2_exponential_bucket_histogram"}):
        asked = OTLPMetricExporter(endpoint="http://127.0.0.1:9")._preferred_aggregation
    reader = InMemoryMetricReader(preferred_aggregation=asked if how == "environment" else None)
    provider = MeterProvider([reader], views=views if how == "view" else (), shutdown_on_exit=False)
    plain = provider.get_meter("twin").create_histogram("plain", unit="s")
    with recording.redirected(provider, [reader], trace.get_tracer("tests")):
        series = recording.get_instrument(name).series("exponential", "low", "success")
        for value in recorded:
            series.record(value)
            plain.record(value)
        data = reader.get_metrics_data()
    by_name = {
        metric.name: metric.data.data_points[0]
        for of_resource in (data.resource_metrics if data else ())
        for scope in of_resource.scope_metrics
        for metric in scope.metrics
        if metric.name in {name, "plain"}
    }
    assert len(by_name) == (2 if recorded else 0)
    if recorded:
        ours, theirs = (_exponential(by_name[key]) for key in (name, "plain"))
        assert ours == theirs


def _exponential(point: Any) -> tuple[Any, ...]:
    assert isinstance(point, ExponentialHistogramDataPoint)
    return point.count, point.sum, point.scale, point.zero_count, point.positive, point.min, point.max
