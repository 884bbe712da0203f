"""Helpers for the tests of services that use signalscope: what was recorded, and a clock to move by hand.

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
        labels: Its attributes.
        value: A counter's or gauge's value; a histogram's sum, in the instrument's unit.
        count: How many values a histogram has; None for the others.
        trace_ids: Trace ids of a histogram's exemplars, as 32 hexadecimal digits.
    """

    labels: Mapping[str, str]
    value: float
    count: int | None = None
    trace_ids: tuple[str, ...] = ()


class Captured:
    """What was recorded since `capture` began. Series that nothing was recorded in are left out.

    Attributes:
        tracer: Makes spans that are captured too.
    """

    def __init__(self, reader: InMemoryMetricReader, spans: InMemorySpanExporter, tracer: Tracer) -> None:
        self._reader = reader
        self._spans = spans
        self.tracer = tracer

    def points(self, name: str, **labels: str) -> list[Point]:
        """The series of a metric.

        Args:
            name: Its Prometheus name (without ``_bucket``, ``_sum``, ``_count``), or its OpenTelemetry name.
            labels: Only series that have these.

        Raises:
            ContractError: The contract has no such metric, or the metric no such label.
        """
        instrument = _find(name)
        unknown = sorted(set(labels) - set(instrument.attribute_names))
        if unknown:
            raise ContractError(
                f"{name} has no label {', '.join(unknown)}; it has: {', '.join(instrument.attribute_names)}"
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
        """The sum of a metric's series with these labels; None when there are none."""
        points = self.points(name, **labels)
        return sum(point.value for point in points) if points else None

    def count(self, name: str, **labels: str) -> int:
        """How many values a histogram's series with these labels have."""
        return sum(point.count or 0 for point in self.points(name, **labels))

    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended."""
        return list(self._spans.get_finished_spans())


@contextmanager
def capture() -> Iterator[Captured]:
    """Record into memory instead of wherever this process exports, while the block runs.

    Metrics of the contract begin at zero. Spans are those of signalscope's decorators; they are made under a
    span of `Captured.tracer`, or by decorators with ``span="always"``.
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
    """A clock that moves when it is told to; give it wherever a ``clock`` is asked for.

    Args:
        now: What it shows first, in seconds.
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time it shows, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move it on."""
        self.now += seconds


def _find(name: str) -> Instrument:
    for instrument in contract.instruments():
        if name in (instrument.name, instrument.prometheus_name):
            return instrument
    raise ContractError(f"no metric {name!r} in the contract; `signalscope contract` lists them")


def _point(raw: Any) -> Point:
    labels = {key: str(value) for key, value in (raw.attributes or {}).items()}
    traces = tuple(format(exemplar.trace_id, "032x") for exemplar in raw.exemplars if exemplar.trace_id)
    if hasattr(raw, "count"):
        return Point(labels, raw.sum, raw.count, traces)
    return Point(labels, raw.value, None, traces)
