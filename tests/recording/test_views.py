"""The user's configuration of the SDK applies to signalscope's instruments too."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import ExponentialHistogram, InMemoryMetricReader, Sum
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    SumAggregation,
    View,
)
from tests.recording.harness import COUNTER, HISTOGRAM, UPDOWN, Pair, points

from signalscope import contract, recording
from signalscope.contract import _registry
from signalscope.recording import _state as _live
from signalscope.recording._fast_path import attach
from signalscope.recording._instrument_series import CARDINALITY_LIMIT

VIEWS: Mapping[str, Mapping[str, Any]] = {
    "rename": {"instrument_name": HISTOGRAM.name, "name": "renamed"},
    "drop": {"instrument_name": HISTOGRAM.name, "aggregation": DropAggregation()},
    "attributes": {"instrument_name": HISTOGRAM.name, "attribute_keys": {"other"}},
    "buckets": {
        "instrument_name": "test.hist*",
        "aggregation": ExplicitBucketHistogramAggregation(boundaries=[1.0]),
    },
    "exponential": {"instrument_type": Histogram, "aggregation": ExponentialBucketHistogramAggregation()},
    "by unit": {"instrument_unit": "s", "description": "Other words."},
    "by meter": {"meter_name": "signalscope", "instrument_type": Histogram, "aggregation": SumAggregation()},
}


@pytest.mark.parametrize("name", VIEWS)
def test_an_instrument_that_a_view_is_about_is_left_to_the_sdk(name: str) -> None:
    """The SDK applies the View to the instrument; the other instruments stay on the fast path."""
    view = View(**VIEWS[name])
    pair = Pair(views=[view])
    assert not pair.fast_path.accepts(HISTOGRAM)
    assert pair.fast_path.accepts(COUNTER)
    assert pair.fast_path.accepts(UPDOWN)


def test_a_view_about_something_else_changes_nothing() -> None:
    """Views for the metrics of other libraries do not slow signalscope's metrics down."""
    pair = Pair(views=[View(instrument_name="http.server.request.duration", name="x")])
    assert pair.fast_path.accepts(HISTOGRAM)


def test_a_view_about_everything_leaves_everything_to_the_sdk() -> None:
    """A View that matches all also matches the placeholder instrument, without which nothing would be collected."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(
        [reader], views=[View(instrument_name="*", aggregation=DropAggregation())], shutdown_on_exit=False
    )
    meter = provider.get_meter("signalscope")
    assert attach(provider, [reader], meter, lambda _: None, lambda *_: None) is None
    assert reader.get_metrics_data() is None


def test_exponential_histograms_of_a_reader_come_from_the_sdk() -> None:
    """OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION makes the exporter require this."""
    pair = Pair(
        reader_options={"preferred_aggregation": {Histogram: ExponentialBucketHistogramAggregation()}}
    )
    assert not pair.fast_path.accepts(HISTOGRAM)
    assert pair.fast_path.accepts(COUNTER)


def test_the_buckets_an_exporter_asks_for_by_default_are_the_instrument_s_own() -> None:
    """The OTLP exporter names the explicit-bucket aggregation without boundaries, which the fast path supports."""
    pair = Pair(reader_options={"preferred_aggregation": {Histogram: ExplicitBucketHistogramAggregation()}})
    assert pair.fast_path.accepts(HISTOGRAM)
    other = Pair(
        reader_options={
            "preferred_aggregation": {Histogram: ExplicitBucketHistogramAggregation(boundaries=[1.0])}
        }
    )
    assert not other.fast_path.accepts(HISTOGRAM)


def test_series_beyond_the_limit_become_one_and_nothing_is_lost() -> None:
    """The SDK's cardinality limit and its overflow attribute apply."""
    pair = Pair()
    for number in range(CARDINALITY_LIMIT + 50):
        pair.buffer(COUNTER, str(number)).record(1)
    collected = points(pair.collect()[0], COUNTER)
    assert len(collected) == CARDINALITY_LIMIT + 1
    assert collected["<overflow>"].attributes == {"otel.metric.overflow": True}
    assert collected["<overflow>"].value == 50
    assert sum(point.value for point in collected.values()) == CARDINALITY_LIMIT + 50


def test_a_reader_s_own_limit_holds() -> None:
    """If the SDK has a limit for each reader, the lowest one applies."""
    try:
        pair = Pair(reader_options={"cardinality_limits": {UpDownCounter: 3}})
    except TypeError:
        pytest.skip("this SDK has no cardinality limits for readers")
    for number in range(5):
        pair.buffer(UPDOWN, str(number)).record(1)
        pair.buffer(COUNTER, str(number)).record(1)
    ours, _ = pair.collect()
    assert set(points(ours, UPDOWN)) == {"0", "1", "2", "<overflow>"}
    assert len(points(ours, COUNTER)) == 5


@pytest.mark.parametrize("flood", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_a_flood_of_attribute_values_takes_no_memory(flood: int) -> None:
    """Many series make only as many series as the limit allows, and all values are recorded."""
    pair = Pair()
    for number in range(CARDINALITY_LIMIT):
        pair.buffer(COUNTER, f"kept-{number}").record(1)
    pair.buffer(COUNTER, "one too many").record(1)
    pair.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(flood):
            pair.buffer(COUNTER, f"flood-{number}").record(1)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000
    collected = points(pair.collect()[0], COUNTER)
    assert collected["<overflow>"].value == flood + 1


def _delivered(name: str) -> dict[str, Any]:
    """Return the SDK's metrics of two durations, recorded through the interface with one of the views."""
    reader = InMemoryMetricReader()
    contract.extend(HISTOGRAM)
    provider = MeterProvider([reader], views=[View(**VIEWS[name])], shutdown_on_exit=False)
    live = _live.live
    before = live.on, live.fast_path, live.meter
    try:
        recording.initialise(provider, [reader])
        for key in ("a", "b"):
            recording.get_instrument(HISTOGRAM.name).series(key).record(0.7)
        data = reader.get_metrics_data()
    finally:
        live.on, live.fast_path, live.meter = before
    return {
        metric.name: metric.data
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name in {HISTOGRAM.name, "renamed"}
    }


def test_views_apply_to_every_instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    """A View can rename, drop, remove attributes, change buckets, and make exponential histograms or sums."""
    # Tests that run later in this process see the contract without this test's instrument.
    monkeypatch.setattr(_registry, "_by_name", dict(_registry._by_name))
    assert list(_delivered("rename")) == ["renamed"]
    assert _delivered("drop") == {}
    (point,) = _delivered("attributes")[HISTOGRAM.name].data_points
    assert (point.attributes, point.count) == ({}, 2)
    assert [p.explicit_bounds for p in _delivered("buckets")[HISTOGRAM.name].data_points] == [(1.0,)] * 2
    assert isinstance(_delivered("exponential")[HISTOGRAM.name], ExponentialHistogram)
    assert isinstance(_delivered("by meter")[HISTOGRAM.name], Sum)
