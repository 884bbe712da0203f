"""The private names of the SDK that the fast path reads exist; run this with the oldest and the newest SDK."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.trace import TracerProvider
from tests.recording.harness import DELTA

from signalscope.contract._model import Kind
from signalscope.recording import _sdk as sdk
from signalscope.recording._exemplars import Filter
from signalscope.recording._fast_path import attach
from signalscope.recording._instrument_series import fits
from signalscope.recording._sdk import readers_of


def test_the_installed_sdk_has_what_the_fast_path_needs() -> None:
    """Otherwise every process would silently take the slow path."""
    view = View(instrument_name="a")
    reader = InMemoryMetricReader(DELTA)
    provider = MeterProvider(
        [reader], views=[view], exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False
    )
    meter = provider.get_meter("tests")
    assert sdk.views_of(provider) == (view,)
    assert sdk.exemplar_filter(provider) is Filter.ALWAYS_OFF
    assert sdk.matched_by([view], meter.create_counter("a"))
    assert not sdk.matched_by([view], meter.create_counter("b"))
    preferences = sdk.reader_preferences(reader)
    assert preferences is not None
    wants, special = preferences
    assert wants.temporality == {
        Kind.COUNTER: AggregationTemporality.DELTA,
        Kind.UPDOWNCOUNTER: AggregationTemporality.CUMULATIVE,
        Kind.HISTOGRAM: AggregationTemporality.DELTA,
    }
    assert special == frozenset()


def test_providers_say_whether_they_will_be_shut_down_at_the_exit() -> None:
    """Otherwise the SDK shuts down one provider after the other."""
    for make in (MeterProvider, TracerProvider):
        provider = make()
        assert provider._atexit_handler is not None
        provider.shutdown()
        assert provider._atexit_handler is None


def test_points_are_filled_without_their_constructor() -> None:
    """This makes a collection fast; points of other types are created with the constructor."""

    class Slotted:
        __slots__ = ("value",)

    assert fits(NumberDataPoint)
    assert fits(HistogramDataPoint)
    assert not fits(Slotted)


def test_a_context_holds_its_span_and_nothing_else_when_fresh() -> None:
    """The fast path finds the span like this: a context is a mapping, and false if it is empty."""
    assert not Context()
    assert len(trace.set_span_in_context(trace.INVALID_SPAN, Context())) == 1


@pytest.mark.parametrize(
    "missing",
    ["_instrument_class_temporality", "_instrument_class_aggregation"],
    ids=["temporality", "aggregation"],
)
def test_without_one_of_them_the_plain_api_is_used(missing: str) -> None:
    """With a later SDK that renames something, calls are slower, but measurements are complete."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    before = getattr(reader, missing)
    delattr(reader, missing)
    meter = provider.get_meter("signalscope")
    assert attach(provider, [reader], meter, lambda _: None, lambda *_: None) is None
    setattr(reader, missing, before)
    counter = meter.create_counter("plain")
    counter.add(2)
    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "plain"


def test_an_exemplar_filter_of_the_users_own_is_left_to_the_sdk() -> None:
    """Only the SDK can call the user's filter."""

    class Own(AlwaysOffExemplarFilter):
        pass

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], exemplar_filter=Own(), shutdown_on_exit=False)
    meter = provider.get_meter("signalscope")
    assert attach(provider, [reader], meter, lambda _: None, lambda *_: None) is None


def test_a_provider_s_readers_can_be_known() -> None:
    """All names exist in the installed SDK: otherwise the launcher would only use the plain API."""
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    assert list(readers_of(MeterProvider(readers, shutdown_on_exit=False))) == readers
    assert list(readers_of(object())) == []
