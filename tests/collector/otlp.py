"""OTLP messages as JSON, in a few words."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

Value = str | int | float | bool
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
#: The time of every point: points of one collection have the same time.
_NOW = time.time_ns()


def attributes(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    """Return attributes as OTLP/JSON writes them."""
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def metrics(resource: Mapping[str, Value], *points: dict[str, Any]) -> dict[str, Any]:
    """Return a request with metrics of one resource."""
    scopes = [{"scope": {"name": "test"}, "metrics": list(points)}]
    return {"resourceMetrics": [{"resource": {"attributes": attributes(resource)}, "scopeMetrics": scopes}]}


def counter(name: str, unit: str, *points: tuple[Mapping[str, Value], float]) -> dict[str, Any]:
    """A cumulative counter."""
    data = [_point(labels) | {"asDouble": value} for labels, value in points]
    return {
        "name": name, "unit": unit,
        "sum": {"dataPoints": data, "aggregationTemporality": 2, "isMonotonic": True},
    }  # fmt: skip


def gauge(name: str, unit: str, *points: tuple[Mapping[str, Value], float]) -> dict[str, Any]:
    """A gauge."""
    data = [_point(labels) | {"asDouble": value} for labels, value in points]
    return {"name": name, "unit": unit, "gauge": {"dataPoints": data}}


def histogram(
    name: str,
    bounds: Sequence[float],
    *points: tuple[Mapping[str, Value], Sequence[int], float],
    exemplar: bool = False,
) -> dict[str, Any]:
    """A cumulative histogram in seconds: labels, counts and sum of each point."""
    data = []
    for labels, counts, total in points:
        point = _point(labels) | {
            "explicitBounds": list(bounds), "bucketCounts": [str(count) for count in counts],
            "count": str(sum(counts)), "sum": total,
        }  # fmt: skip
        if exemplar:
            point["exemplars"] = [
                {
                    "timeUnixNano": point["timeUnixNano"],
                    "asDouble": 0.2,
                    "traceId": TRACE_ID,
                    "spanId": SPAN_ID,
                }
            ]
        data.append(point)
    return {"name": name, "unit": "s", "histogram": {"dataPoints": data, "aggregationTemporality": 2}}


def exponential(name: str, *points: tuple[Mapping[str, Value], float, int]) -> dict[str, Any]:
    """A cumulative exponential histogram in seconds: labels, a value, and how often it was recorded."""
    data = [
        _point(labels)
        | {
            # At scale 3 the bucket of index i reaches from base**i to base**(i+1), with base 2**(1/8).
            "scale": 3, "count": str(count), "sum": value * count, "zeroCount": "0",
            "positive": {"offset": math.ceil(math.log2(value) * 8) - 1, "bucketCounts": [str(count)]},
        }
        for labels, value, count in points
    ]  # fmt: skip
    return {
        "name": name, "unit": "s", "exponentialHistogram": {"dataPoints": data, "aggregationTemporality": 2}
    }  # fmt: skip


def as_differences(request: dict[str, Any], after: int = 0) -> dict[str, Any]:
    """The same request from an exporter of differences, with an interval that ends now, or nanoseconds later."""
    now = time.time_ns() + after
    for resource in request["resourceMetrics"]:
        for scope in resource["scopeMetrics"]:
            for metric in scope["metrics"]:
                data = metric.get("sum") or metric["histogram"]
                data["aggregationTemporality"] = 1
                for point in data["dataPoints"]:
                    point |= {"startTimeUnixNano": str(now - 10**6), "timeUnixNano": str(now)}
    return request


def span(
    name: str, labels: Mapping[str, Value], number: int, seconds: float = 0.02, *, error: bool = False
) -> dict[str, Any]:
    """Return a span of a separate trace, with a number as its id."""
    end = time.time_ns()
    return {
        "traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": name, "kind": 2,
        "startTimeUnixNano": str(end - int(seconds * 1e9)), "endTimeUnixNano": str(end),
        "attributes": attributes(labels), "status": {"code": 2 if error else 0},
    }  # fmt: skip


def traces(resource: Mapping[str, Value], *spans: dict[str, Any]) -> dict[str, Any]:
    """A request with spans of one resource."""
    scopes = [{"scope": {"name": "test"}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource)}, "scopeSpans": scopes}]}


def _point(labels: Mapping[str, Value]) -> dict[str, Any]:
    return {
        "attributes": attributes(labels), "startTimeUnixNano": str(_NOW - 10**9), "timeUnixNano": str(_NOW)
    }  # fmt: skip
