"""Exemplars have the ids of the current span, one for each bucket, as the configured filter allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    AlwaysOnExemplarFilter,
    ExemplarFilter,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from tests.recording.harness import COUNTER, CUMULATIVE, DELTA, HISTOGRAM, Pair, points

FILTERS: Mapping[str, Callable[[], ExemplarFilter]] = {
    "always_on": AlwaysOnExemplarFilter,
    "always_off": AlwaysOffExemplarFilter,
    "trace_based": TraceBasedExemplarFilter,
}


def _span(kind: str) -> trace.Span | None:
    """Enter a current span of one kind: none, sampled, not sampled, or a sampled one of another process."""
    if kind == "none":
        return None
    if kind == "recording":
        return TracerProvider().get_tracer("tests").start_span("work")
    flags = TraceFlags(TraceFlags.SAMPLED if kind == "remote" else TraceFlags.DEFAULT)
    return NonRecordingSpan(SpanContext(0x1234, 0x56, is_remote=kind == "remote", trace_flags=flags))


steps = st.lists(
    st.tuples(st.sampled_from(["none", "recording", "unsampled", "remote"]), st.floats(0, 12)), max_size=25
)


@pytest.mark.parametrize("name", FILTERS)
@given(steps)
@settings(max_examples=40, deadline=None)
def test_each_filter_keeps_what_the_sdk_keeps(name: str, script: Sequence[tuple[str, float]]) -> None:
    """The last measurement of each bucket that passes the filter is the exemplar, with its trace and span."""
    pair = Pair([CUMULATIVE, DELTA], provider_options={"exemplar_filter": FILTERS[name]()})
    record = pair.both(HISTOGRAM, "a")
    for kind, value in script:
        span = _span(kind)
        token = context.attach(trace.set_span_in_context(span)) if span else None
        record(value)
        if token is not None:
            context.detach(token)
    for reader in (0, 1):
        ours, theirs = (points(metrics, HISTOGRAM) for metrics in pair.collect(reader))
        if theirs:
            _assert_same(_told(ours["a"]), _told(theirs["a"]))
        ours, theirs = (points(metrics, HISTOGRAM) for metrics in pair.collect(reader))
        assert not any(point.exemplars for point in (*ours.values(), *theirs.values())), "told twice"


def _assert_same(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    """Compare exemplars; the SDK keeps the ids of an earlier measurement if the last one had no span."""
    assert [one[0] for one in ours] == [one[0] for one in theirs]
    assert [one for one in ours if one[1]] == [
        other for one, other in zip(ours, theirs, strict=True) if one[1]
    ]


def _told(point: Any) -> list[tuple[Any, ...]]:
    return [(one.value, one.trace_id, one.span_id, one.filtered_attributes) for one in point.exemplars]


def test_a_counter_keeps_one() -> None:
    """As in the SDK's reservoir of size one, any of several may stay; signalscope keeps the latest."""
    pair = Pair()
    record = pair.buffer(COUNTER, "a").record
    span = _span("recording")
    assert span is not None
    with trace.use_span(span):
        record(1)
        record(2)
    record(4)
    point = points(pair.collect()[0], COUNTER)["a"]
    assert point.value == 7
    assert [(one.value, one.span_id) for one in point.exemplars] == [(2, span.get_span_context().span_id)]


def test_values_that_are_refused_make_no_exemplar() -> None:
    """A negative duration, NaN and an object that is not a number do not become exemplars."""
    pair = Pair(provider_options={"exemplar_filter": AlwaysOnExemplarFilter()})
    record = pair.buffer(HISTOGRAM, "a").record
    for value in (-1.0, float("nan"), float("inf"), "x", None, 10**400):
        record(value)  # type: ignore[arg-type]  # that is the point
    point = points(pair.collect()[0], HISTOGRAM)["a"]
    assert (point.count, list(point.exemplars)) == (0, [])
    assert pair.errors == [("recording.value", 6)]


def test_trace_and_span_ids_arrive_by_otlp() -> None:
    """The encoded request has the ids of the recording span, in the right bucket's exemplar."""
    pair = Pair()
    span = _span("recording")
    assert span is not None
    with trace.use_span(span):
        pair.buffer(HISTOGRAM, "a").record(0.7)
    data = pair.readers[0].get_metrics_data()
    assert data is not None
    encoded = encode_metrics(data)
    (metric,) = encoded.resource_metrics[0].scope_metrics[0].metrics
    (exemplar,) = metric.histogram.data_points[0].exemplars
    assert exemplar.as_double == 0.7
    assert exemplar.trace_id == span.get_span_context().trace_id.to_bytes(16, "big")
    assert exemplar.span_id == span.get_span_context().span_id.to_bytes(8, "big")


def test_a_series_without_measurements_can_be_encoded() -> None:
    """A histogram at zero has no minimum and maximum; the encoder leaves them out."""
    pair = Pair()
    pair.buffer(HISTOGRAM, "a")
    data = pair.readers[0].get_metrics_data()
    assert data is not None
    point = encode_metrics(data).resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points[0]
    assert point.count == 0
    assert not point.HasField("min")
    assert not point.HasField("max")
