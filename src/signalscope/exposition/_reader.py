"""The reader behind `/metrics`: OpenTelemetry's Prometheus reader, with exemplars and without its pitfalls.

It is attached beside whatever pushes, so that every service can be scraped as well. What differs from
`PrometheusMetricReader`: exemplars of histogram buckets are kept (shown in the OpenMetrics format); a metric or
point that cannot be shown costs only itself; exponential histograms are shown with their count and sum; two
metrics of one name never give an invalid page; scope labels are left out, as the Collector leaves them out; ten
thousand series take a fraction of the time (docs/monitoring-api.md).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricsData
from prometheus_client import REGISTRY

from signalscope.exposition._text import Writer, accepted
from signalscope.recording._process_state import ProcessState

__all__ = ["PullReader", "current", "render", "serve"]


class PullReader(PrometheusMetricReader):
    """Collects when it is scraped."""

    def __init__(self) -> None:
        super().__init__()
        REGISTRY.unregister(self._collector)
        self._received: list[MetricsData] = []
        self._writer = Writer()
        _current.reader = self

    def page(self, content_type: str) -> bytes:
        """Collect now, and write it down; an empty page after a shutdown.

        Args:
            content_type: One of `signalscope.exposition._text`.
        """
        with _current.lock:  # one page at a time
            self._received = []
            if _current.reader is self:
                self.collect()
            return self._writer.write(self._received, content_type)

    def _receive_metrics(
        self, metrics_data: MetricsData | None, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if metrics_data is not None:
            self._received.append(metrics_data)

    #: Several may scrape, and whoever does may have to do so again: an exemplar stays until another replaces it.
    keeps_exemplars = True

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is kept that could be flushed; collecting now would put points into a scrape twice."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Show nothing from now on."""
        if _current.reader is self:
            _current.reader = None


class _Current(ProcessState):
    """The process' reader, if it has one."""

    reader: PullReader | None = None


_current = _Current()


def current() -> PullReader | None:
    """The process' reader; None when signalscope has not set up the SDK."""
    return _current.reader


def render(accept: str = "") -> tuple[bytes, str] | None:
    """The page that a scrape gets.

    Args:
        accept: The request's Accept header: Prometheus' text format, or OpenMetrics, which has exemplars.

    Returns:
        The page and its content type; None when signalscope has not set up the SDK.
    """
    reader = _current.reader
    if reader is None:
        return None
    content_type = accepted(accept)
    return reader.page(content_type), content_type


def serve(host: str, port: int) -> None:
    """Serve the page on a port of its own, at every path, until the process ends.

    Raises:
        OSError: The port is taken, or there is no such host.
    """
    server = make_server(host, port, _answer, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="signalscope-metrics", daemon=True).start()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class' name
        """Say nothing about a scrape."""


def _answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    page = render(environ.get("HTTP_ACCEPT", ""))
    if page is None:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"# the process is ending\n"]
    body, content_type = page
    start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
