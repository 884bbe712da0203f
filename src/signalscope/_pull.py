"""The reader behind `/metrics`: OpenTelemetry's Prometheus reader, with exemplars and without its pitfalls.

It is attached beside whatever pushes, so that every service can be scraped as well. What differs from
`PrometheusMetricReader`: exemplars of histogram buckets are kept (shown in the OpenMetrics format); a metric or
point that cannot be shown costs only itself; exponential histograms are shown with their count and sum; two
metrics of one name never give an invalid page; scope labels are left out, as the Collector leaves them out.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.exporter.prometheus._mapping import map_unit, sanitize_attribute, sanitize_full_name
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    Metric,
    MetricsData,
    Sum,
)
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from signalscope.recording import internal_error

__all__ = ["PullReader", "current", "render"]


class PullReader(PrometheusMetricReader):
    """Collects when it is scraped.

    Attributes:
        registry: Renders what was collected; its own one, so that nothing else of the process is in it.
    """

    def __init__(self) -> None:
        super().__init__()
        REGISTRY.unregister(self._collector)
        self._one_at_a_time = threading.Lock()
        self._received: list[MetricsData] = []
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_Scraped(self))
        _Current.reader = self

    def scrape(self) -> list[MetricsData]:
        """Collect now; nothing after a shutdown."""
        if _Current.reader is not self:
            return []
        with self._one_at_a_time:
            self._received = []
            self.collect()
            return self._received

    def _receive_metrics(
        self, metrics_data: MetricsData | None, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if metrics_data is not None:
            self._received.append(metrics_data)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Show nothing from now on."""
        if _Current.reader is self:
            _Current.reader = None


class _Current:
    """The process' reader, if it has one."""

    reader: PullReader | None = None


def current() -> PullReader | None:
    """The process' reader; None when signalscope has not set up the SDK."""
    return _Current.reader


def render(accept: str = "") -> tuple[bytes, str] | None:
    """The page that a scrape gets.

    Args:
        accept: The request's Accept header: Prometheus' text format, or OpenMetrics, which has exemplars.

    Returns:
        The page and its content type; None when signalscope has not set up the SDK.
    """
    reader = _Current.reader
    if reader is None:
        return None
    encode, content_type = choose_encoder(accept)
    return encode(reader.registry), content_type


class _Scraped(Collector):
    """What `prometheus_client` asks for families."""

    def __init__(self, reader: PullReader) -> None:
        self._reader = reader

    def collect(self) -> Iterable[Family]:
        """The families of a collection that is made now."""
        page = _Page()
        for data in self._reader.scrape():
            for of_resource in data.resource_metrics:
                page.add_target(of_resource.resource.attributes)
                for scope in of_resource.scope_metrics:
                    for metric in scope.metrics:
                        page.add(metric)
        return page.families.values()


class _Page:
    """Families by name, each a valid one.

    Attributes:
        families: What to show.
    """

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    def add_target(self, attributes: Mapping[str, Any]) -> None:
        """Describe the process."""
        labels = {sanitize_attribute(key): _text(value) for key, value in attributes.items()}
        info = InfoMetricFamily("target", "Target metadata")
        info.add_metric((), labels)
        self.families["target"] = info

    def add(self, metric: Metric) -> None:
        """Add a metric; one that cannot be shown is counted, and the page goes on."""
        try:
            self._add(metric)
        except Exception:  # another part of the program made it
            internal_error("pull.metric")

    def _add(self, metric: Metric) -> None:
        make = _family_of(metric)
        points: Sequence[Any] = metric.data.data_points
        if make is None:
            internal_error("pull.metric")
            return
        name = _name(metric, is_counter=make is CounterMetricFamily)
        keys = sorted({key for point in points for key in (point.attributes or {})})
        labels = [sanitize_attribute(key) for key in keys]
        fresh = make(name, metric.description or name, labels=labels)
        family = self.families.setdefault(name, fresh)
        if type(family) is not type(fresh):
            internal_error("pull.collision")  # two kinds of metric under one name: the first is shown
            return
        for point in points:
            attributes = point.attributes or {}
            values = tuple(_text(attributes[key]) if key in attributes else "" for key in keys)
            identity = (name, (*labels, *values))
            if identity in self._seen:
                internal_error("pull.collision")
                continue
            self._seen.add(identity)
            family._labelnames = tuple(labels)  # type: ignore[attr-defined]  # of this metric, if merged
            self._add_point(family, values, point)

    def _add_point(self, family: Any, values: tuple[str, ...], point: Any) -> None:
        try:
            if isinstance(family, HistogramMetricFamily):
                family.add_metric(values, list(_buckets(point)), point.sum)
            else:
                family.add_metric(values, point.value)
        except Exception:  # see `add`
            internal_error("pull.point")


def _family_of(metric: Metric) -> Any:
    """How Prometheus sees a metric; None for what it cannot show."""
    data = metric.data
    if isinstance(data, Histogram | ExponentialHistogram):
        return HistogramMetricFamily
    if isinstance(data, Sum):
        return CounterMetricFamily if data.is_monotonic else GaugeMetricFamily
    return GaugeMetricFamily if isinstance(data, Gauge) else None


def _name(metric: Metric, *, is_counter: bool) -> str:
    """The name that the Collector gives it too; a counter's without `_total`, which the page adds."""
    name = sanitize_full_name(metric.name)
    unit = map_unit(metric.unit or "")
    if is_counter:
        name = name.removesuffix("_total")
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    return name


def _buckets(point: Any) -> Iterator[tuple[str, int] | tuple[str, int, Exemplar]]:
    """Cumulative buckets with their exemplars; only the last one of an exponential histogram."""
    bounds: Sequence[float] = getattr(point, "explicit_bounds", ())
    counts: Sequence[int] = point.bucket_counts if hasattr(point, "explicit_bounds") else (point.count,)
    shown = {
        bisect_left(bounds, each.value): each
        for each in sorted(point.exemplars or (), key=lambda each: each.time_unix_nano)
        if each.trace_id
    }
    for place, count in enumerate(accumulate(counts)):
        bound = "+Inf" if place >= len(bounds) else str(float(bounds[place]))
        exemplar = shown.get(place)
        if exemplar is None:
            yield bound, count
        else:
            labels = {
                "trace_id": format(exemplar.trace_id, "032x"),
                "span_id": format(exemplar.span_id, "016x"),
            }
            yield bound, count, Exemplar(labels, exemplar.value, exemplar.time_unix_nano / 1e9)


def _text(value: Any) -> str:
    """A label's value; booleans as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
