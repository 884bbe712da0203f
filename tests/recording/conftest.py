"""Fixtures that record through the fast path, and through the plain API of a provider set by the program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from signalscope import recording
from signalscope.recording import _state as _live


class Recorded:
    """The values recorded since the fixture started.

    Args:
        path: "fast_path" or "api".
    """

    def __init__(self, path: str) -> None:
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader], shutdown_on_exit=False)
        if path == "fast_path":
            recording.initialise(provider, [self._reader])
        else:
            # As with a provider of the program: its meter is known, its readers are not.
            recording.initialise(provider)

    def points(self, name: str) -> dict[tuple[str, ...], Any]:
        """Return the points of an instrument with measurements, by attribute values."""
        data = self._reader.get_metrics_data()
        return {
            tuple(map(str, (point.attributes or {}).values())): point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
            if getattr(point, "count", 1) and getattr(point, "value", 1)
        }

    def counts(self, name: str) -> dict[tuple[str, ...], float]:
        """Return counts of histograms and values of counters."""
        return {key: p.count if hasattr(p, "count") else p.value for key, p in self.points(name).items()}


@pytest.fixture(params=["fast_path", "api"])
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """Return a new provider behind the recording interface, on the fast path and on the plain API."""
    live = _live.live
    before = live.on, live.fast_path, live.meter
    yield Recorded(request.param)
    live.on, live.fast_path, live.meter = before


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """Return a function that returns the ended spans of a new tracer provider."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    monkeypatch.setattr(_live.live, "tracer", provider.get_tracer("signalscope"))
    return lambda: list(exporter.get_finished_spans())
