"""An OTLP/HTTP endpoint on the loopback interface that stores the metrics and spans it receives."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver:
    """The received metrics, in the order of arrival.

    Attributes:
        refused: The end of the paths that are refused; a client tries again.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.refused = ""
        self.requests: list[ExportMetricsServiceRequest] = []
        self.traces: list[ExportTraceServiceRequest] = []

    def spans(self) -> list[tuple[str, str, str]]:
        """Return the scope, the kind and the name of every span, in order."""
        return sorted(
            (of_scope.scope.name, span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"), span.name)
            for request in list(self.traces)
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        )

    def metrics(self) -> Iterator[tuple[dict[str, str], Any]]:
        """Return every metric of every request, with its resource's attributes."""
        for request in list(self.requests):
            for of_resource in request.resource_metrics:
                resource = {
                    attribute.key: attribute.value.string_value
                    for attribute in of_resource.resource.attributes
                }
                for scope in of_resource.scope_metrics:
                    for metric in scope.metrics:
                        yield resource, metric

    def counts(self, name: str) -> dict[str, int]:
        """Return the last cumulative count of an instrument, summed over its series, by service.instance.id."""
        latest: dict[str, dict[Any, int]] = {}
        for resource, metric in self.metrics():
            if metric.name == name:
                series = latest.setdefault(resource.get("service.instance.id", ""), {})
                data = getattr(metric, metric.WhichOneof("data"))
                for point in data.data_points:
                    key = tuple(
                        sorted(
                            (attribute.key, attribute.value.string_value) for attribute in point.attributes
                        )
                    )
                    series[key] = point.count if hasattr(point, "count") else _number(point)
        return {instance: sum(series.values()) for instance, series in latest.items()}


def _number(point: Any) -> int:
    return int(point.as_int if point.WhichOneof("value") == "as_int" else point.as_double)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run an endpoint while the block runs."""
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if receiver.refused and self.path.endswith(receiver.refused):
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path.endswith("/metrics"):
                receiver.requests.append(ExportMetricsServiceRequest.FromString(body))
            elif self.path.endswith("/traces"):
                receiver.traces.append(ExportTraceServiceRequest.FromString(body))
            answer = ExportMetricsServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
