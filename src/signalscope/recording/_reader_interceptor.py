"""Add signalscope's metrics to what the readers of an OpenTelemetry SDK collect.

A reader collects the SDK's metrics and passes them to its method `_receive_metrics`. The SDK documents this method
for overriding. `ReaderInterceptor` replaces it, for push and pull readers, and adds signalscope's metrics.

The SDK does not call the method if the SDK has no metrics. So one observable gauge of the SDK, the placeholder
instrument, always has a data point. It has the resource, the scope and the time of the collection. The interceptor
removes it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics.export import Metric, MetricReader, MetricsData, ResourceMetrics, ScopeMetrics

from signalscope.recording._reader import Reader
from signalscope.recording._store import OnError, Store

_logger = logging.getLogger("signalscope")

#: Name of the placeholder instrument.
PLACEHOLDER = "signalscope.recording.placeholder"


class PlaceholderInstrument:
    """The instrument through which the SDK always has a metric to deliver.

    Args:
        meter: The meter whose scope signalscope's metrics get.

    Attributes:
        is_enabled: Set to True when interceptors remove the data point; before that there is none.
    """

    def __init__(self, meter: Meter) -> None:
        self.is_enabled = False
        self.instrument = meter.create_observable_gauge(
            PLACEHOLDER, callbacks=[self._points], description="Not exported."
        )

    def _points(self, _options: CallbackOptions) -> Iterable[Observation]:
        return (Observation(1),) if self.is_enabled else ()


class ReaderInterceptor:
    """Replaces a reader's `_receive_metrics` and adds signalscope's metrics to the SDK's.

    Args:
        reader: A reader of the provider.
        preferences: The reader's temporality and limits; one of the store's readers.
        store: The series.
        on_error: Called when a collection fails; the SDK's own metrics are delivered nevertheless.
    """

    def __init__(self, reader: MetricReader, preferences: Reader, store: Store, on_error: OnError) -> None:
        self._deliver = reader._receive_metrics
        self._preferences = preferences
        self._store = store
        self._on_error = on_error
        reader._receive_metrics = self  # type: ignore[method-assign]  # an override for one object

    def remove(self, reader: MetricReader) -> None:
        """Restore the reader's method, and drop the reader's state."""
        reader._receive_metrics = self._deliver  # type: ignore[method-assign]  # see above
        self._store.remove_reader(self._preferences)

    def __call__(
        self, metrics_data: MetricsData | None, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        """Deliver the SDK's metrics and signalscope's; do nothing if there are none."""
        merged = self._merged(metrics_data, timeout_millis)
        if merged is not None:
            self._deliver(merged, timeout_millis=timeout_millis, **kwargs)

    def _merged(self, metrics_data: MetricsData | None, timeout_millis: float) -> MetricsData | None:
        if metrics_data is None:
            return None  # a pull reader may get None; only the placeholder has the resource for signalscope's metrics
        resources: list[ResourceMetrics] = []
        for resource_metrics in metrics_data.resource_metrics:
            scopes = [
                scope
                for received in resource_metrics.scope_metrics
                if (scope := self._replaced(received, timeout_millis)) is not None
            ]
            if scopes:
                resources.append(
                    ResourceMetrics(resource_metrics.resource, scopes, resource_metrics.schema_url)
                )
        return MetricsData(resources) if resources else None

    def _replaced(self, scope: ScopeMetrics, timeout_millis: float) -> ScopeMetrics | None:
        """Return the scope with signalscope's metrics in place of the placeholder; None if no metric is left."""
        placeholders = [metric for metric in scope.metrics if metric.name == PLACEHOLDER]
        if not placeholders:
            return scope
        others: list[Metric] = [metric for metric in scope.metrics if metric.name != PLACEHOLDER]
        now = _time_of(placeholders[0].data.data_points)
        metrics = others + self._collected(now, timeout_millis / 1e3)
        return ScopeMetrics(scope.scope, metrics, scope.schema_url) if metrics else None

    def _collected(self, now: int, timeout: float) -> list[Metric]:
        try:
            return self._store.collect(self._preferences, now, timeout)
        except Exception:
            _logger.debug("recording: a collection failed", exc_info=True)
            self._on_error("recording.collect", 1)
            return []


def _time_of(points: Sequence[Any]) -> int:
    """Return the SDK's time of this collection, in nanoseconds since the epoch."""
    return int(points[0].time_unix_nano) if points else time.time_ns()
