"""The text of a scrape: the Prometheus text format, and OpenMetrics with exemplars.

`prometheus_client` creates an object for each line and formats the whole line at each scrape. This module stores a
template with all lines of a series, and a scrape only inserts the numbers. The template of a series that no longer
exists is dropped.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from opentelemetry.exporter.prometheus._mapping import map_unit, sanitize_attribute, sanitize_full_name
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    Metric,
    MetricsData,
    Sum,
)
from prometheus_client.utils import floatToGoString

from signalscope.exposition._accept import weights
from signalscope.exposition._totals import text_of
from signalscope.recording import internal_error

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_COUNTER, _GAUGE, _HISTOGRAM = "counter", "gauge", "histogram"
_Key = tuple[str, tuple[str, ...], tuple[str, ...]]


def accepted(accept: str) -> str:
    """Return the accepted content type with the higher weight; if the weights are equal, the first of the two."""
    named = weights(accept)
    kinds = [
        kind for kind in named if kind in ("application/openmetrics-text", "text/plain") and named[kind] > 0
    ]
    best = max(kinds, key=lambda kind: named[kind], default="text/plain")
    return OPENMETRICS if best == "application/openmetrics-text" else TEXT


class Writer:
    """Writes the pages of one reader. It is not thread-safe: the caller writes one page at a time."""

    def __init__(self) -> None:
        self._templates: dict[_Key, tuple[str, ...]] = {}

    def write(self, collected: Iterable[MetricsData], content_type: str) -> bytes:
        """Return the page of one collection.

        Args:
            collected: The metrics data of the collection.
            content_type: `TEXT` or `OPENMETRICS`.
        """
        page = _Page(self._templates, openmetrics=content_type == OPENMETRICS)
        for data in collected:
            for resource_metrics in data.resource_metrics:
                page.add_target(resource_metrics.resource.attributes)
                for scope in resource_metrics.scope_metrics:
                    for metric in scope.metrics:
                        page.add(metric)
        self._templates = page.used
        return page.text().encode()


class _Page:
    """One page: the lines of each metric family by name.

    Attributes:
        used: The templates of the series on this page.
    """

    def __init__(self, templates: Mapping[_Key, tuple[str, ...]], *, openmetrics: bool) -> None:
        self.used: dict[_Key, tuple[str, ...]] = {}
        self._templates = templates
        self._openmetrics = openmetrics
        self._kinds: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def add_target(self, attributes: Mapping[str, Any]) -> None:
        """Add `target_info` with the resource attributes of a process."""
        keys = sorted(attributes)
        if not keys:
            return
        labels = _joined(tuple(map(_label, keys)), tuple(text_of(attributes[key]) for key in keys))
        shown = ",".join(f'{key}="{_escaped(value)}"' for key, value in zip(*labels, strict=True))
        lines = self._lines.setdefault("target", [self._head("target", "info", "Target metadata")])
        lines.append(f"target_info{{{shown}}} 1.0\n")

    def add(self, metric: Metric) -> None:
        """Add a metric; if it cannot be written, count an internal error and leave it out."""
        try:
            self._add(metric)
        except Exception:  # the metric comes from another part of the program
            internal_error("pull.metric")

    def text(self) -> str:
        """Return the whole page."""
        ends = ["# EOF\n"] if self._openmetrics else []
        return "".join([line for lines in self._lines.values() for line in lines] + ends)

    def _add(self, metric: Metric) -> None:
        kind = _kind_of(metric)
        if kind is None:
            internal_error("pull.metric")
            return
        name = _name(metric, is_counter=kind == _COUNTER)
        if self._kinds.setdefault(name, kind) != kind:
            internal_error("pull.collision")  # two kinds of metric with one name: only the first is shown
            return
        points: Sequence[Any] = metric.data.data_points
        lines = self._lines.get(name)
        if lines is None:
            lines = self._lines[name] = [self._head(name, kind, metric.description or name)]
        keys = tuple(sorted({key for point in points for key in (point.attributes or ())}))
        labels = tuple(_label(key, kind) for key in keys)
        collide = len(set(labels)) < len(labels)
        for point in points:
            attributes = point.attributes or {}
            values = tuple(
                value if type(value := attributes.get(key, "")) is str else text_of(value) for key in keys
            )
            identity = (name, *_joined(labels, values)) if collide else (name, labels, values)
            if identity in self.used:
                internal_error("pull.collision")
                continue
            try:
                lines.append(self._point(identity, kind, point))
            except Exception:  # see `add`
                internal_error("pull.point")

    def _head(self, name: str, kind: str, description: str) -> str:
        if not self._openmetrics:
            name = {_COUNTER: f"{name}_total", "info": f"{name}_info"}.get(kind, name)
            kind = _GAUGE if kind == "info" else kind
        text = description.replace("\\", "\\\\").replace("\n", "\\n")
        if self._openmetrics:
            text = text.replace('"', '\\"')
        return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"

    def _point(self, identity: _Key, kind: str, point: Any) -> str:
        if kind != _HISTOGRAM:
            templates = self._templates.get(identity) or _number_template(identity, kind)
            text = templates[0] + _number(point.value)
            self.used[identity] = templates
            return f"{text}\n"
        boundaries: Sequence[float] | None = getattr(point, "explicit_bounds", None)
        counts: Sequence[int] = (point.count,) if boundaries is None else point.bucket_counts
        templates = self._templates.get(identity, ())
        if len(templates) != len(counts) + 1:
            templates = _histogram_templates(identity, boundaries or ())
        running = list(accumulate(counts))
        tail = (point.count, _go(point.sum))
        exemplars = _exemplars(point, boundaries or ()) if self._openmetrics and point.exemplars else {}
        if not exemplars:
            text = "".join(templates) % (*running, *tail)
        else:
            text = "".join(
                f"{line[:-1] % count}{exemplars[place]}\n" if place in exemplars else line % count
                for place, (line, count) in enumerate(zip(templates, running, strict=False))
            )
            text += templates[-1] % tail
        self.used[identity] = templates
        return text


def _kind_of(metric: Metric) -> str | None:
    """Return the Prometheus type of a metric; None if it has no such type."""
    data = metric.data
    if isinstance(data, Histogram | ExponentialHistogram):
        return _HISTOGRAM
    if isinstance(data, Sum):
        return _COUNTER if data.is_monotonic else _GAUGE
    return _GAUGE if isinstance(data, Gauge) else None


def _name(metric: Metric, *, is_counter: bool) -> str:
    """Return the Prometheus name, the same as the Collector's; a counter's name without `_total`."""
    name = sanitize_full_name(metric.name)
    unit = map_unit(metric.unit or "")
    if is_counter:
        name = name.removesuffix("_total")
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    return name


def _label(key: str, kind: str = "") -> str:
    """Return the label name of an attribute; a histogram has its own label `le`."""
    label = str(sanitize_attribute(key))
    return f"exported_{label}" if label == "le" and kind == _HISTOGRAM else label


def _joined(labels: Sequence[str], values: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return unique labels; the values of a repeated label are joined by `;`, as OpenTelemetry specifies."""
    value_by_label: dict[str, str] = {}
    for label, value in zip(labels, values, strict=True):
        value_by_label[label] = f"{value_by_label[label]};{value}" if value_by_label.get(label) else value
    return tuple(value_by_label), tuple(value_by_label.values())


def _labels(identity: _Key, *more: str) -> str:
    _, names, values = identity
    shown = [f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)]
    shown += more
    return f"{{{','.join(shown)}}}" if shown else ""


def _number_template(identity: _Key, kind: str) -> tuple[str, ...]:
    suffix = "_total" if kind == _COUNTER else ""
    return (f"{identity[0]}{suffix}{_labels(identity)} ",)


def _histogram_templates(identity: _Key, boundaries: Sequence[float]) -> tuple[str, ...]:
    """Return a line with a placeholder for each bucket, then the lines of the count and the sum."""
    name = identity[0]
    shown = [*(_go(boundary) for boundary in boundaries), "+Inf"]
    lines = [
        f"{name}_bucket{_labels(identity, f'le={chr(34)}{boundary}{chr(34)}')}".replace("%", "%%") + " %d.0\n"
        for boundary in shown
    ]
    labels = _labels(identity).replace("%", "%%")
    return (*lines, f"{name}_count{labels} %d.0\n{name}_sum{labels} %s\n")


def _exemplars(point: Any, boundaries: Sequence[float]) -> dict[int, str]:
    """Return the text of the latest exemplar of each bucket, by the index of the bucket."""
    text_by_bucket: dict[int, str] = {}
    for exemplar in sorted(point.exemplars, key=lambda exemplar: exemplar.time_unix_nano):
        if exemplar.trace_id:
            ids = f'trace_id="{exemplar.trace_id:032x}",span_id="{exemplar.span_id:016x}"'
            value, time = _go(exemplar.value), exemplar.time_unix_nano / 1e9
            text_by_bucket[bisect_left(boundaries, exemplar.value)] = f" # {{{ids}}} {value} {time}"
    return text_by_bucket


def _go(value: float) -> str:
    """Format a number as Go does."""
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # it has no types


def _number(value: float) -> str:
    return f"{value}.0" if type(value) is int and -999_999 < value < 999_999 else _go(value)


def _escaped(value: str) -> str:
    if "\\" in value or "\n" in value or '"' in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value
