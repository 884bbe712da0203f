"""The way into the readers of an OpenTelemetry SDK.

A reader asks the SDK for its metrics and passes them to its own `MetricReader._receive_metrics`, which is
documented for overriding. `ReaderInterceptor` stands in front of that method, for push and pull readers alike, and
adds signalscope's metrics. The SDK does not call it when it has nothing to deliver itself. So one observable gauge of
the SDK, the placeholder instrument, always has a point: it brings the resource, the scope and the time of the
collection, and the interceptor takes it out again.
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

#: Name of the instrument that makes the SDK deliver.
PLACEHOLDER = "signalscope.recording.placeholder"


class PlaceholderInstrument:
    """The instrument that makes the SDK deliver; it has no point until an interceptor takes that out again.

    Args:
        meter: The meter whose scope signalscope's metrics belong to.
    """

    def __init__(self, meter: Meter) -> None:
        self.is_enabled = False
        self.instrument = meter.create_observable_gauge(
            PLACEHOLDER, callbacks=[self._points], description="Not exported."
        )

    def _points(self, _options: CallbackOptions) -> Iterable[Observation]:
        return (Observation(1),) if self.is_enabled else ()


class ReaderInterceptor:
    """Stands in front of a reader's `_receive_metrics` and adds signalscope's metrics to what the SDK delivers.

    Args:
        reader: A reader of the provider.
        wants: The reader's temporality and limits, known to the store.
        store: The series.
        on_error: Called when a collection fails; the SDK's own metrics are delivered all the same.
    """

    def __init__(self, reader: MetricReader, wants: Reader, store: Store, on_error: OnError) -> None:
        self._deliver = reader._receive_metrics
        self._wants = wants
        self._store = store
        self._on_error = on_error
        reader._receive_metrics = self  # type: ignore[method-assign]  # an override, given to one object

    def remove(self, reader: MetricReader) -> None:
        """Give the reader its method back, and drop its state."""
        reader._receive_metrics = self._deliver  # type: ignore[method-assign]  # see above
        self._store.remove_reader(self._wants)

    def __call__(
        self, metrics_data: MetricsData | None, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        """Deliver the SDK's metrics and signalscope's; nothing when there are none."""
        merged = self._merged(metrics_data, timeout_millis)
        if merged is not None:
            self._deliver(merged, timeout_millis=timeout_millis, **kwargs)

    def _merged(self, metrics_data: MetricsData | None, timeout_millis: float) -> MetricsData | None:
        if metrics_data is None:
            return None  # a pull reader may get nothing; without a placeholder there is no resource
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
        """The scope with signalscope's metrics in place of the placeholder; None when nothing is left."""
        placeholders = [metric for metric in scope.metrics if metric.name == PLACEHOLDER]
        if not placeholders:
            return scope
        others: list[Metric] = [metric for metric in scope.metrics if metric.name != PLACEHOLDER]
        now = _time_of(placeholders[0].data.data_points)
        metrics = others + self._collected(now, timeout_millis / 1e3)
        return ScopeMetrics(scope.scope, metrics, scope.schema_url) if metrics else None

    def _collected(self, now: int, timeout: float) -> list[Metric]:
        try:
            return self._store.collect(self._wants, now, timeout)
        except Exception:
            _logger.debug("recording: a collection failed", exc_info=True)
            self._on_error("recording.collect", 1)
            return []


def _time_of(points: Sequence[Any]) -> int:
    """The time of this collection, as the SDK says it."""
    return int(points[0].time_unix_nano) if points else time.time_ns()
