"""Helpers for the tests of services that use signalscope: recorded values, and a clock that a test sets.

Example::

    with capture() as captured:
        price_chain(...)
    assert captured.value("signal_service_greeks_options_total", calculation_type="chain") == 400
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from signalscope import contract, recording
from signalscope.contract._model import ContractError, Instrument

__all__ = ["Captured", "FakeClock", "Point", "capture"]


@dataclass(frozen=True, slots=True)
class Point:
    """One series at one moment.

    Attributes:
        labels: The attributes of the series.
        value: The value of a counter or gauge, or the sum of a histogram, in the instrument's unit.
        count: The number of values of a histogram; None for counters and gauges.
        trace_ids: Trace ids of a histogram's exemplars, as 32 hexadecimal digits.

    Examples:
        >>> from signalscope import count_feature
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_feature("alerts", tier="basic")
        ...     point = captured.points("signal_service_feature_usage_total")[0]
        >>> point.labels["user_tier"], point.value
        ('basic', 1)
    """

    labels: Mapping[str, str]
    value: float
    count: int | None = None
    trace_ids: tuple[str, ...] = ()


class Captured:
    """The values recorded since `capture` began. Series without recorded values are left out.

    Attributes:
        tracer: A tracer whose spans are captured too.

    Examples:
        >>> from signalscope import count_feature
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_feature("alerts", tier="basic")
        ...     count_feature("alerts", tier="free")
        ...     len(captured.points("signal_service_feature_usage_total"))
        2
    """

    def __init__(self, reader: InMemoryMetricReader, spans: InMemorySpanExporter, tracer: Tracer) -> None:
        self._reader = reader
        self._spans = spans
        self.tracer = tracer

    def points(self, name: str, **labels: str) -> list[Point]:
        """Return the series of a metric.

        Args:
            name: The Prometheus name (without ``_bucket``, ``_sum``, ``_count``), or the OpenTelemetry name.
            labels: Return only series with these labels.

        Raises:
            ContractError: The contract does not have this metric, or the metric does not have a label.
        """
        instrument = _find(name)
        unknown = sorted(set(labels) - set(instrument.attribute_names))
        if unknown:
            raise ContractError(
                f"{name} has no label {', '.join(unknown)}; it has: {', '.join(instrument.attribute_names)} [SS340]"
            )
        data = self._reader.get_metrics_data()
        points = [
            _point(raw)
            for resource_metrics in (data.resource_metrics if data else ())
            for scope in resource_metrics.scope_metrics
            for metric in scope.metrics
            if metric.name == instrument.name
            for raw in metric.data.data_points
        ]
        is_gauge = instrument.kind is contract.Kind.GAUGE
        return [
            point
            for point in points
            if (is_gauge or (point.value if point.count is None else point.count))
            and labels.items() <= point.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the sum of a metric's series with these labels; None without such series."""
        points = self.points(name, **labels)
        return sum(point.value for point in points) if points else None

    def count(self, name: str, **labels: str) -> int:
        """Return the number of values in a histogram's series with these labels."""
        return sum(point.count or 0 for point in self.points(name, **labels))

    def spans(self) -> list[ReadableSpan]:
        """Return the spans that have ended."""
        return list(self._spans.get_finished_spans())


@contextmanager
def capture() -> Iterator[Captured]:
    """Record into memory, and do not export, while the block runs.

    All metrics of the contract start at zero. The spans of decorators are captured if they are inside a span of
    `Captured.tracer`, or if the decorator has ``span="always"``.

    Examples:
        >>> from signalscope import count_feature
        >>> from signalscope.testing import capture
        >>> with capture() as captured:
        ...     count_feature("alerts", tier="basic")
        ...     captured.value("signal_service_feature_usage_total", feature="alerts")
        1
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    exporter = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = tracers.get_tracer("signalscope.testing")
    with recording.redirected(provider, [reader], tracer):
        yield Captured(reader, exporter, tracer)


class FakeClock:
    """A clock that a test sets; pass it to functions with a ``clock`` parameter.

    Args:
        now: The first time, in seconds.

    Examples:
        >>> from signalscope.testing import FakeClock
        >>> clock = FakeClock()
        >>> clock.advance(30)
        >>> clock()
        30.0
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Add seconds to the time."""
        self.now += seconds


def _find(name: str) -> Instrument:
    for instrument in contract.instruments():
        if name in (instrument.name, instrument.prometheus_name):
            return instrument
    raise ContractError(
        f"no metric {name!r} in the contract; `signalscope contract` lists the metrics [SS341]"
    )


def _point(raw: Any) -> Point:
    labels = {key: str(value) for key, value in (raw.attributes or {}).items()}
    traces = tuple(format(exemplar.trace_id, "032x") for exemplar in raw.exemplars if exemplar.trace_id)
    if hasattr(raw, "count"):
        return Point(labels, raw.sum, raw.count, traces)
    return Point(labels, raw.value, None, traces)
