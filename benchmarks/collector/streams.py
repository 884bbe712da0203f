"""OTLP bodies of many processes: signalscope's SDK, another SDK, and both."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric, ResourceMetrics

from signalscope import contract
from signalscope.contract import Instrument, Kind

__all__ = ["STREAMS", "body"]

#: Attribute sets of each instrument of a process.
_SETS = 6
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_DISTRO = {
    "telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.45.0",
}  # fmt: skip
_HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_OTHERS = tuple(Instrument(f"orders.{name}", kind, "", "An instrument of another service.", "benchmark", (), buckets)
                for name, kind, buckets in (
                    *((f"placed_{number}", Kind.COUNTER, None) for number in range(12)),
                    *((f"open_{number}", Kind.GAUGE, None) for number in range(8)),
                    *((f"wait_{number}", Kind.HISTOGRAM, _HTTP_BUCKETS) for number in range(6)),
                ))  # fmt: skip


def _attributes(values: dict[str, str | int]) -> Iterator[KeyValue]:
    for key, value in values.items():
        yield KeyValue(
            key=key,
            value=AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value),
        )


def _of_contract(one: Instrument) -> list[dict[str, str | int]]:
    """Return some attribute sets of an instrument, with the allowed values if the contract lists some."""
    values = [
        [(attribute.name, value) for value in (attribute.values or ("first", "second", "third"))]
        for attribute in one.attributes
    ]
    return [dict(pairs) for pairs in itertools.islice(itertools.product(*values), _SETS)]


def _of_http() -> list[dict[str, str | int]]:
    return [
        {
            "http.request.method": "GET", "http.route": f"/orders/{{id}}/{route}", "url.scheme": "https",
            "http.response.status_code": status, "network.protocol.version": "1.1",
        }
        for route in ("lines", "state", "price", "owner", "risk", "desk")
        for status in (200, 422, 503)
    ]  # fmt: skip


def _of_others() -> list[dict[str, str | int]]:
    return [
        {"side": side, "venue": venue, "desk": "options"}
        for side in ("buy", "sell")
        for venue in ("XNYS", "XNSE", "XCME")
    ]


def _metric(one: Instrument, sets: list[dict[str, str | int]], turn: int) -> Metric:
    """Return a metric with a point for each attribute set.

    Args:
        one: The instrument.
        sets: The attribute sets.
        turn: The number of the export: each one has larger totals.
    """
    metric = Metric(name=one.name, unit=one.unit, description=one.description)
    now = time.time_ns()
    times = {"start_time_unix_nano": now - 10**9 * (turn + 60), "time_unix_nano": now}
    if one.kind is Kind.HISTOGRAM:
        metric.histogram.aggregation_temporality = _CUMULATIVE
        bounds = one.buckets or ()
        counts = [turn + 1] * (len(bounds) + 1)
        for values in sets:
            metric.histogram.data_points.add(
                attributes=_attributes(values), explicit_bounds=bounds, bucket_counts=counts, count=sum(counts),
                sum=float(turn), **times,
            )  # fmt: skip
        return metric
    if one.kind is Kind.GAUGE:
        points = metric.gauge.data_points
    else:
        metric.sum.aggregation_temporality = _CUMULATIVE
        metric.sum.is_monotonic = one.kind is Kind.COUNTER
        points = metric.sum.data_points
    for values in sets:
        points.add(attributes=_attributes(values), as_double=float(turn + 1), **times)
    return metric


def _signalscope(process: int, turn: int) -> ResourceMetrics:
    resource = {**_DISTRO, "telemetry.distro.name": "signalscope", "service.name": "signal-service"}
    metrics = [_metric(one, _of_contract(one), turn) for one in contract.instruments()]
    return _resource(resource, process, metrics)


def _foreign(process: int, turn: int) -> ResourceMetrics:
    duration = Instrument(
        "http.server.request.duration",
        Kind.HISTOGRAM,
        "s",
        "Duration of HTTP requests.",
        "",
        (),
        _HTTP_BUCKETS,
    )
    metrics = [_metric(duration, _of_http(), turn), *(_metric(one, _of_others(), turn) for one in _OTHERS)]
    return _resource({**_DISTRO, "service.name": "orders"}, process, metrics)


def _resource(attributes: dict[str, str | int], process: int, metrics: list[Metric]) -> ResourceMetrics:
    result = ResourceMetrics()
    result.resource.attributes.extend(
        _attributes(
            {**attributes, "service.instance.id": f"process-{process}", "process.pid": 1_000 + process}
        )
    )
    result.scope_metrics.add(metrics=metrics).scope.name = "benchmark"
    return result


def _mixed(process: int, turn: int) -> ResourceMetrics:
    return (_signalscope if process % 2 else _foreign)(process, turn)


#: What each stream sends.
STREAMS = {
    "signalscope's SDK": _signalscope,
    "another SDK": _foreign,
    "both, half of the processes each": _mixed,
}


def body(stream: str, process: int, turn: int) -> tuple[bytes, int]:
    """Return the body of an export of one process, and its number of points.

    Args:
        stream: A key of `STREAMS`.
        process: The number of the process.
        turn: The number of the export.
    """
    resource = STREAMS[stream](process, turn)
    points = sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
    return ExportMetricsServiceRequest(resource_metrics=[resource]).SerializeToString(), points
