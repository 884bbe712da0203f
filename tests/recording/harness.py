"""A provider with the fast path attached, beside instruments of the SDK that get the same measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricReader
from opentelemetry.sdk.metrics.view import View

from signalscope.contract._model import Attribute, Instrument, Kind
from signalscope.recording._buffers import Buffer
from signalscope.recording._fast_path import FastPath, attach

Temporality = dict[type, AggregationTemporality]
CUMULATIVE: Temporality = dict.fromkeys(
    (Counter, UpDownCounter, Histogram), AggregationTemporality.CUMULATIVE
)
#: The temporalities of the preferences "delta" and "lowmemory", for synchronous instruments.
DELTA: Temporality = {
    **CUMULATIVE,
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}
ALL_DELTA: Temporality = dict.fromkeys(CUMULATIVE, AggregationTemporality.DELTA)
TEMPORALITIES: Mapping[str, Temporality] = {
    "cumulative": CUMULATIVE,
    "delta": DELTA,
    "all-delta": ALL_DELTA,
}

BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0)
_KEYS = (Attribute("key", "A key.", cap=100_000),)
COUNTER = Instrument("test.counter", Kind.COUNTER, "{x}", "Counted.", "tests", _KEYS)
UPDOWN = Instrument("test.updown", Kind.UPDOWNCOUNTER, "{x}", "Up and down.", "tests", _KEYS)
HISTOGRAM = Instrument("test.histogram", Kind.HISTOGRAM, "s", "Timed.", "tests", _KEYS, BOUNDS)


@dataclass
class Pair:
    """The fast path and an SDK, under the same provider.

    Args:
        temporalities: One reader for each.
        views: Views of the provider.
        provider_options: Further arguments of the provider.
    """

    temporalities: Sequence[Temporality] = (CUMULATIVE,)
    views: Sequence[View] = ()
    provider_options: Mapping[str, Any] = field(default_factory=dict)
    reader_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.readers = [
            InMemoryMetricReader(temporality, **self.reader_options) for temporality in self.temporalities
        ]
        self.provider = MeterProvider(
            list[MetricReader](self.readers),
            views=self.views,
            shutdown_on_exit=False,
            **self.provider_options,
        )
        self.errors: list[tuple[str, int]] = []
        meter = self.provider.get_meter("signalscope")
        fast_path = attach(
            self.provider, self.readers, meter, self._create, lambda *told: self.errors.append(told)
        )
        assert fast_path is not None
        self.fast_path: FastPath = fast_path
        self._twins = self.provider.get_meter("twin")

    def _create(self, instrument: Instrument) -> object:
        return _create(self.provider.get_meter("signalscope"), instrument)

    def buffer(self, instrument: Instrument, key: str) -> Buffer:
        """Return the buffer of signalscope's series."""
        return self.fast_path.store.bind(instrument, (key,))

    def twin(self, instrument: Instrument, key: str) -> Callable[[float], None]:
        """Record into the SDK's series."""
        made = _create(self._twins, instrument)
        write = made.record if instrument.kind is Kind.HISTOGRAM else made.add
        return lambda value: write(value, {"key": key})

    def both(self, instrument: Instrument, key: str) -> Callable[[float], None]:
        """Record into both."""
        ours, theirs = self.buffer(instrument, key), self.twin(instrument, key)

        def record(value: float) -> None:
            ours.record(value)
            theirs(value)

        return record

    def collect(self, reader: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
        """Collect one reader: return signalscope's metrics and the SDK's, by name."""
        data = self.readers[reader].get_metrics_data()
        scopes = {
            scope.scope.name: {metric.name: metric for metric in scope.metrics}
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
        }
        return scopes.get("signalscope", {}), scopes.get("twin", {})


def _create(meter: Any, instrument: Instrument) -> Any:
    make = {
        Kind.COUNTER: meter.create_counter,
        Kind.UPDOWNCOUNTER: meter.create_up_down_counter,
        Kind.HISTOGRAM: meter.create_histogram,
    }[instrument.kind]
    options = (
        {"explicit_bucket_boundaries_advisory": instrument.buckets}
        if instrument.kind is Kind.HISTOGRAM
        else {}
    )
    return make(instrument.name, unit=instrument.unit, description=instrument.description, **options)


def points(metrics: Mapping[str, Any], instrument: Instrument) -> dict[str, Any]:
    """Return the points of an instrument by their key attribute; empty without metrics."""
    metric = metrics.get(instrument.name)
    return (
        {point.attributes.get("key", "<overflow>"): point for point in metric.data.data_points}
        if metric
        else {}
    )
