"""The metrics of one process as JSON, and their sums with those of the processes whose slot it has taken.

A family is a list: name, kind, unit, description, bucket boundaries and points. A point of a number is its attributes
and its value. A point of a histogram is its attributes, count, sum, bucket counts and exemplars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogram,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Family = list[Any]
COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
#: The label of the slot. The processes of a service share an instance, so the label keeps their series apart.
LABEL = "process"
#: The largest number of series of a family: each process has at most 2000, the limit of the SDK.
_SERIES = 4_000
_OVERFLOW = {"otel.metric.overflow": "true"}
_SCOPE = InstrumentationScope("signalscope")
_CUMULATIVE = AggregationTemporality.CUMULATIVE


def text_of(value: Any) -> str:
    """Return the value of an attribute as the text of a label; booleans are `true` and `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _texts(attributes: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: text_of(value) for key, value in (attributes or {}).items()}


def encode(collected: Iterable[MetricsData]) -> list[Family]:
    """Return the families of one collection."""
    return [
        _family(metric)
        for data in collected
        for resource_metrics in data.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
    ]


def resource_of(collected: Iterable[MetricsData]) -> dict[str, str]:
    """Return the resource attributes of one collection."""
    return {
        key: text
        for data in collected
        for resource_metrics in data.resource_metrics
        for key, text in _texts(resource_metrics.resource.attributes).items()
    }


def _family(metric: Metric) -> Family:
    data, boundaries, points = metric.data, None, list[Any]()
    if isinstance(data, Histogram | ExponentialHistogram):
        kind = HISTOGRAM
        for point in data.data_points:  # the page has only the count and the sum of an exponential histogram
            boundaries = list(getattr(point, "explicit_bounds", ()))
            counts = list(getattr(point, "bucket_counts", (point.count,)))
            exemplars = [
                [exemplar.value, exemplar.time_unix_nano, exemplar.span_id, exemplar.trace_id]
                for exemplar in point.exemplars
            ]
            points.append([_texts(point.attributes), point.count, point.sum, counts, exemplars])
    else:
        kind = COUNTER if isinstance(data, Sum) and data.is_monotonic else GAUGE
        points = [[_texts(point.attributes), point.value] for point in data.data_points]
    return [metric.name, kind, metric.unit or "", metric.description or "", boundaries, points]


def lasting(families: Iterable[Family]) -> list[Family]:
    """Return what stays of a process after its end: its counters and histograms, without exemplars."""
    return [
        [*family[:5], [[*point[:4], []] if family[1] == HISTOGRAM else point for point in family[5]]]
        for family in families
        if family[1] != GAUGE
    ]


def add(former: Iterable[Family], own: Iterable[Family]) -> list[Family]:
    """Return the sums of former processes and of this one; a family has at most `_SERIES` series.

    A series that is on the page stays there, since its end would be a lost increase. So it is a new series of this
    process that becomes part of the overflow series.
    """
    sums = {(family[0], family[2]): [*family[:5], list(family[5])] for family in former}
    for family in own:
        known = sums.get((family[0], family[2]))
        if known is None or (known[1], known[4]) != (
            family[1],
            family[4],
        ):  # new, or declared in another way now
            known = sums[family[0], family[2]] = [*family[:5], []]
        places = {_key(point): place for place, point in enumerate(known[5])}
        for point in family[5]:
            place = places.get(_key(point))
            if place is None and len(known[5]) >= _SERIES:
                point = [_OVERFLOW, *point[1:]]  # noqa: PLW2901  # the series that gets the values
                place = places.get(_key(point))
            if place is None:
                places[_key(point)] = len(known[5])
                known[5].append(point)
            else:
                known[5][place] = _sum(known[5][place], point)
    return list(sums.values())


def _key(point: list[Any]) -> frozenset[tuple[str, str]]:
    return frozenset(point[0].items())


def _sum(former: list[Any], own: list[Any]) -> list[Any]:
    if len(own) == 2:
        return [own[0], former[1] + own[1]]
    counts = [one + other for one, other in zip(former[3], own[3], strict=True)]
    return [own[0], former[1] + own[1], former[2] + own[2], counts, own[4]]


def decode(families: Iterable[Family], resource: Mapping[str, str], process: str) -> MetricsData:
    """Return families as metrics data for the page.

    Args:
        families: The families of one slot.
        resource: The resource attributes; without them the page has no `target_info` of the slot.
        process: The value of the label `process`; empty for no label.
    """
    own = {LABEL: process} if process else {}
    metrics = [
        Metric(family[0], family[3], family[2], _data(family, own)) for family in families if family[5]
    ]
    attributes = {**_renamed(resource), **own} if resource else {}
    return MetricsData([ResourceMetrics(Resource(attributes), [ScopeMetrics(_SCOPE, metrics, "")], "")])


def _data(family: Family, own: Mapping[str, str]) -> Any:
    _, kind, _, _, boundaries, points = family
    if kind == HISTOGRAM:
        return Histogram(list(_histogram_points(boundaries, points, own)), _CUMULATIVE)
    numbers = [NumberDataPoint({**_renamed(point[0]), **own}, 0, 0, point[1]) for point in points]
    return Sum(numbers, _CUMULATIVE, is_monotonic=True) if kind == COUNTER else Gauge(numbers)


def _histogram_points(
    boundaries: list[float], points: list[Any], own: Mapping[str, str]
) -> Iterator[HistogramDataPoint]:
    for attributes, count, total, counts, exemplars in points:
        kept = [Exemplar({}, *exemplar) for exemplar in exemplars]
        labels = {**_renamed(attributes), **own}
        yield HistogramDataPoint(labels, 0, 0, count, total, counts, boundaries, 0, 0, kept)


def _renamed(attributes: Mapping[str, str]) -> Mapping[str, str]:
    """Return attributes in which the label of the slot is free, as Prometheus renames a label of its target."""
    if LABEL not in attributes:
        return attributes
    return {(f"exported_{key}" if key == LABEL else key): text for key, text in attributes.items()}
