"""The reader behind `/metrics`: OpenTelemetry's Prometheus reader, with exemplars and without its pitfalls.

It is attached beside the readers that push, so that every service can be scraped as well. What differs from
`PrometheusMetricReader`: exemplars of histogram buckets are kept (shown in the OpenMetrics format); a metric or
point that cannot be written costs only itself; exponential histograms are shown with their count and sum; two
metrics of one name never give an invalid page; scope labels are left out, as the Collector leaves them out; ten
thousand series take a fraction of the time (docs/monitoring-api.md).
"""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricsData
from prometheus_client import REGISTRY

from signalscope.exposition._text import Writer, accepted
from signalscope.recording._process_state import ProcessState


class PullReader(PrometheusMetricReader):
    """Collects when it is scraped.

    Examples:
        >>> from opentelemetry.sdk.metrics import MeterProvider
        >>> from signalscope.exposition import PullReader
        >>> reader = PullReader()
        >>> provider = MeterProvider([reader], shutdown_on_exit=False)
        >>> provider.get_meter("example").create_counter("orders").add(3)
        >>> b"orders_total" in reader.page("text/plain")
        True
    """

    def __init__(self) -> None:
        super().__init__()
        REGISTRY.unregister(self._collector)
        self._received: list[MetricsData] = []
        self._writer = Writer()
        _current.reader = self

    def page(self, content_type: str) -> bytes:
        """Collect now and write the page; it is empty after a shutdown.

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

    #: Several servers may scrape, and repeat a scrape: an exemplar stays until another one replaces it.
    keeps_exemplars = True

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: nothing is kept, and a collection now would put points into a scrape twice."""
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
